"""The demo's own client of the public API: what a stranger with a password could write."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from core.errors import WaxosError

Found = TypeVar("Found")
Json = dict[str, object]


class StoryStopped(WaxosError):
    """The story cannot go on: something that it waits for did not happen in time."""

    code, title = "story_stopped", "The story stopped"


class DeskApi:
    """A signed-in member: plain calls, and waits that are woken by the desk's events."""

    def __init__(self, api_url: str) -> None:
        self._url = api_url.rstrip("/")
        self._http = httpx.AsyncClient(base_url=f"{self._url}/api/v1", timeout=20)
        self._changed = asyncio.Event()
        self._listener: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._listener is not None:
            self._listener.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._listener
        await self._http.aclose()

    async def sign_in(self, email: str, password: str) -> None:
        """Sign in and begin to listen to events."""
        tokens = await self.call("POST", "/auth/login", json={"email": email, "password": password})
        self._http.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        socket = await connect(
            self._url.replace("http", "ws", 1) + "/api/v1/events",
            additional_headers={"Authorization": self._http.headers["Authorization"]},
        )
        self._listener = asyncio.create_task(self._listen(socket))

    async def call(self, method: str, path: str, **more: object) -> Json:
        """Call the API and return its JSON.

        Raises:
            StoryStopped: it refused; says why in its own words.
        """
        answer = await self._http.request(method, path, **more)  # type: ignore[arg-type]
        if answer.is_error:
            problem = (
                answer.json() if "json" in answer.headers.get("content-type", "") else {"detail": answer.text[:200]}
            )
            raise StoryStopped(
                f"{method} {path} answered {answer.status_code}: {problem.get('detail')}", hint=problem.get("hint")
            )
        return answer.json() if answer.content else {}

    async def upload(self, path: Path) -> Json:
        """Add a file to the knowledge."""
        return await self.call("POST", "/knowledge/sources", files={"file": (path.name, path.read_bytes())})

    async def until(self, look: Callable[[], Awaitable[Found | None]], what: str, seconds: float = 30) -> Found:
        """Look, and again at every event, until `look` finds something.

        Raises:
            StoryStopped: it did not come within `seconds`.
        """
        try:
            async with asyncio.timeout(seconds):
                async for _ in self._events():
                    found = await look()
                    if found is not None:
                        return found
        except TimeoutError:
            raise StoryStopped(
                f"Waited {seconds:.0f} s for {what}, and it did not come.", hint="See the logs in var/."
            ) from None
        raise StoryStopped(f"The desk's events ended while waiting for {what}.", hint="See the logs in var/.")

    async def _events(self) -> AsyncIterator[None]:
        yield
        while True:
            with contextlib.suppress(TimeoutError):
                # A hint may be lost with its connection: look again after a second at the latest.
                async with asyncio.timeout(1):
                    await self._changed.wait()
            self._changed.clear()
            yield

    async def _listen(self, socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for frame in socket:
                json.loads(frame)
                self._changed.set()
