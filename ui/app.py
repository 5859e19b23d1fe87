"""The panel's web application: sign-in page, event socket, static files, and the Gradio panel behind the guard."""

import asyncio
import importlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import structlog
from fastapi import FastAPI, WebSocket
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from core.settings import Settings
from ui import files, login, pictures, stream
from ui.client import open_http
from ui.guard import PANEL, SESSION_KEY, Guard
from ui.session import SessionStore
from ui.views.render import Templates

_FOLDER = Path(__file__).parent
log = structlog.get_logger(__name__)


class LateGradio:
    """Stands for the Gradio application while it is imported (seconds), and passes on to it from then on; requests wait."""

    def __init__(self, settings: Settings, templates: Templates) -> None:
        self._settings = settings
        self._templates = templates
        self._stop = asyncio.Event()
        self._app: asyncio.Future[FastAPI] | None = None

    @property
    def state(self) -> str:
        """`loading`, `ready` or `failed`."""
        if self._app is None or not self._app.done():
            return "loading"
        return "failed" if self._app.exception() else "ready"

    async def run(self) -> None:
        """Import Gradio off the event loop, build the panel, and keep it started until `stop`."""
        # Read by Gradio and huggingface_hub while they are imported: the panel calls nobody but the API.
        os.environ.update(GRADIO_ANALYTICS_ENABLED="False", HF_HUB_OFFLINE="1", HF_HUB_DISABLE_TELEMETRY="1")
        loaded = self._app = asyncio.get_running_loop().create_future()
        try:
            panel = await asyncio.to_thread(importlib.import_module, "ui.panel")
            app: FastAPI = await asyncio.to_thread(panel.build_app, self._settings, self._templates)
            async with app.router.lifespan_context(app):
                loaded.set_result(app)
                log.info("ui.panel.ready")
                await self._stop.wait()
        except Exception as error:
            # The edge of a background task: each waiting request must hear of it.
            if loaded.done():
                raise
            log.exception("ui.panel.failed")
            loaded.set_exception(error)

    def stop(self) -> None:
        """Let `run` end."""
        self._stop.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, as soon as there is somebody to pass on to."""
        if self._app is None:
            raise RuntimeError("the application was not started")
        app = await asyncio.shield(self._app)
        await app(scope, receive, send)


def create_app(settings: Settings) -> ASGIApp:
    """Return the panel as an ASGI application; it answers at once and loads Gradio behind the sign-in page."""
    http = open_http(settings.ui.api_url)
    sessions = SessionStore(http, stream.events_url(settings.ui.api_url))
    templates = Templates(_FOLDER / "templates")
    gradio = LateGradio(settings, templates)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        running = asyncio.create_task(gradio.run())
        try:
            yield
        finally:
            gradio.stop()
            await running
            await sessions.close()
            await http.aclose()

    app = FastAPI(lifespan=lifespan, openapi_url=None, docs_url=None, redoc_url=None)
    app.include_router(login.build_router(sessions, http, templates, secure=settings.ui.secure_cookies))
    app.include_router(files.build_router())
    app.mount("/static", StaticFiles(directory=_FOLDER / "static"), name="static")

    @app.get("/")
    @app.get(PANEL)
    async def home() -> Response:
        return RedirectResponse(PANEL + "/", status_code=303)

    @app.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok", "panel": gradio.state}

    @app.get("/pictures/{send_id}")
    async def picture(request: Request, send_id: UUID) -> Response:
        return await pictures.answer(request.scope[SESSION_KEY], send_id)

    @app.websocket("/events")
    async def events(socket: WebSocket) -> None:
        await stream.serve_tab(socket, socket.scope[SESSION_KEY].events)

    async def by_path(scope: Scope, receive: Receive, send: Send) -> None:
        behind = scope["type"] == "http" and scope["path"].startswith(PANEL + "/")
        await (gradio if behind else app)(scope, receive, send)

    return Guard(by_path, sessions, secure=settings.ui.secure_cookies)
