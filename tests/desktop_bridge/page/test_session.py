"""Every state of a session is told from the page alone, in both builds and three languages, with words that a person understands."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from core.contracts.states import ChannelState
from desktop_bridge.page import linking
from desktop_bridge.page.probe import missing_on
from desktop_bridge.sandbox.models import Box
from tests.desktop_bridge.stage import Stage, calm

LOOKS = [(build, lang) for build in ("testid", "plain") for lang in ("en", "pt", "es")]
STATES: list[tuple[dict[str, Any], ChannelState, str | None]] = [
    ({"screen": "startup"}, ChannelState.STARTING, None),
    ({"screen": "qr"}, ChannelState.QR, "linked with the phone"),
    ({"screen": "qr_expired"}, ChannelState.QR, "linked with the phone"),
    ({"screen": "taken_over"}, ChannelState.TAKEN_OVER, "only its owner"),
    ({"screen": "logged_out"}, ChannelState.LOGGED_OUT, "link it again"),
    ({"screen": "banned"}, ChannelState.RESTRICTED, "does not let this account in"),
    ({"screen": "outdated"}, ChannelState.BROKEN, "too old"),
    ({"screen": "main", "offline": True}, ChannelState.OFFLINE, "not connected"),
    ({"screen": "main", "restricted": True}, ChannelState.RESTRICTED, "account is restricted"),
    ({"screen": "main"}, ChannelState.LINKED, None),
]


@pytest.fixture
async def stage(module_stage: Stage) -> AsyncIterator[Stage]:
    yield module_stage
    await calm(module_stage.sandbox)
    await until(module_stage, ChannelState.LINKED)


async def until(stage: Stage, state: ChannelState) -> str | None:
    """Wait until the page is in this state, and return what is said of it."""
    async with asyncio.timeout(10):
        while True:
            seen = await stage.page.reader.ask("watch.count")
            session = await stage.page.session()
            if session.state is state:
                return session.detail
            await stage.page.reader.changed(seen, 1)


@pytest.mark.parametrize(("build", "lang"), LOOKS)
async def test_each_state_is_told_on_every_look(stage: Stage, build: str, lang: str) -> None:
    client = stage.sandbox.client
    title = f"Customer {build} {lang}"
    await stage.customer(title, "Hello?")
    await stage.read(title)
    await client.configure(build=build, lang=lang)
    for settings, state, words in STATES:
        await client.configure(**{"offline": False, "restricted": False, **settings})
        detail = await until(stage, state)
        assert words is None or words in (detail or ""), (settings, detail)


@pytest.mark.parametrize(("build", "lang"), LOOKS)
async def test_the_announcement_is_dismissed_and_nothing_else_is_pressed(stage: Stage, build: str, lang: str) -> None:
    await stage.sandbox.client.configure(build=build, lang=lang, interstitial=True)
    await stage.page.reader.until("read.dialogPoint", bool, 3)
    assert (await stage.page.session()).state is ChannelState.LINKED
    assert not await stage.page.reader.until("read.dialogPoint", lambda point: not point, 3)


@pytest.mark.parametrize("build", ["testid", "plain"])
async def test_a_blocked_contact_is_no_fault_of_the_page(stage: Stage, build: str) -> None:
    await stage.sandbox.client.configure(build=build)
    chat = stage.sandbox.state.chats[await stage.customer(f"Blocked {build}", "Hello?")]
    await stage.read(chat.title)
    chat.box = Box.BLOCKED
    await stage.page.reader.page.reload()
    await stage.page.linked()
    assert await missing_on(stage.page, lambda title: title == chat.title) is None
    assert (await stage.page.reader.ask("read.state"))["box"] is None


async def test_a_page_that_shows_nothing_known_is_broken_and_not_starting_for_ever(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = stage.page.reader.page
    monkeypatch.setattr(stage.page, "link_seconds", 0.3)
    await page.evaluate("document.body.replaceChildren('Something new')")
    session = await stage.page.linked()
    assert session.state is ChannelState.BROKEN
    assert "neither chats nor a code" in (session.detail or "")
    await page.reload()


@pytest.mark.parametrize("build", ["testid", "plain"])
async def test_the_code_is_read_and_one_that_ran_out_is_renewed_by_the_pages_own_button(
    stage: Stage, build: str
) -> None:
    client, reader = stage.sandbox.client, stage.page.reader
    await client.configure(build=build, screen="qr")
    await until(stage, ChannelState.QR)
    code = await linking.code_on(reader)
    shown = await reader.page.locator("[data-ref]").get_attribute("data-ref")
    assert (code.data, code.expired) == (shown, False)
    assert shown is not None
    assert shown not in repr(code)
    await client.configure(screen="qr_expired")
    await reader.until("read.code", lambda seen: seen["reload"] is not None, 5)
    assert await linking.code_on(reader) == linking.PageCode(expired=True)
    await linking.renew_code(reader)
    await reader.until("read.code", lambda seen: seen["reload"] is None, 5)
    fresh = (await linking.code_on(reader)).data
    assert fresh is not None
    assert fresh != shown


async def test_the_proof_names_what_a_send_would_miss_and_opens_no_chat_with_news(stage: Stage) -> None:
    await stage.customer("Proven", "Hello?")
    await stage.read("Proven")
    unread = await stage.customer("Unread", "Anybody there?")
    assert await missing_on(stage.page, lambda title: title in {"Proven", "Unread"}) is None
    assert (await stage.page.current()).title == "Proven"  # type: ignore[union-attr]
    chats = (await stage.sandbox.client.state()).chats
    assert next(chat.unread for chat in chats if chat.id == unread) == 1
    await stage.page.reader.page.evaluate("document.querySelector('footer').remove()")
    fault = await missing_on(stage.page, lambda title: title == "Proven")
    assert fault is not None
    assert fault.landmark == "box"
    await stage.page.reader.page.reload()
