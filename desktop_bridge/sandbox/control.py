"""The control hook: tests, the demo and the crash suite arrange the sandbox with it and judge by what it received."""

import hmac
import json
from typing import Any

from pydantic import BaseModel, ValidationError
from starlette.authentication import AuthCredentials, AuthenticationBackend, AuthenticationError, SimpleUser
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from core.errors import WaxosError
from desktop_bridge.sandbox.delivery import Delivery
from desktop_bridge.sandbox.models import Identified, MessageChange, NewChat, NewMessage, Status
from desktop_bridge.sandbox.state import SandboxState

MAX_WAIT_S = 30.0


class _Token(AuthenticationBackend):
    def __init__(self, token: str) -> None:
        self._expected = f"Bearer {token}".encode()

    async def authenticate(self, conn: HTTPConnection) -> tuple[AuthCredentials, SimpleUser]:
        given = conn.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, self._expected):
            raise AuthenticationError("The control hook wants the token that was printed when the sandbox started.")
        return AuthCredentials(["control"]), SimpleUser("control")


def _refused(status: int, detail: str) -> JSONResponse:
    return JSONResponse({"detail": detail}, status_code=status)


def _answer(model: BaseModel) -> Response:
    return Response(model.model_dump_json(), media_type="application/json")


class Control:
    """The endpoints under `/control`, all on one state."""

    def __init__(self, state: SandboxState, delivery: Delivery, token: str) -> None:
        self._state = state
        self._delivery = delivery
        self._token = token

    def mount(self) -> Mount:
        routes = [
            Route("/state", self._snapshot, methods=["GET"]),
            Route("/events", self._events, methods=["GET"]),
            Route("/chats", self._add_chats, methods=["POST"]),
            Route("/messages", self._add_messages, methods=["POST"]),
            Route("/changes", self._change, methods=["POST"]),
            Route("/settings", self._configure, methods=["POST"]),
        ]
        guard = Middleware(
            AuthenticationMiddleware, backend=_Token(self._token), on_error=lambda _, exc: _refused(401, str(exc))
        )
        return Mount("/control", routes=routes, middleware=[guard])

    @property
    def refusals(self) -> dict[Any, Any]:
        """How what cannot be done is answered: with its status and the reason."""
        return {
            WaxosError: lambda _, error: _refused(error.status, error.detail),
            ValidationError: lambda _, error: _refused(422, str(error)),
            json.JSONDecodeError: lambda _, error: _refused(422, f"This is not JSON: {error}"),
        }

    async def _snapshot(self, _: Request) -> Response:
        return _answer(self._state.snapshot())

    async def _events(self, request: Request) -> Response:
        after = int(request.query_params.get("after", "0"))
        wait_s = min(float(request.query_params.get("wait_s", "0")), MAX_WAIT_S)
        entries = await self._state.entries_after(after, wait_s)
        return JSONResponse([entry.model_dump(mode="json") for entry in entries])

    async def _add_chats(self, request: Request) -> Response:
        chats = [NewChat.model_validate(item) for item in await request.json()]
        return JSONResponse([self._state.add_chat(new).model_dump(mode="json") for new in chats])

    async def _add_messages(self, request: Request) -> Response:
        messages = [NewMessage.model_validate(item) for item in await request.json()]
        made = [Identified(id=self._state.add_message(new).id) for new in messages]
        return JSONResponse([item.model_dump() for item in made])

    async def _change(self, request: Request) -> Response:
        change = MessageChange.model_validate(await request.json())
        message = self._state.change_message(change)
        if message.held and message.status in {Status.SENT, Status.DELIVERED, Status.READ}:
            self._state.release(message)
        return _answer(Identified(id=message.id))

    async def _configure(self, request: Request) -> Response:
        was_offline = self._state.settings.offline
        settings = self._state.configure(await request.json())
        if was_offline and not settings.offline:
            self._delivery.empty_outbox()
        return _answer(settings)
