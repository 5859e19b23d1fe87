"""What stands in a send's way is named and pictured, the text is kept, and nothing leaves."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from uuid import UUID

import pytest

from core.contracts.bridge import Armed, SendOrder, SendOutcome
from core.contracts.states import ChannelState
from desktop_bridge.errors import NotLinked
from desktop_bridge.link.authority import LocalAuthority
from desktop_bridge.page.synced import row_agrees
from desktop_bridge.sandbox.models import Box, JournalKind
from desktop_bridge.sends.phases import settled_by
from desktop_bridge.sends.ports import Target
from tests.desktop_bridge.stage import Stage, calm

TEXT = "We open at nine."
COVER = """() => { const lid = document.createElement('div'); lid.id = 'lid';
    lid.style.cssText = 'position:fixed;inset:60% 0 0 0;z-index:99;background:white'; document.body.append(lid); }"""


@pytest.fixture
async def stage(module_stage: Stage) -> AsyncIterator[Stage]:
    yield module_stage
    await module_stage.page.reader.page.evaluate("document.getElementById('lid')?.remove()")
    await calm(module_stage.sandbox)


@dataclass
class AfterArm(LocalAuthority):
    """Allows the click; then, before it can come, something happens on the page."""

    happens: Callable[[], Awaitable[object]]

    def __init__(self, tail: str | None, happens: Callable[[], Awaitable[object]]) -> None:
        super().__init__(tail)
        self.happens = happens

    async def arm(self, order: SendOrder, tail: str | None, arming: UUID) -> Armed:
        armed = await super().arm(order, tail, arming)
        await self.happens()
        return armed


async def _refused(stage: Stage, order: SendOrder, authority: LocalAuthority) -> tuple[str, str | None, bool]:
    outcome = await stage.machine(authority).run(order)
    report = authority.reports[-1]
    picture = stage.browser.screenshots / (report.screenshot or "none")
    return outcome, report.code, picture.is_file() and picture.read_bytes().startswith(b"\x89PNG")


LOOKS = [(build, lang) for build in ("testid", "plain") for lang in ("en", "pt", "es")]


@pytest.mark.parametrize(("build", "lang"), LOOKS)
async def test_a_blocked_contact_is_named_and_only_a_person_unblocks(stage: Stage, build: str, lang: str) -> None:
    client = stage.sandbox.client
    await client.configure(build=build, lang=lang)
    title = (
        f"Loja Restrita {build} {lang}"  # its name stands in the notice, and could be taken for a restricted account
    )
    chat = stage.sandbox.state.chats[await stage.customer(title, "Hello?")]
    order = await stage.order(title, TEXT)
    chat.box = Box.BLOCKED
    await stage.page.reader.page.reload()
    assert await _refused(stage, order, await stage.local()) == (SendOutcome.FAILED, "contact_blocked", True)
    assert (await stage.page.session()).state is ChannelState.LINKED
    assert (await stage.page.reader.ask("read.state"))["barred"]
    assert not [one for one in await client.journal() if one.kind is JournalKind.UNBLOCKED and one.chat == chat.id]
    if build == "testid":  # a person does what the bridge left alone, at the page or on the phone
        await stage.page.reader.page.locator("footer [data-testid=block-message] button").click()
    else:
        stage.sandbox.state.unblock(chat.id)
    again = await stage.order(title, TEXT)
    await stage.page.reader.until("read.state", lambda seen: seen["label"] is not None, 5)
    assert await stage.machine(await stage.local()).run(again) == "sent"
    assert await stage.received(chat.id) == [TEXT]


@pytest.mark.parametrize("build", ["testid", "plain"])
async def test_a_chat_without_a_box_is_named_and_the_account_stays_usable(stage: Stage, build: str) -> None:
    await stage.sandbox.client.configure(build=build)
    title = f"For admins {build}"
    chat = stage.sandbox.state.chats[await stage.customer(title, "Hello?")]
    order = await stage.order(title, TEXT)
    chat.box = Box.ADMINS  # closed to all but its admins since it was read
    await stage.page.reader.page.reload()
    assert await _refused(stage, order, await stage.local()) == (SendOutcome.FAILED, "restricted", True)
    assert (await stage.page.session()).state is ChannelState.LINKED
    assert await stage.received(chat.id) == []


@pytest.mark.parametrize("build", ["testid", "plain"])
async def test_what_stands_in_the_box_is_no_notice_of_the_page(stage: Stage, build: str) -> None:
    await stage.sandbox.client.configure(build=build)
    text = "Sua entrada é restrita. You blocked this contact?"
    chat = await stage.customer(f"Words {build}", "Posso entrar?")
    order = await stage.order(f"Words {build}", text)
    box = stage.page.reader.page.locator("footer [role=textbox]")
    await box.press_sequentially(text)  # as a bridge that died in the middle leaves it
    await stage.page.reader.until("read.state", lambda seen: seen["box"] == [text], 5)
    assert (await stage.page.session()).state is ChannelState.LINKED
    assert not (await stage.page.reader.ask("read.state"))["barred"]
    await box.press("ControlOrMeta+A")
    await box.press("Backspace")
    assert await stage.machine(await stage.local()).run(order) == "sent"
    assert await stage.received(chat) == [text]


async def test_a_restricted_account_stops_before_anything_is_typed(stage: Stage) -> None:
    chat = await stage.customer("Account", "Hello?")
    order = await stage.order("Account", TEXT)
    await stage.sandbox.client.configure(restricted=True)
    await stage.page.reader.until("read.session", lambda seen: seen["barred"], 5)
    with pytest.raises(NotLinked, match="restricted"):
        await stage.machine(await stage.local()).run(order)
    await stage.sandbox.client.configure(restricted=False)
    await stage.page.reader.until("read.session", lambda seen: not seen["barred"], 5)
    assert await stage.machine(await stage.local()).run(order) == "sent"
    assert await stage.received(chat) == [TEXT]


@pytest.mark.parametrize("lang", ["en", "pt", "es"])
async def test_a_number_without_an_account_is_named_and_acknowledged(stage: Stage, lang: str) -> None:
    await stage.sandbox.client.configure(lang=lang, build="plain")
    chat = await stage.customer(f"Number {lang}", "Hello?")
    order = await stage.order(f"Number {lang}", TEXT)
    await stage.sandbox.client.configure(dialog="invalid")
    await stage.page.reader.until("read.session", lambda seen: seen["dialog"], 5)
    assert await _refused(stage, order, await stage.local()) == (SendOutcome.RETURNED, "not_on_whatsapp", True)
    await stage.page.reader.until("read.session", lambda seen: not seen["dialog"], 5)
    assert await stage.machine(await stage.local()).run(order) == "sent"
    assert await stage.received(chat) == [TEXT]


async def test_a_question_is_left_to_a_person(stage: Stage) -> None:
    chat = await stage.customer("Question", "Hello?")
    order = await stage.order("Question", TEXT)
    authority = await stage.local()
    await stage.sandbox.client.configure(dialog="question")
    await stage.page.reader.until("read.session", lambda seen: seen["dialog"], 5)
    assert await _refused(stage, order, authority) == (SendOutcome.RETURNED, "dialog_open", True)
    journal = (await stage.sandbox.client.state()).journal
    assert not [entry for entry in journal if entry.kind is JournalKind.QUESTION_ANSWERED]
    assert await stage.received(chat) == []


async def test_an_announcement_is_dismissed_and_the_send_goes_on(stage: Stage) -> None:
    chat = await stage.customer("News", "Hello?")
    order = await stage.order("News", TEXT)
    authority = await stage.local()
    await stage.sandbox.client.configure(interstitial=True)
    await stage.page.reader.until("read.session", lambda seen: seen["dialog"], 5)
    assert await stage.machine(authority).run(order) == "sent"
    assert await stage.received(chat) == [TEXT]


async def test_a_dialog_or_a_lid_after_the_arm_keeps_the_click_back(stage: Stage) -> None:
    chat = await stage.customer("Late Cover", "Hello?")
    order = await stage.order("Late Cover", TEXT)
    page = stage.page.reader.page

    async def ask() -> None:
        await stage.sandbox.client.configure(dialog="question")
        await stage.page.reader.until("read.session", lambda seen: seen["dialog"], 5)

    authority = AfterArm(await stage.tail(), ask)
    assert await _refused(stage, order, authority) == (SendOutcome.DISARMED, "guard_dialog", True)
    await stage.sandbox.client.configure(dialog="none")
    await stage.page.reader.until("read.session", lambda seen: not seen["dialog"], 5)
    authority = AfterArm(await stage.tail(), lambda: page.evaluate(COVER))
    assert await _refused(stage, order, authority) == (SendOutcome.DISARMED, "guard_covered", True)
    await page.evaluate("document.getElementById('lid').remove()")
    assert await stage.machine(await stage.local()).run(order) == "sent"
    assert await stage.received(chat) == [TEXT]


@pytest.mark.parametrize(
    ("text", "code"), [("x" * 4097, "text_too_long"), ("bell \x07", "control_character"), (" \n ", "text_empty")]
)
async def test_a_text_that_no_chat_takes_is_named(stage: Stage, text: str, code: str) -> None:
    chat = await stage.customer(f"Text {code}", "Hello?")
    order = (await stage.order(f"Text {code}", TEXT)).model_copy(update={"text": text})
    authority = await stage.local()
    assert await stage.machine(authority).run(order) == SendOutcome.FAILED
    assert authority.reports[0].code == code
    assert await stage.received(chat) == []


async def test_an_unknown_chat_is_named_and_pictured(stage: Stage) -> None:
    await stage.customer("Known", "Hello?")
    order = (await stage.order("Known", TEXT)).model_copy(update={"title": "Renamed Meanwhile"})
    assert await _refused(stage, order, await stage.local()) == (SendOutcome.FAILED, "chat_not_found", True)


async def test_a_namesake_far_down_the_list_is_found(stage: Stage) -> None:
    right = await stage.customer("Double", "I am the one")
    first = await stage.read("Double")
    known = tuple(m.external_id for m in stage.journal.chats.newest(first, 8))
    for number in range(25):
        await stage.customer(f"Between {number}")
    await stage.customer("Double", "I am another")
    seen = await stage.page.reader.ask("watch.count")
    await stage.page.reader.changed(seen, 0.5)
    await stage.page.open(Target(first, "Double", (await stage.order("Double", TEXT, first)).kind, known))
    assert await stage.machine(LocalAuthority(known[0])).run(await stage.order("Double", TEXT, first)) == "sent"
    assert await stage.received(right) == [TEXT]


async def test_a_tail_that_is_deleted_for_us_keeps_the_click_back(stage: Stage) -> None:
    chat = await stage.customer("Deleted Tail", "Hello?", "Still there?")
    order = await stage.order("Deleted Tail", TEXT)
    tail = await stage.tail()
    assert tail is not None

    async def delete() -> None:
        await stage.sandbox.client.remove(tail)
        await stage.page.reader.until("read.state", lambda seen: seen["tail"] != tail, 5)

    assert await _refused(stage, order, AfterArm(tail, delete)) == (SendOutcome.DISARMED, "guard_tail", True)
    assert await stage.received(chat) == []


async def test_below_a_vanished_tail_a_bubble_is_found_and_nothing_is_absent(stage: Stage) -> None:
    chat = await stage.customer("Vanished", "Hello?", "Still there?")
    await stage.read("Vanished")
    await stage.page.type(TEXT, 0, lambda: None)
    tail = (await stage.page.look()).tail
    assert tail is not None
    await stage.sandbox.client.remove(tail)
    await stage.page.reader.until("read.state", lambda seen: seen["tail"] != tail, 5)

    sighting = await stage.page.find_sent(TEXT, tail, frozenset(), 0.3)
    assert (sighting.external_id, sighting.tail_on_screen) == (None, False)
    assert settled_by(replace(sighting, browser_restarted=True), own=True)[0] is SendOutcome.UNKNOWN

    await stage.page.reader.page.click("footer button[aria-label=Send]")
    (sent,) = await stage.sandbox.client.wait_received(chat)
    found = await stage.page.find_sent(TEXT, tail, frozenset(), 3)
    assert (found.external_id, found.tail_on_screen) == (sent.id, False)
    assert settled_by(found, own=True)[0] is SendOutcome.SENT


async def test_a_page_that_still_fetches_proves_no_absence(stage: Stage) -> None:
    chat = await stage.customer("Fetching", "Hello?")
    order = await stage.order("Fetching", TEXT)
    authority = await stage.local()
    await stage.sandbox.client.set_fault(lost_clicks=1)
    await stage.sandbox.client.configure(syncing=True)
    assert await stage.machine(authority).run(order) == SendOutcome.UNKNOWN
    assert authority.reports[0].evidence["page_synced"] is False
    assert await stage.received(chat) == []
    await stage.sandbox.client.configure(syncing=False)
    await asyncio.wait_for(stage.page.clear_box([TEXT]), 5)


@pytest.mark.parametrize(
    ("preview", "text", "agrees"),
    [
        ("Hello", "Hello", True),
        ("Hello *you* 🙂", "Hello you 🙂", True),
        ("first line second line", "first\nline second line", True),
        ("Photo", None, True),
        ("", "Hello", True),
        ("And another thing", "Hello", False),
    ],
)
def test_a_row_that_speaks_of_another_message_is_news(preview: str, text: str | None, *, agrees: bool) -> None:
    assert row_agrees(preview, text) is agrees
