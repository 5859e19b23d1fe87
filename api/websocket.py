"""What every socket does: Origin and token before anything else, then frames until one side has enough.

The token comes in the `Authorization` header, or as the first frame `{"type": "auth", "token": "…"}` from a browser, which cannot set
headers; never in the address, which ends in logs. Each minute the right to listen is looked at again.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, SecretStr, ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from api.deps import identify
from api.errors import problem
from api.resources import resources_of
from core.contracts.principal import Principal, Scope
from core.errors import NotAllowed, NotAuthenticated, WaxosError

OVER = 4401
"""Close code: the right to listen has ended; sign in or pair again."""

_FIRST_FRAME_S = 5.0
_LOOK_AGAIN_S = 60.0
_LONGEST_FRAME = 4096


class _AuthFrame(BaseModel):
    type: str
    token: SecretStr


async def enter(socket: WebSocket, scope: Scope) -> Principal | None:
    """Accept a socket of somebody with `scope`, or refuse it and return None."""
    resources = resources_of(socket)
    try:
        _check_origin(socket, resources["settings"].api.cors_origins)
        kind, _, token = socket.headers.get("authorization", "").partition(" ")
        if not token:
            await socket.accept()
            token = await _first_frame(socket)
        elif kind.lower() != "bearer":
            raise NotAuthenticated("the Authorization header is not a bearer token", hint="send `Bearer …`")
        caller = await identify(resources, token)
        if scope not in caller.scopes:
            raise NotAllowed(f"a {caller.role.value} may not listen here (it needs {scope.value})")
    except WaxosError as error:
        await _refuse(socket, error)
        return None
    except WebSocketDisconnect:
        return None
    if socket.application_state is WebSocketState.CONNECTING:
        await socket.accept()
    return caller


async def pour(
    socket: WebSocket, frames: AsyncGenerator[BaseModel, None], still_welcome: Callable[[], Awaitable[object]]
) -> None:
    """Send frames until the client leaves, the frames end, or `still_welcome` raises NotAuthenticated."""
    tasks: list[asyncio.Task[Any]] = [
        asyncio.create_task(_send_all(socket, frames)),
        asyncio.create_task(_until_gone(socket)),
        asyncio.create_task(_look_again(still_welcome)),
    ]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _end(tasks)
    faults = [task.exception() for task in done]
    if any(isinstance(fault, NotAuthenticated) for fault in faults):
        await _close(socket, OVER)
    elif not any(isinstance(fault, WebSocketDisconnect) for fault in faults):
        await _close(socket, 1012)  # service restart: come back
    for fault in faults:
        if fault is not None and not isinstance(fault, NotAuthenticated | WebSocketDisconnect):
            raise fault


async def _send_all(socket: WebSocket, frames: AsyncGenerator[BaseModel, None]) -> None:
    async with aclosing(frames):
        async for frame in frames:
            await socket.send_text(frame.model_dump_json())


async def _until_gone(socket: WebSocket) -> None:
    while True:
        await (
            socket.receive_text()
        )  # what a listener says is read, so that its leaving is noticed, and otherwise ignored


async def _look_again(still_welcome: Callable[[], Awaitable[object]]) -> None:
    while True:
        await asyncio.sleep(_LOOK_AGAIN_S)  # house: sleep - a session can end by time alone, which nobody tells
        await still_welcome()


async def _end(tasks: Sequence[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _first_frame(socket: WebSocket) -> str:
    try:
        async with asyncio.timeout(_FIRST_FRAME_S):
            text = await socket.receive_text()
        frame = _AuthFrame.model_validate_json(text[:_LONGEST_FRAME])
    except (TimeoutError, ValidationError):
        frame = None
    if frame is None or frame.type != "auth":
        raise NotAuthenticated("the first frame must hold the token", hint='send {"type": "auth", "token": "…"}')
    return frame.token.get_secret_value()


def _check_origin(socket: WebSocket, allowed: Sequence[str]) -> None:
    """A browser sends Origin with every handshake, and cookies or not, a foreign page may not listen; other clients send none."""
    origin = socket.headers.get("origin")
    if origin is None or origin in allowed:
        return
    if urlsplit(origin).netloc == socket.headers.get("host"):
        return
    raise NotAllowed("this page may not open a socket here", hint="add its origin to WAXOS_API__CORS_ORIGINS")


async def _refuse(socket: WebSocket, error: WaxosError) -> None:
    if socket.application_state is not WebSocketState.CONNECTING:
        await _close(socket, OVER)
    elif "websocket.http.response" in socket.scope.get("extensions", {}):
        await socket.send_denial_response(problem(error, socket.scope.get("request_id")))
    else:
        await socket.close(OVER)


async def _close(socket: WebSocket, code: int) -> None:
    if WebSocketState.DISCONNECTED not in (socket.client_state, socket.application_state):
        await socket.close(code)
