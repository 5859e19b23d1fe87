"""The panel's own sign-in page: a plain form that works without any script, before Gradio has even been loaded."""

import hmac
import secrets
from typing import Annotated, Any

import httpx
from fastapi import APIRouter, Form, Request
from pydantic import ValidationError
from starlette.responses import RedirectResponse, Response

from core.contracts.accounts import Login
from core.errors import NotAuthenticated, WaxosError
from ui import client
from ui.guard import PANEL, SESSION_KEY
from ui.session import COOKIE, SessionStore
from ui.views.render import Templates

_CSRF_COOKIE = "waxos_login"


def build_router(sessions: SessionStore, http: httpx.AsyncClient, templates: Templates, *, secure: bool) -> APIRouter:
    """Return GET and POST /login and POST /logout."""
    router = APIRouter()
    cookie: dict[str, Any] = {"httponly": True, "samesite": "strict", "secure": secure, "path": "/"}

    def page(to: str, *, status: int = 200, email: str = "", error: WaxosError | None = None) -> Response:
        csrf = secrets.token_urlsafe(24)
        html = templates.render("login.html", csrf=csrf, next=_local(to), email=email, error=error)
        response = Response(html, status_code=status, media_type="text/html")
        response.set_cookie(_CSRF_COOKIE, csrf, max_age=3600, **cookie)
        return response

    @router.get("/login")
    async def show(request: Request, next: str = "") -> Response:
        if request.scope.get(SESSION_KEY) is not None:
            return RedirectResponse(_local(next), status_code=303)
        return page(next)

    @router.post("/login")
    async def sign_in(
        request: Request,
        csrf: Annotated[str, Form()] = "",
        email: Annotated[str, Form()] = "",
        password: Annotated[str, Form()] = "",
        next: Annotated[str, Form()] = "",
    ) -> Response:
        expected = request.cookies.get(_CSRF_COOKIE, "")
        if not expected or not hmac.compare_digest(expected.encode(), csrf.encode()):
            return page(next, status=403, email=email, error=_expired_form())
        try:
            form = Login.model_validate({"email": email, "password": password})
            value = await sessions.open(await client.login(http, form))
        except ValidationError:
            return page(next, status=422, email=email, error=_unusable())
        except NotAuthenticated as error:
            return page(next, status=401, email=email, error=error)
        except WaxosError as error:
            return page(next, status=error.status, email=email, error=error)
        await sessions.end(request.cookies.get(COOKIE))
        response = RedirectResponse(_local(next), status_code=303)
        response.set_cookie(COOKIE, value, **cookie)
        response.delete_cookie(_CSRF_COOKIE, path="/")
        return response

    @router.post("/logout")
    async def sign_out(request: Request) -> Response:
        await sessions.end(request.cookies.get(COOKIE))
        response = RedirectResponse("/login", status_code=303)
        response.delete_cookie(COOKIE, path="/")
        response.headers["Clear-Site-Data"] = '"storage"'
        return response

    return router


def _local(to: str) -> str:
    """Return a path of the panel: a sign-in never sends anybody to another site."""
    return to if to.startswith(PANEL + "/") and "\\" not in to and "//" not in to else PANEL + "/"


def _expired_form() -> WaxosError:
    return WaxosError("This form was open for too long or in another window.", hint="Please sign in once more.")


def _unusable() -> WaxosError:
    return WaxosError("That is not an e-mail address with a password.", hint="Fill in both fields.")
