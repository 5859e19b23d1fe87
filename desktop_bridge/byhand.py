"""The bridge by hand, without a server: probe the page, list what it reads, send one message under a local authority."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

from core.contracts.bridge import SendOrder
from core.contracts.ids import new_id
from core.contracts.states import ChatKind
from core.contracts.texts import PartText, text_sha256
from core.errors import InvalidInput, NotAllowed, NotFound
from core.settings import BridgeSettings
from desktop_bridge import host
from desktop_bridge.consent import require_consent
from desktop_bridge.errors import PageChanged
from desktop_bridge.failpoints import Failpoint, no_failpoint
from desktop_bridge.inbound.intake import PageIntake
from desktop_bridge.inbound.settled import keep_sent
from desktop_bridge.journal.chats import News
from desktop_bridge.journal.journal import Journal, open_journal
from desktop_bridge.journal.sends import Attempt
from desktop_bridge.link.authority import LocalAuthority
from desktop_bridge.page.browser import Browser
from desktop_bridge.page.bubbles import Row, clean_title
from desktop_bridge.page.chat_page import OpenChat, WebChatPage
from desktop_bridge.page.landmarks import load_landmarks
from desktop_bridge.sends.budget import Budget
from desktop_bridge.sends.machine import Parts, SendMachine

LOCAL_EPOCH = 0
KNOWN_IDS = 8
"""So many of a chat's newest messages prove it."""


@dataclass
class Desk:
    """Everything a command by hand works with."""

    settings: BridgeSettings
    journal: Journal
    page: WebChatPage
    browser: Browser
    intake: PageIntake


@asynccontextmanager
async def open_desk(settings: BridgeSettings) -> AsyncIterator[Desk]:
    """Hold the bridge's home, open journal and page, and close them again.

    Raises:
        SetupError: a bridge is running on this home, no browser, no journal.
        NotAllowed: the page is not of this computer, and nobody accepted the risk.
        NotLinked, PageStuck: the page cannot be used.
    """
    with host.single_instance(host.private_folder(settings.home)):
        journal = open_journal(settings)
        landmarks = load_landmarks()
        browser = Browser(settings, landmarks)
        page = WebChatPage(browser, landmarks)
        try:
            await require_consent(settings, journal)
            await page.start()
            yield Desk(settings, journal, page, browser, PageIntake(page, journal, _keep_to_ourselves))
        finally:
            await browser.stop()
            journal.close()


async def probe(settings: BridgeSettings) -> dict[str, Any]:
    """Return what the bridge sees: session, rows, and for each landmark which alternative found it (0: not there)."""
    began = time.monotonic()
    async with open_desk(settings) as desk:
        session = await desk.page.linked()
        ready = time.monotonic() - began
        rows: list[Row] = []
        chat: OpenChat | None = None
        changed: PageChanged | None = None
        try:
            rows = await desk.page.visible_rows() if session.usable else []
            chat = await desk.page.current() if session.usable else None
            await desk.page.bubbles()
        except PageChanged as fault:
            changed = fault
        used = await desk.page.reader.used()
        landmarks = desk.page.reader.landmarks
        return {
            "state": session.state,
            "detail": session.detail,
            "page_url": settings.page_url,
            "ready_seconds": round(ready, 3),
            "chats": len(rows),
            "unread": sum(row.unread for row in rows),
            "open_chat": chat.title if chat else None,
            "landmarks_version": landmarks.version,
            "landmarks": {name: used.get(name, 0) for name in sorted(landmarks.landmark)},
            "found_by": {name: str(landmarks.landmark[name].find[number - 1]) for name, number in sorted(used.items())},
            "changed": _changed(changed) if changed else None,
            "memory_mb": round(host.browser_memory(desk.browser.profile) / 2**20),
        }


def _changed(fault: PageChanged) -> dict[str, str | None]:
    picture = str(fault.screenshot) if fault.screenshot else None
    return {"landmark": fault.landmark, "detail": fault.detail, "screenshot": picture}


async def inbox(settings: BridgeSettings) -> dict[str, Any]:
    """Return the rows of the list as they are read; opens no chat, so nobody sees blue ticks."""
    async with open_desk(settings) as desk:
        session = await desk.page.linked()
        rows = await desk.page.visible_rows() if session.usable else []
        shown = [{key: value for key, value in asdict(row).items() if key != "raw_title"} for row in rows]
        return {"state": session.state, "rows": shown}


