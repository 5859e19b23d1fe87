"""Flow 2 of the seed, its fifteen steps by number: an owner's own key, a real bridge, and a server that hears numbers only."""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio as redis
from playwright.async_api import Page, expect
from pydantic import SecretStr

from core.settings import BridgeSettings
from desktop_bridge.journal.journal import read_journal
from desktop_bridge.sandbox.running import Sandbox, run_sandbox
from evals.demo.desk_api import DeskApi
from tests.e2e.conftest import WholeDesk
from tests.e2e.tee import Tee, run_tee
from tests.standins.provider import ProviderStandin, scribe
from tests.standins.provider.faults import Asked, Reply, status

pytestmark = pytest.mark.timeout(300)

KEY = "sk-canary-a81f-of-the-owner"
PASSWORD = "canary-c04e master password"
DRAFTED = "Warm regards from Quillfeather."
"""What only the draft says, and what the owner takes out before approving."""
QUESTION = "How much is the beginner wheel course, please?"
PROMPT = "⟦new messages⟧"
"""What only a prompt says."""
CANARIES = {"key": KEY, "password": PASSWORD, "draft": DRAFTED, "prompt": f"{PROMPT}\n{QUESTION}"}
PASSPHRASE = "a long passphrase"


def _forms(text: str) -> list[bytes]:
    """Return the text as it may be written: plain, in JSON, in JSON without other letters."""
    return [text.encode(), json.dumps(text, ensure_ascii=False)[1:-1].encode(), json.dumps(text)[1:-1].encode()]


def _found_in(content: bytes) -> list[str]:
    return [name for name, text in CANARIES.items() if any(form in content for form in _forms(text))]


def _signed(asked: Asked) -> Reply:
    """Answer as ever, but sign what the owner's provider writes."""
    said = scribe.answer(asked)
    if asked.vendor != "openai" or not isinstance(said, Mapping) or not said.get("parts"):
        return said
    return {**said, "parts": [f"{part} {DRAFTED}" if DRAFTED not in part else part for part in said["parts"]]}


@dataclass
class OwnersComputer:
    """A bridge of its own on a channel of its own, its chat page, and the wire between it and the server."""

    desk: WholeDesk
    """As its owner has signed in to it."""
    home: Path
    sandbox: Sandbox
    tee: Tee
    commands: dict[str, str]
    passed: list[bytes]
    """Every command that went to Redis."""

    async def command(self, *words: str, said: str = "") -> str:
        """Run a command of the bridge, with what is typed into it."""
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).parent / "waxos"), "bridge", *words,
            env=self.commands, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, _ = await process.communicate(said.encode())
        assert process.returncode == 0, words
        return out.decode().strip()


def _of_the_api(desk: WholeDesk, name: str) -> str:
    lines = Path(f"/proc/{desk.addresses.pids['api']}/environ").read_bytes().split(b"\0")
    return next(line for line in lines if line.startswith(name.encode())).decode().split("=", 1)[1]


@pytest.fixture
async def owners(whole_desk: WholeDesk, tmp_path: Path) -> AsyncIterator[OwnersComputer]:
    """Start it, and listen to the wire and to Redis."""
    async with (
        DeskApi(whole_desk.addresses.api) as api,
        run_sandbox() as sandbox,
        run_tee(whole_desk.addresses.api) as tee,
    ):
        await api.sign_in(*whole_desk.login("owner"))
        channel: Any = await api.call("POST", "/channels", json={"kind": "sandbox", "name": "Owner's number"})
        pairing: Any = await api.call("POST", "/devices/pairings", json={"channel_id": channel["id"]})
        mine = {
            "HOME": str(tmp_path / "home"), "PAGE_URL": f"{sandbox.url}/", "SERVER_URL": tee.url, "PACING": "false",
            "JOURNAL_PASSPHRASE": PASSPHRASE, "BROWSER_PATH": whole_desk.addresses.browser,
        }  # fmt: skip
        plain = {name: value for name, value in os.environ.items() if not name.startswith("WAXOS_")}
        commands = plain | {f"WAXOS_BRIDGE__{name}": value for name, value in mine.items()}
        passed: list[bytes] = []
        async with _listening(_of_the_api(whole_desk, "WAXOS_REDIS_URL"), passed):
            log = (tmp_path / "bridge.log").open("wb")
            bridge = await asyncio.create_subprocess_exec(
                str(Path(sys.executable).parent / "waxos"), "bridge", "run",
                env={**commands, "WAXOS_BRIDGE__PAIRING_CODE": pairing["code"]}, stdout=asyncio.subprocess.PIPE, stderr=log,
            )  # fmt: skip
            assert bridge.stdout is not None
            async with asyncio.timeout(60):
                while b'"event": "ready"' not in (await bridge.stdout.readline() or pytest.fail("the bridge ended")):
                    pass
            desk = replace(whole_desk, api=api)
            yield OwnersComputer(desk, tmp_path / "home", sandbox, tee, commands, passed)
            bridge.terminate()
            await bridge.wait()
            log.close()


