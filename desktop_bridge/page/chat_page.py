"""The real page behind the send machine's port, and the eyes of the inbound side."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import structlog

from core.contracts.states import ChannelState, Direction, Tick
from core.contracts.texts import same_on_page
from desktop_bridge.errors import (
    ChatNotFound,
    ChatNotProven,
    ChatSwitched,
    DialogOpen,
    NotLinked,
    NotOnWhatsApp,
    PageStuck,
    SendStopped,
    Withdrawn,
)
from desktop_bridge.page import list_pages
from desktop_bridge.page.browser import Browser
from desktop_bridge.page.bubbles import Bubble, Row, bare_id, bubble, clean_title, not_one_person
from desktop_bridge.page.chat_list import OPEN_SECONDS, SETTLED_SECONDS, ChatList
from desktop_bridge.page.click import click_once
from desktop_bridge.page.landmarks import Landmarks
from desktop_bridge.page.locate import Reader
from desktop_bridge.page.proof import Proof, label_agrees
from desktop_bridge.page.session import NOT_UNDERSTOOD, Session, session_of
from desktop_bridge.page.synced import is_synced
from desktop_bridge.page.typing import Typist
from desktop_bridge.sends.ports import Click, Sighting, Standing, Target

LINK_SECONDS = 60.0
"""A cold profile needs long for its first list."""

CHAT_PAGES = 40
MORE_CLICKS = 30
BLANK_SECONDS = 5.0
PATIENCE = (0.25, SETTLED_SECONDS)
"""How long a chat that was opened is given to show a message of ours, in the first and in the second round: history may be late."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class OpenChat:
    """The chat that stands on the page. `group` tells that it is not one person, `writable` that it has a box to write in."""

    title: str
    label: str
    group: bool
    ids: tuple[str, ...]
    writable: bool = True


