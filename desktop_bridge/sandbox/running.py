"""Starts the sandbox on loopback inside the caller's event loop and says where it is."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import quote

from desktop_bridge.loopback import ADDRESS, bound, served
from desktop_bridge.sandbox.client import SandboxClient
from desktop_bridge.sandbox.server import create_sandbox
from desktop_bridge.sandbox.state import SandboxState


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


@asynccontextmanager
async def run_sandbox(
    port: int = 0, token: str | None = None, state: SandboxState | None = None
) -> AsyncIterator[Sandbox]:
    """The sandbox for as long as the block lasts. Port 0 takes a free one. Raises OSError if the port is in use."""
    token = token or secrets.token_urlsafe(24)
    state = state or SandboxState()
    listener = bound(port)
    url = f"http://{ADDRESS}:{listener.getsockname()[1]}"
    async with served(create_sandbox(state, token), listener), SandboxClient(url, token) as client:
        yield Sandbox(url=url, token=token, client=client, state=state)