@asynccontextmanager
async def _listening(url: str, passed: list[bytes]) -> AsyncIterator[None]:
    client = redis.Redis.from_url(url)

    async def listen() -> None:
        async with client.monitor() as monitor:
            async for command in monitor.listen():
                passed.append(json.dumps(command, ensure_ascii=False, default=str).encode())  # noqa: PERF401 - no end

    listener = asyncio.create_task(listen())
    yield
    listener.cancel()
    with suppress(asyncio.CancelledError):
        await listener
    await client.aclose()


async def test_an_owner_answers_with_a_key_of_their_own(owners: OwnersComputer) -> None:
    desk, provider = owners.desk, owners.desk.provider
    try:
        page = await _steps_1_to_5(desk, owners)
        chat, draft = await _steps_6_to_12(owners, page, provider)
        chat_id = await _steps_13_to_15(desk, owners, page, chat, draft)
        await _approved_is_an_ordinary_message(desk, owners, page, chat, chat_id)
        await _a_failure_is_told_and_nobody_else_is_asked(desk, owners, page)
    finally:
        provider.answer_with(scribe.answer)
    await page.get_by_role("button", name="Lock the key").click()
    await expect(page.locator("#lock")).to_have_text("Locked")
    await _an_owner_switches_back_in_the_panel(desk, page)
    _nothing_was_heard(desk, owners)


async def _steps_1_to_5(desk: WholeDesk, owners: OwnersComputer) -> Page:
    # 1 and 2: the owner opens the key's page on their own computer, which asks for the key.
    page = await desk.pages.open(await owners.command("key", "page"))
    await expect(page.locator("#enter-key")).to_be_visible()
    assert "Owner's number" not in [channel["name"] for channel in await _on(desk)]

    # 3: pastes it.
    form = page.locator("#enter-key")
    await form.get_by_role("textbox", name="Key", exact=True).fill(KEY)
    await form.get_by_label("Address").fill(desk.provider.base_url("openai"))
    for label in ("Master password (10 characters or more)", "Master password, once more"):
        await form.get_by_label(label).fill(PASSWORD)
    await form.get_by_role("button", name="Keep this key").click()
    await expect(page.locator("#lock")).to_have_text("Unlocked", timeout=60_000)
    await expect(page.locator("#mode")).to_contain_text("made here, with your key")
    assert "Owner's number" in [channel["name"] for channel in await _on(desk)]

    # 4 and 5: it is sealed with the password, and lies in the encrypted journal.
    settings = BridgeSettings(home=owners.home, journal_passphrase=SecretStr(PASSPHRASE))
    journal = read_journal(settings)
    kept = journal.own.key()
    journal.close()
    assert kept is not None
    assert _found_in(kept.sealed + kept.derivation.encode()) == []
    assert json.loads(await owners.command("key", "status", "--json"))["unlocked"] is True
    return page


async def _on(desk: WholeDesk) -> list[Any]:
    page: Any = await desk.api.call("GET", "/channels")
    return [channel for channel in page["items"] if channel["own_key"]]


async def _steps_6_to_12(owners: OwnersComputer, page: Page, provider: ProviderStandin) -> tuple[str, str]:
    # 6: a customer writes, and the chat is on the owner's page.
    provider.clear()
    provider.answer_with(_signed)
    chat = await owners.sandbox.client.add_chat("Olga Ferreira")
    await owners.sandbox.client.customer_says(chat.id, QUESTION)
    card = page.locator(".draft", has_text="Olga Ferreira")
    await expect(card.get_by_role("button", name="Approve and send")).to_be_visible(timeout=60_000)
    draft = str(await card.get_attribute("data-draft"))

    # 7: the bridge fetched the context, and the passages from the ordinary search.
    asked = [(method, path) for method, path, _ in owners.tee.requests()]
    assert ("GET", f"/api/v1/bridge/byok/{draft}") in asked
    assert QUESTION in [body["query"] for body in owners.tee.bodies("POST", "/api/v1/knowledge/search")]

    # 8, 9 and 10: it asked the provider itself, with the owner's key, which is billed.
    calls = provider.asked("openai")
    assert {call.headers["authorization"] for call in calls} == {f"Bearer {KEY}"}
    assert all(call.path.endswith("/chat/completions") for call in calls)
    assert _found_in(json.dumps(calls[0].body, ensure_ascii=False).encode()) == [
        "prompt"
    ]  # what is looked for elsewhere

    # 11 and 12: what came back is the suggestion; the desk's own provider was not asked.
    assert {call.vendor for call in provider.journal} == {"openai"}
    return chat.id, draft


