"""The page of the owner's key: on 127.0.0.1, on a port that the system picks, for as long as the bridge runs."""

import html
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from pydantic import Field, SecretStr, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from core.contracts.base import Command
from core.errors import InvalidInput, TooLarge, WaxosError
from desktop_bridge.byok.door import Door, Guard
from desktop_bridge.byok.owner import OwnerDesk
from desktop_bridge.byok.shown import shown
from desktop_bridge.byok.vault import Provider
from desktop_bridge.loopback import bound, served

_FILES = Path(__file__).parent / "page"
_TYPES = {"page.js": "text/javascript", "enter.js": "text/javascript", "page.css": "text/css"}
_LONGEST_BODY = 64 * 1024
_LOOK_SECONDS = 25.0
_ENTER = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>WAXOS</title>
<meta name="half" content="{half}"><script src="/enter.js"></script></head><body></body></html>"""


class KeyEntered(Command):
    """What the page or the command line sends to keep, exchange or unlock a key."""

    password: SecretStr
    key: SecretStr | None = None
    new_password: SecretStr | None = None
    provider: str | None = Field(default=None, max_length=40)
    model: str = Field(default="", max_length=200)
    address: str = Field(default="", max_length=300)

    @property
    def meant(self) -> Provider | None:
        """Whom the key is for, where that is said."""
        return Provider(self.provider, self.model, self.address) if self.provider else None


class Switched(Command):
    """Whose key drafts."""

    on: bool


class Approved(Command):
    """The text as the owner has left it."""

    parts: list[str] = Field(max_length=3)


Shape = TypeVar("Shape", bound=Command)
Endpoint = Callable[[Request], Awaitable[Response]]


class OwnerPage:
    """The routes on the owner's desk."""

    def __init__(self, desk: OwnerDesk, door: Door) -> None:
        self._desk = desk
        self._door = door

    def app(self) -> Guard:
        """Return the application behind its door."""
        acts = {
            "key": self._set, "unlock": self._unlock, "lock": self._lock, "rotate": self._rotate, "delete": self._delete,
            "switch": self._switch,
        }  # fmt: skip
        decisions = {"approve": self._approve, "dismiss": self._dismiss, "again": self._again}
        routes = [
            Route("/", self._index),
            Route("/enter/{token}", self._enter),
            Route("/{name:str}", self._file),
            Route("/api/state", self._state),
            *(Route(f"/api/{name}", _told(act), methods=["POST"]) for name, act in acts.items()),
            *(Route(f"/api/drafts/{{id:uuid}}/{n}", _told(act), methods=["POST"]) for n, act in decisions.items()),
        ]
        return Guard(Starlette(routes=routes), self._door)

    async def _index(self, _request: Request) -> Response:
        return FileResponse(_FILES / "index.html", media_type="text/html")

    async def _file(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _TYPES:
            return PlainTextResponse("not found", status_code=404)
        return FileResponse(_FILES / name, media_type=_TYPES[name])

    async def _enter(self, request: Request) -> Response:
        halves = self._door.exchange(request.path_params["token"])
        if halves is None:
            return PlainTextResponse("This link has been used. A fresh one: waxos bridge key page", status_code=410)
        session, half = halves
        # Not a redirect: a page that was opened from elsewhere would be asked for without its strict cookie.
        response = HTMLResponse(_ENTER.format(half=html.escape(half)))
        response.set_cookie(self._door.cookie, session, httponly=True, samesite="strict", path="/")
        return response

    async def _state(self, request: Request) -> Response:
        seen = request.query_params.get("seen", "")
        if seen.isdecimal():
            await self._desk.wait(int(seen), _LOOK_SECONDS)
        return JSONResponse(shown(self._desk))

    async def _set(self, request: Request) -> None:
        said = await _body(request, KeyEntered)
        if said.key is None or said.meant is None:
            raise InvalidInput("a key and its provider are needed")
        await self._desk.set_key(said.key, said.password, said.meant)

    async def _unlock(self, request: Request) -> None:
        await self._desk.unlock((await _body(request, KeyEntered)).password)

    async def _lock(self, _request: Request) -> None:
        await self._desk.lock()

    async def _rotate(self, request: Request) -> None:
        said = await _body(request, KeyEntered)
        await self._desk.rotate(said.password, key=said.key, new_password=said.new_password, provider=said.meant)

    async def _delete(self, _request: Request) -> None:
        await self._desk.delete()

    async def _switch(self, request: Request) -> None:
        await self._desk.switch(on=(await _body(request, Switched)).on)

    async def _approve(self, request: Request) -> None:
        await self._desk.approve(_id(request), (await _body(request, Approved)).parts)

    async def _dismiss(self, request: Request) -> None:
        await self._desk.dismiss(_id(request))

    async def _again(self, request: Request) -> None:
        await self._desk.again(_id(request))


def _id(request: Request) -> UUID:
    found: UUID = request.path_params["id"]
    return found


async def _body(request: Request, shape: type[Shape]) -> Shape:
    """Read a body; what is wrong with it is said without repeating it, because it may hold the key."""
    content = b""
    async for piece in request.stream():
        content += piece
        if len(content) > _LONGEST_BODY:
            raise TooLarge("this is more than the page sends")
    try:
        return shape.model_validate_json(content)
    except ValidationError:
        raise InvalidInput("the page sent something that cannot be used", hint="reload it") from None


def _told(act: Callable[[Request], Awaitable[None]]) -> Endpoint:
    """Return an endpoint that does something and says what came of it; no answer repeats what was sent."""

    async def endpoint(request: Request) -> Response:
        try:
            await act(request)
        except WaxosError as error:
            told = {"detail": error.detail, "hint": error.hint, "code": error.reason_code, "wait": error.retry_after}
            return JSONResponse(told, status_code=error.status)
        return JSONResponse({})

    return endpoint


@asynccontextmanager
async def open_page(desk: OwnerDesk, home: Path) -> AsyncIterator[Door]:
    """The page for as long as the block lasts."""
    listener = bound()
    door = Door(home, listener.getsockname()[1])
    async with served(OwnerPage(desk, door).app(), listener):
        door.renew()
        try:
            yield door
        finally:
            door.close()
            await desk.end()