class WebChatPage:
    """One chat page in one browser. Not safe for two users at once: callers share a lock."""

    def __init__(self, browser: Browser, landmarks: Landmarks) -> None:
        self._browser = browser
        self._landmarks = landmarks
        self.started_at = datetime.now(UTC)
        self.link_seconds = LINK_SECONDS
        self._proof: Proof | None = None
        """The chat that `open` has proven; None when a row was opened otherwise."""
        self._last_seen: tuple[str, ...] = ()
        """The messages that were on the page at the last look."""

    @property
    def reader(self) -> Reader:
        """The scripts in the open page."""
        return self._browser.reader

    # -- the session --------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Open the browser and the page."""
        await self._browser.open()
        self.started_at = datetime.now(UTC)

    async def restart(self) -> None:
        """End the browser for certain and open it and the page anew."""
        await self._browser.restart()
        self.started_at = datetime.now(UTC)

    async def session(self) -> Session:
        """Return the state of the session as it is now; dismisses a harmless announcement that covers the page."""
        seen = await self.reader.ask("read.session")
        session = session_of(seen, self._landmarks)
        if session.usable and seen["dialog"] is not None:
            await self._dismiss(seen["dialog"])
        return session

    async def linked(self) -> Session:
        """Wait until the page has stopped loading, `link_seconds` at most, and return the state it is then in.

        A page that does not even say that it is loading, and shows nothing known for so long, is one that we do not understand.
        """

        def loaded(seen: dict[str, object]) -> bool:
            return session_of(seen, self._landmarks).state is not ChannelState.STARTING

        seen = await self.reader.until("read.session", loaded, self.link_seconds)
        if not loaded(seen) and not seen["startup"]:
            return NOT_UNDERSTOOD
        return await self.session()

    async def _dismiss(self, words: str) -> None:
        point = await self.reader.ask("read.dialogPoint")
        if point is not None and not self._landmarks.says("invalid_number", words):
            log.info("announcement.dismissed")
            await self._browser.screenshot("announcement")
            await self.reader.click(point)
            await self.reader.until("read.session", lambda seen: seen["dialog"] is None, SETTLED_SECONDS)

    async def _uncovered(self) -> None:
        """Stop where a dialog is left over the page that is not ours to answer; one about a number is acknowledged."""
        words = (await self.reader.ask("read.session"))["dialog"]
        if words is None:
            return
        if not self._landmarks.says("invalid_number", words):
            raise DialogOpen("the page asks something", hint="answer it on the business's computer, then send again")
        stop = NotOnWhatsApp("the page says that this number has no account", hint="check the number with the customer")
        stop.screenshot = await self._browser.screenshot(f"stopped-{stop.code}")
        point = await self.reader.ask("read.dialogPoint")
        if point is not None:
            await self.reader.click(point)
        raise stop

    @asynccontextmanager
    async def _pictured(self) -> AsyncIterator[None]:
        """Take a picture of the page when a send is stopped by what stands on it."""
        try:
            yield
        except SendStopped as stop:
            if stop.screenshot is None and not isinstance(stop, Withdrawn):
                stop.screenshot = await self._browser.screenshot(f"stopped-{stop.code}")
            raise

    async def _usable(self) -> None:
        session = await self.linked()
        if not session.usable:
            raise NotLinked(
                f"the chat page is {session.state.value}: {session.detail or 'still loading'}",
                hint="open the page on the business's computer and link it",
            )

    # -- the list -----------------------------------------------------------------------------------------------------

    async def visible_rows(self) -> list[Row]:
        """Return the rows that are drawn, in the order of the eye."""
        return await list_pages.visible(self.reader)

    async def newest_rows(self) -> list[Row]:
        """Return the rows at the top of the list, where whatever is new comes in."""
        return await list_pages.newest(self.reader)

    async def open_row(self, row: Row) -> bool:
        """Click a row and tell whether its conversation is open; see `ChatList.open`. It is proven by nobody."""
        self._proof = None
        return await self._list.open(row)

    async def find_rows(self, title: str) -> list[Row]:
        """Return the rows of this title on the first page of the list that holds one."""
        return await self._list.find(title)

    @property
    def _list(self) -> ChatList:
        return ChatList(self.reader)

    # -- the open chat ------------------------------------------------------------------------------------------------

    async def current(self) -> OpenChat | None:
        """Return what chat is open, if any."""
        return self._chat(await self.reader.ask("read.state"))

    def _chat(self, state: dict[str, Any]) -> OpenChat | None:
        if not state["open"] or state["title"] is None:
            return None
        return OpenChat(
            title=clean_title(state["title"]),
            label=state["label"] or "",
            group=not_one_person(state, self._landmarks),
            ids=tuple(bare_id(raw) for raw in state["ids"]),
            writable=state["label"] is not None,
        )

    async def bubbles(self) -> list[Bubble]:
        """Return every message of the open chat that is in the page, oldest first; some may be `empty` (not drawn)."""
        seen = await self.reader.ask("read.conversation")
        title = clean_title(seen["title"] or "")
        return [
            bubble(item, title=title, language=seen["lang"], landmarks=self._landmarks) for item in seen["messages"]
        ]

    async def whole(self, seen: Bubble) -> Bubble:
        """Return a bubble with its content drawn and its long text unfolded; a blank one may stay so."""
        patience = time.monotonic() + BLANK_SECONDS
        for _ in range(MORE_CLICKS):
            if not (seen.empty or seen.cut or (seen.blank and time.monotonic() < patience)):
                return seen
            count = await self.reader.ask("watch.count")
            if seen.empty:
                await self.reader.ask("read.reveal", seen.raw_id)
            elif seen.cut:
                point = await self.reader.ask("read.morePoint", seen.raw_id)
                if point is None:
                    return seen
                await self.reader.click(point)
            await self.reader.changed(count, SETTLED_SECONDS)
            again = [b for b in await self.bubbles() if b.raw_id == seen.raw_id]
            if not again:
                return seen
            seen = again[0]
        return seen

    async def scroll_up(self) -> bool:
        """Bring older messages into the page; tell whether there were any."""
        before = (await self.reader.ask("read.state"))["ids"]
        if not await self.reader.ask("read.scroll", -1):
            return False
        state = await self.reader.until("read.state", lambda s: s["ids"][:1] != before[:1], SETTLED_SECONDS)
        return bool(state["ids"][:1] != before[:1]) or bool(await self.reader.ask("read.scroll", -0.2))

    async def scroll_down(self) -> None:
        """Go back to the newest message."""
        await self.reader.ask("read.scroll", "end")

    # -- the send machine's port --------------------------------------------------------------------------------------

    async def open(self, target: Target) -> None:
        """Open the chat and prove it by one of its known messages; header and compose label must agree with it."""
        await self._usable()
        self._proof = None
        async with self._pictured():
            await self._uncovered()
            await self._open(target)

    async def _open(self, target: Target) -> None:
        title = clean_title(target.title)
        if not target.known:
            raise ChatNotProven(
                "no message of this chat is known that could prove it", hint="wait until the customer has written"
            )
        if await self._proven(title, target.known):
            return
        await list_pages.ListPages(self).show_all()
        carry, groups = 0, set[tuple[str, str, int]]()
        for patience in PATIENCE:
            async for row in self._list.each(title):
                if row.group or row.look in groups:
                    continue
                carry += 1
                if await self._list.open(row) and await self._proven(title, target.known, patience):
                    return
                if carry == 1:  # a namesake: before another one is opened, the page is asked which of them are groups
                    groups = {found.look for found in await list_pages.ListPages(self).groups() or ()}
        await self._uncovered()
        if not carry:
            raise ChatNotFound(
                "no chat of this title is in the list", hint="was it renamed or deleted? open it on the phone"
            )
        raise ChatNotProven(
            f"of the chats of this title none ({carry} looked at) shows a message that we know",
            hint="open the chat on the business's computer; the bridge then reads it anew",
        )

    async def _proven(self, title: str, known: Sequence[str], patience: float = 0.0) -> bool:
        """Prove the open chat, and keep what proved it. The newest messages are drawn soon: without ours it is a namesake."""
        wanted = set(known)

        def shown(state: dict[str, Any]) -> bool:
            return bool(wanted & {bare_id(raw) for raw in state["ids"]})

        state = await self.reader.until("read.state", shown, patience)
        chat = self._chat(state)
        if chat is None or chat.title != title or chat.group or not shown(state):
            return False
        if not label_agrees(chat.label, title, self._landmarks.labels["compose"]):
            return False
        ids = tuple(raw for raw in state["ids"] if bare_id(raw) in wanted)
        self._proof = Proof(state["title"] or "", state["label"] or "", ids)
        return True

    async def clear_box(self, own: Sequence[str]) -> None:
        """Leave the box empty; see `ChatPage.clear_box`."""
        async with self._pictured():
            await Typist(self.reader, self._proof).empty(own)

    async def type(self, text: str, char_ms: float, go_on: Callable[[], None]) -> None:
        """Type into the empty box and compare."""
        async with self._pictured():
            await Typist(self.reader, self._proof).type(text, char_ms, go_on)

    async def look(self) -> Standing:
        """Read what stands on the page in one evaluation."""
        state = await self.reader.ask("read.state")
        async with self._pictured():
            if self._proof is not None and not self._proof.holds(state):
                raise ChatSwitched(
                    "another chat stands on the page than the one that was proven",
                    hint="send it again when nobody else works in the bridge's browser",
                )
        self._last_seen = tuple(bare_id(raw) for raw in state["ids"])
        return Standing(
            title=state["title"] or "",
            label=state["label"] or "",
            box=tuple(state["box"] or ()),
            raw_tail=state["tail"],
            tail=bare_id(state["tail"]) if state["tail"] else None,
            page_ms=state["now"],
            looked_at=time.monotonic(),
        )

    async def click(self, standing: Standing, deadline: float) -> Click:
        """Click the send button once, under the guard."""
        click = await click_once(self.reader, standing, deadline)
        if not click.stopped:
            return click
        return replace(click, screenshot=await self._browser.screenshot(f"stopped-{click.reason}"))

    async def find_sent(self, text: str, tail: str | None, exclude: frozenset[str], wait: float) -> Sighting:
        """Look for our new bubble below `tail`; see `ChatPage.find_sent`."""
        end = time.monotonic() + wait
        while True:
            count = await self.reader.ask("watch.count")
            sighting = await self._sight(text, tail, exclude)
            past_pending = sighting.tick is not None and sighting.tick is not Tick.PENDING
            left = end - time.monotonic()
            if (sighting.external_id and past_pending) or left <= 0:
                return sighting
            await self.reader.changed(count, left)

    async def _sight(self, text: str, tail: str | None, exclude: frozenset[str]) -> Sighting:
        below, tail_seen = await self._below(tail)
        own = [b for b in below if b.direction is Direction.OUT and b.external_id not in exclude]
        found: Bubble | None = None
        others = []
        for seen in below:
            drawn = await self.whole(seen)
            ours = drawn.text is not None and same_on_page(text, drawn.text)
            if ours and seen in own:
                found = drawn
                break
            if (ours and seen.external_id not in exclude) or seen in own:
                others.append(seen.external_id)  # a reply from the phone, or ours, misread: who can tell
        session = await self.session()
        waiting = [b for b in below if b.direction is Direction.OUT and (b.tick is None or b.tick is Tick.PENDING)]
        return Sighting(
            external_id=found.external_id if found else None,
            tick=found.tick if found else None,
            page_online=session.usable,
            page_synced=session.usable and (found is not None or await self._synced()),
            tail_on_screen=tail_seen and all(not b.empty for b in below),
            nothing_pending=not waiting,
            others=tuple(others),
        )

    async def _synced(self) -> bool:
        """Tell whether the page shows all there is; its end is brought on screen for that."""
        await self.scroll_down()
        return is_synced(await self.reader.ask("read.synced"))

    async def _below(self, tail: str | None) -> tuple[list[Bubble], bool]:
        for _ in range(CHAT_PAGES):
            seen = await self.bubbles()
            ids = [b.external_id for b in seen]
            if tail is None:
                return seen, True
            if tail in ids:
                return seen[ids.index(tail) + 1 :], True
            if self._last_seen[-1:] == (tail,) and (left := set(self._last_seen) & set(ids)):
                last = max(ids.index(one) for one in left)
                return seen[last + 1 :], False  # the tail was deleted here: what is new is told, what is absent is not
            if not await self.scroll_up():
                break
        return [], False

    async def ensure_restarted(self, after: datetime) -> None:
        """Restart the browser unless it was started after `after`, wait for the page, and let it come to rest."""
        if self.started_at <= after:
            log.info("browser.restarted_to_settle")
            await self.restart()
        await self._usable()
        if not await self.at_rest():
            raise PageStuck("the page does not come to rest after a restart")

    async def at_rest(self) -> bool:
        """Wait until the page stands still, and tell whether it did."""
        for _ in range(int(OPEN_SECONDS / SETTLED_SECONDS)):
            count = await self.reader.ask("watch.count")
            if not await self.reader.changed(count, SETTLED_SECONDS):
                return True
        return False
