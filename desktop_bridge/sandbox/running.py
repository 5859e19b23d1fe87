"""Starts the sandbox on loopback inside the caller's event loop and says where it is."""

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from urllib.parse import quote

import uvicorn

from desktop_bridge.sandbox.client import SandboxClient
from desktop_bridge.sandbox.server import create_sandbox
from desktop_bridge.sandbox.state import SandboxState

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Sandbox:
    """A running sandbox: where its pages are and how to steer it."""

    url: str
    token: str
    client: SandboxClient
    state: SandboxState

    def customer_url(self, name: str) -> str:
        """The page on which the customer of this name (or chat id) writes; an unknown name becomes a contact."""
        return f"{self.url}/customer/{quote(name, safe='')}"


class _Server(uvicorn.Server):
    """uvicorn that leaves the signals to its host and says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


@asynccontextmanager
async def run_sandbox(
    port: int = 0, token: str | None = None, state: SandboxState | None = None
) -> AsyncIterator[Sandbox]:
    """The sandbox for as long as the block lasts. Port 0 takes a free one. Raises OSError if the port is in use."""
    token = token or secrets.token_urlsafe(24)
    state = state or SandboxState()
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((LOOPBACK, port))
    except OSError:
        listener.close()
        raise
    config = uvicorn.Config(
        create_sandbox(state, token),
        ws="websockets-sansio",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    running = asyncio.create_task(server.serve(sockets=[listener]))
    await server.listening.wait()
    url = f"http://{LOOPBACK}:{listener.getsockname()[1]}"
    try:
        async with SandboxClient(url, token) as client:
            yield Sandbox(url=url, token=token, client=client, state=state)
    finally:
        server.should_exit = True
        await running
        listener.close()
