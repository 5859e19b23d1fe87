"""Live updates: one WebSocket a session to the API, fanned out to every open tab. Ids and versions only, never content."""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator
from typing import Any

import structlog
from pydantic import ValidationError
from starlette.websockets import WebSocket, WebSocketDisconnect
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus, WebSocketException

from core.contracts.events import Event
from core.errors import NotAuthenticated, WaxosError
from ui.client import PREFIX, Bearer

_QUEUE = 256
_FIRST_WAIT_SECONDS = 0.25
_LONGEST_WAIT_SECONDS = 5.0

log = structlog.get_logger(__name__)
Note = dict[str, Any]


def events_url(api_url: str) -> str:
    """Return the address of the API's event socket."""
    return "ws" + api_url.rstrip("/").removeprefix("http") + PREFIX + "/events"


class EventHub:
    """The event connection of one session. It is up while a tab listens, and comes back by itself when it breaks.

    Tabs get notes: `{"type": "link", "state": "live" | "reconnecting" | "signed_out"}` and, for each event,
    `{"type", "ids", "versions"}`. After every `live` a tab refetches, since events may have been missed.
    """

    def __init__(self, url: str, credentials: Bearer) -> None:
        self._url = url
        self._credentials = credentials
        self._tabs: set[asyncio.Queue[Note]] = set()
        self._task: asyncio.Task[None] | None = None
        self._state = "reconnecting"

    @contextlib.asynccontextmanager
    async def listen(self) -> AsyncIterator[asyncio.Queue[Note]]:
        """Yield the queue of one tab; its first note is the state of the link."""
        queue: asyncio.Queue[Note] = asyncio.Queue(_QUEUE)
        queue.put_nowait({"type": "link", "state": self._state})
        self._tabs.add(queue)
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        try:
            yield queue
        finally:
            self._tabs.discard(queue)
            if not self._tabs:
                await self._stop()

    async def close(self) -> None:
        """Tell every tab that this session is over, and disconnect."""
        self._set_state("signed_out")
        await self._stop()

    async def _stop(self) -> None:
        task, self._task = self._task, None
        if task is not None and task is not asyncio.current_task():
            # Before anything is awaited: a tab that comes meanwhile must not be told `live` by the connection that goes.
            if self._state == "live":
                self._state = "reconnecting"
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        wait = _FIRST_WAIT_SECONDS
        while True:
            try:
                async for event in self._connection():
                    wait = _FIRST_WAIT_SECONDS
                    self._tell({"type": event.type, "ids": _texts(event.ids), "versions": event.versions})
            except NotAuthenticated:
                self._set_state("signed_out")
                return
            except (OSError, WebSocketException, WaxosError) as error:
                log.warning("ui.events.broken", reason=type(error).__name__)
            self._set_state("reconnecting")
            # house: sleep - a server that is away tells nobody when it is back
            await asyncio.sleep(wait * random.uniform(0.7, 1.3))  # noqa: S311 - spreads reconnects, keeps no secret
            wait = min(wait * 2, _LONGEST_WAIT_SECONDS)

    async def _connection(self) -> AsyncIterator[Event]:
        token = await self._credentials.bearer()
        headers = {"Authorization": f"Bearer {token}"}
        try:
            socket = await connect(self._url, additional_headers=headers, proxy=None, open_timeout=5, max_size=65536)
        except InvalidStatus as refused:
            # The token may just have been withdrawn: ask for another, which ends the session if there is none.
            if refused.response.status_code in {401, 403}:
                await self._credentials.bearer(stale=token)
            raise
        async with socket:
            self._set_state("live")
            async for frame in socket:
                with contextlib.suppress(ValidationError):
                    yield Event.model_validate_json(frame)

    def _set_state(self, state: str) -> None:
        if state != self._state:
            self._state = state
            self._tell({"type": "link", "state": state})

    def _tell(self, note: Note) -> None:
        for queue in self._tabs:
            if queue.full():
                _drain(queue)
                queue.put_nowait({"type": "link", "state": self._state})
            queue.put_nowait(note)


def _drain(queue: asyncio.Queue[Note]) -> None:
    """Empty the queue of a tab that reads too slowly; the `link` note that follows makes it refetch all it shows."""
    while not queue.empty():
        queue.get_nowait()


def _texts(ids: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in ids.items()}


async def serve_tab(socket: WebSocket, hub: EventHub) -> None:
    """Carry the notes of a session to one tab until it goes away or the session ends."""
    await socket.accept()
    async with hub.listen() as queue:
        gone = asyncio.create_task(_until_gone(socket))
        try:
            while not gone.done():
                get = asyncio.create_task(queue.get())
                await asyncio.wait({get, gone}, return_when=asyncio.FIRST_COMPLETED)
                if not get.done():
                    get.cancel()
                    return
                await socket.send_text(json.dumps(get.result()))
        except WebSocketDisconnect:
            return
        finally:
            gone.cancel()


async def _until_gone(socket: WebSocket) -> None:
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            await socket.receive_text()
