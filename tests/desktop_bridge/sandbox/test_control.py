"""The control hook and the server's own guards, without a browser."""

import asyncio
import json
import signal
import sys
from urllib.parse import urlsplit

import httpx
import pytest
import websockets

from core.errors import Conflict, InvalidInput, NotAuthenticated, NotFound
from desktop_bridge.sandbox.client import SandboxClient
from desktop_bridge.sandbox.models import JournalKind, NewChat, Source
from desktop_bridge.sandbox.running import Sandbox

SERVE = "from desktop_bridge.sandbox.commands import app; app()"


async def test_the_hook_wants_its_token(sandbox: Sandbox) -> None:
    async with SandboxClient(sandbox.url, "guessed") as stranger:
        with pytest.raises(NotAuthenticated):
            await stranger.add_chat("Anna")
    assert (await sandbox.client.state()).chats == []


async def test_what_cannot_be_done_is_refused_with_a_reason(sandbox: Sandbox) -> None:
    first, _ = await sandbox.client.add_chats([NewChat(title="Anna"), NewChat(title="Anna")])
    with pytest.raises(Conflict, match="2 chats are called 'Anna'"):
        await sandbox.client.customer_says("Anna", "hi")
    assert await sandbox.client.customer_says(first.id, "hi")
    with pytest.raises(NotFound):
        await sandbox.client.edit("3A00", "hi")
    with pytest.raises(InvalidInput, match="lost_clicsk"):
        await sandbox.client.set_fault(lost_clicsk=1)


async def test_the_away_text_answers_every_customer_and_leaves_the_chat_unread(sandbox: Sandbox) -> None:
    chat = await sandbox.client.add_chat("Anna")
    await sandbox.client.configure(away_text="Back on Monday.")
    await sandbox.client.customer_says("Anna", "hi")
    state = await sandbox.client.state()
    assert [(m.source, m.text, m.from_me) for m in state.messages] == [
        (Source.CUSTOMER, "hi", False),
        (Source.AUTOMATION, "Back on Monday.", True),
    ]
    assert next(c.unread for c in state.chats if c.id == chat.id) == 1
    await sandbox.client.phone_says("Anna", "It is me")
    assert next(c.unread for c in (await sandbox.client.state()).chats if c.id == chat.id) == 0


async def test_waiting_wakes_on_the_entry_and_gives_up_in_time(sandbox: Sandbox) -> None:
    await sandbox.client.add_chat("Anna")
    waiting = asyncio.create_task(sandbox.client.wait_noted(JournalKind.CUSTOMER_SAID, timeout_s=5))
    await sandbox.client.customer_says("Anna", "hi")
    assert (await waiting).note == "hi"
    with pytest.raises(TimeoutError):
        await sandbox.client.wait_received("Anna", timeout_s=0.1)


async def test_other_origins_and_host_names_are_turned_away(sandbox: Sandbox) -> None:
    port = urlsplit(sandbox.url).port
    async with httpx.AsyncClient(trust_env=False) as http:
        page = await http.get(sandbox.url)
        assert page.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
        rebound = await http.get(sandbox.url, headers={"host": f"elsewhere.example:{port}"})
        assert rebound.status_code == 400
    with pytest.raises(websockets.InvalidStatus):
        await websockets.connect(f"ws://127.0.0.1:{port}/push", origin=websockets.Origin("http://elsewhere.example"))


async def test_the_command_serves_and_stops_on_a_signal() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVE, "--port", "0", "--json", stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    addresses = json.loads(await process.stdout.readline())
    async with SandboxClient(addresses["business"].rstrip("/"), addresses["token"]) as client:
        assert (await client.state()).seq == 0
    process.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(process.wait(), 10) == 0