async def _steps_13_to_15(desk: WholeDesk, owners: OwnersComputer, page: Page, chat: str, draft: str) -> str:
    # 13: the page shows it with the badge.
    card = page.locator(f'[data-draft="{draft}"]')
    await expect(card.locator(".badge")).to_have_text("Own key")
    await expect(card.get_by_label("Reply")).to_have_value(re.compile("145 EUR"))
    assert DRAFTED in await card.get_by_label("Reply").input_value()

    # 14: the server is told numbers, and nothing else.
    (told,) = [body for body in owners.tee.bodies("POST", "/api/v1/ai/byok-usage") if body["suggestionId"] == draft]
    assert set(told) == {
        "id", "suggestionId", "provider", "model", "tokensUsed", "tokensIn", "tokensOut", "latencyMs", "outcome", "code",
        "verdict", "textSha256",
    }  # fmt: skip
    assert (told["provider"], told["outcome"]) == ("openai", "ready")
    assert told["tokensUsed"] == told["tokensIn"] + told["tokensOut"] > 0

    # 15: it keeps them for its reports, and staff see that a draft waits on the owner's computer.
    rows: Any = await desk.api.call("GET", "/usage/ai-calls")
    assert [(row["tokens_in"], row["provider"]) for row in rows["items"] if row["paid_by"] == "own"] == [
        (told["tokensIn"], "openai")
    ]
    panel = await desk.pages.panel(desk.addresses.panel, *desk.login("staff"))
    row = panel.locator(".chat-row", has_text="Olga Ferreira")
    await row.click()
    await expect(panel.locator('.card[data-state="owner"]')).to_contain_text("waits on the owner's computer")
    assert await owners.sandbox.client.received(chat) == []
    return str(await row.get_attribute("data-chat"))


async def _approved_is_an_ordinary_message(
    desk: WholeDesk, owners: OwnersComputer, page: Page, chat: str, chat_id: str
) -> None:
    card = page.locator(".draft", has_text="Olga Ferreira")
    reply = card.get_by_label("Reply")
    edited = (await reply.input_value()).replace(f" {DRAFTED}", "").replace(DRAFTED, "").strip()
    await reply.fill(edited)
    await card.get_by_role("button", name="Approve and send").click()
    await expect(page.locator("#outcomes")).to_contain_text("Olga Ferreira", timeout=30_000)

    async def on_its_way() -> bool | None:
        sends: Any = await desk.api.call("GET", "/sends", params={"chat_id": chat_id})
        context: Any = await desk.api.call("GET", f"/chats/{chat_id}/context")
        waiting = context["draft"]
        if not sends["items"] and waiting and waiting["status"] == "pending":  # the check marked it: staff say yes
            seen = {"version": waiting["version"], "text_sha256": waiting["text_sha256"], "confirm": True}
            await desk.api.call("POST", f"/drafts/{waiting['id']}/approve", json=seen)
        return bool(sends["items"]) or None

    await desk.api.until(on_its_way, "the approved text", 60)
    received = await owners.sandbox.client.wait_received(chat, 1, timeout_s=60)
    assert [message.text for message in received] == [edited]


async def _a_failure_is_told_and_nobody_else_is_asked(desk: WholeDesk, owners: OwnersComputer, page: Page) -> None:
    desk.provider.clear()
    desk.provider.script("openai", status(402))
    chat = await owners.sandbox.client.add_chat("Pavel Novak")
    await owners.sandbox.client.customer_says(chat.id, QUESTION)
    card = page.locator(".draft", has_text="Pavel Novak")
    await expect(card).to_contain_text("Nobody else was asked", timeout=60_000)
    assert [call.vendor for call in desk.provider.journal] == ["openai"]
    assert owners.tee.bodies("POST", "/api/v1/ai/byok-usage")[-1]["outcome"] == "failed"
    await card.get_by_role("button", name="Ask again").click()
    await expect(card.get_by_label("Reply")).to_be_visible(timeout=60_000)
    await card.get_by_role("button", name="Put aside").click()
    await expect(card).to_have_count(0)


async def _an_owner_switches_back_in_the_panel(desk: WholeDesk, page: Page) -> None:
    """Who has lost that computer needs it for nothing."""
    panel = await desk.pages.panel(desk.addresses.panel, *desk.login("owner"))
    await panel.click('[data-view="channels"]')
    button = panel.locator('[data-do="desk_drafts"]')
    await button.click()
    await button.click()  # it asks whether that is meant
    await expect(button).to_have_count(0)
    assert await _on(desk) == []
    await expect(page.locator("#mode")).to_contain_text("still made by the desk", timeout=15_000)


def _nothing_was_heard(desk: WholeDesk, owners: OwnersComputer) -> None:
    """Law 7: on the wire, in Redis, in the database with its log, in every log and file of the server, and on the owner's disk."""
    assert _found_in(owners.tee.heard) == []
    assert len(owners.passed) > 50
    assert [command for command in owners.passed if _found_in(command)] == []
    looked = 0
    for folder in (desk.home, owners.home.parent):
        for path in folder.rglob("*"):
            if path.is_file() and "profile" not in path.parts:
                looked += 1
                assert _found_in(path.read_bytes()) == [], path
    assert looked > 500
    written = b"".join(path.read_bytes() for path in desk.home.rglob("postgres/**/pg_wal/*") if path.is_file())
    assert QUESTION.encode() in written  # what the server may know is found where the rest is looked for