async def send(settings: BridgeSettings, title: str, text: str, failpoint: Failpoint = no_failpoint) -> dict[str, Any]:
    """Run the whole send machine for one message on a loopback page and return the final status.

    Raises:
        NotAllowed: the page is not on this computer.
        InvalidInput: a text that cannot be sent. NotFound: no chat, or several, of this title.
    """
    if not host.on_loopback(settings.page_url):
        raise NotAllowed(
            "sending by hand works on a page of this computer only",
            hint="write in the panel: a paired bridge (waxos bridge run) sends it as an ordinary message",
        )
    try:
        text = TypeAdapter(PartText).validate_python(text)
    except ValidationError as error:
        raise InvalidInput(error.errors()[0]["msg"]) from None
    began = time.monotonic()
    async with open_desk(settings) as desk:
        await settle_left(desk, failpoint)
        order, tail = await _order(desk, clean_title(title), text)
        ready = time.monotonic()
        status = await send_machine(desk, tail, failpoint).run(order)
        keep_sent(desk.journal, order)
        attempt = desk.journal.sends.last(order.send_id)
        report = attempt.report if attempt else None
        return {
            "status": status,
            "external_id": report.external_id if report else None,
            "tick": report.tick if report else None,
            "code": report.code if report else None,
            "detail": report.detail if report else None,
            "ready_ms": round((ready - began) * 1000),
            "send_ms": round((time.monotonic() - ready) * 1000),
        }


async def settle_left(desk: Desk, failpoint: Failpoint = no_failpoint) -> list[str]:
    """Settle what an earlier command left armed, and return the outcomes."""
    outcomes = []
    for attempt in desk.journal.sends.unsettled():
        order = _order_again(desk, attempt)
        outcomes.append(await send_machine(desk, None, failpoint).run(order))
        keep_sent(desk.journal, order)
    return outcomes


def send_machine(desk: Desk, tail: str | None, failpoint: Failpoint = no_failpoint) -> SendMachine:
    """Return a send machine that may click while the open chat ends with `tail`."""
    parts = Parts(
        authority=LocalAuthority(tail),
        page=desk.page,
        intake=desk.intake,
        journal=desk.journal.sends,
        budget=Budget(
            desk.journal.chats,
            desk.journal.sends,
            per_hour=desk.settings.sends_per_hour,
            per_chat_hour=desk.settings.sends_per_chat_hour,
        ),
        epoch=lambda: LOCAL_EPOCH,
    )
    return SendMachine(parts, pacing=desk.settings.pacing, failpoint=failpoint)


def local_order(journal: Journal, chat_id: UUID, title: str, text: str, **more: Any) -> SendOrder:
    """Return the order for one message to a chat of the journal, as a server would make it; `more` are fields of a `SendOrder`."""
    usual: dict[str, Any] = {
        "send_id": new_id(),
        "epoch": LOCAL_EPOCH,
        "kind": ChatKind.PERSON,
        "text_sha256": text_sha256([text]),
        "part": 0,
        "parts_total": 1,
        "known_external_ids": journal.chats.proving(chat_id, KNOWN_IDS),
        "previous_part_external_id": None,
    }
    return SendOrder(chat_id=chat_id, title=title, text=text, **(usual | more))


async def _order(desk: Desk, title: str, text: str) -> tuple[SendOrder, str | None]:
    """Open the chat once to read it, as a person does, and make the order that a server would make."""
    session = await desk.page.linked()
    choice = desk.journal.choice
    if not choice.wanted().includes(choice.key(title)):
        raise NotAllowed(
            "your choice leaves this chat out", hint="take it in again: waxos bridge chats --take-in TITLE"
        )
    rows = await desk.page.find_rows(title) if session.usable else []
    if len(rows) != 1:
        raise NotFound(
            f"{len(rows)} chats carry this title; the page is {session.state}",
            hint="see `waxos bridge inbox --json` for the titles",
        )
    await desk.page.open_row(rows[0])
    chat_id = await desk.intake.read_open(unread=rows[0].unread)
    if chat_id is None:
        raise NotFound("this chat cannot be read", hint="groups and empty chats are never written to")
    order = local_order(desk.journal, chat_id, title, text)
    return order, (await desk.page.look()).tail


def _order_again(desk: Desk, attempt: Attempt) -> SendOrder:
    chat = desk.journal.chats.chat(attempt.chat_id)
    if chat is None or chat.title is None:
        raise NotFound("the chat of an earlier send is not in the journal any more")
    return local_order(
        desk.journal,
        attempt.chat_id,
        chat.title,
        attempt.text,
        send_id=attempt.send_id,
        settle_only=True,
        armed_tail_external_id=attempt.tail,
        armed_by_installation=desk.journal.installation_id,
        click_deadline_at=attempt.deadline_at,
    )


async def _keep_to_ourselves(news: list[News]) -> dict[UUID, UUID]:
    """Without a server nobody is owed anything; the journal has it."""
    del news
    return {}
