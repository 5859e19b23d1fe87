"""Brings what the page shows into the journal and from there to the server: each message once, each change of it, each tick.

A chat is told by the messages it holds; its title only narrows the search. Groups, and chats the owner left out, are not opened.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import UTC, datetime
from uuid import UUID

import structlog

from core.contracts.bridge import ChatSeen, MessageSeen, Observations, SendOrder, TickSeen
from core.contracts.states import ChatKind, Direction
from core.contracts.texts import same_on_page
from desktop_bridge.errors import PageError
from desktop_bridge.journal.chats import ChatLog, KnownMessage, News
from desktop_bridge.journal.journal import Journal
from desktop_bridge.page.bubbles import Bubble, Row
from desktop_bridge.page.chat_page import CHAT_PAGES, OpenChat, WebChatPage, later
from desktop_bridge.sends.phases import Recovery

BATCH = 200

MOST_TEXT, MOST_QUOTED, MOST_NAME = 65_536, 4096, 300
"""What the wire takes of a bubble; one that holds more must not hold the chat up."""

MOST_LOOKS = 5
"""How often a chat with unread messages is looked at before it counts as one without any that can be read."""

log = structlog.get_logger(__name__)

Post = Callable[[list[News]], Awaitable[Mapping[UUID, UUID]]]
"""Hands news over, and returns the chats that were reported under another id than their own: {reported: its own}."""


class PageIntake:
    """Reads the page for one journal. The caller holds the page while it reads."""

    def __init__(self, page: WebChatPage, journal: Journal, post: Post) -> None:
        self._page = page
        self._journal = journal
        self._chats: ChatLog = journal.chats
        self._post = post
        self._flushing = asyncio.Lock()
        self._bystanders: dict[
            str, str
        ] = {}  # the newest message when a chat that is not ours was first seen open, by title
        self._looks: Counter[str] = Counter()
        self.owed = asyncio.Event()
        """Rings when the outbox has got something."""

    async def scan(self) -> int:
        """Look over the list, read every chat that has something new, and return how many were read.

        The very first scan of a journal opens nothing: it only notes how the list looked when the bridge was linked.
        """
        if not (await self._page.session()).usable:
            return 0
        first = not self._chats.linked
        if first and not await self._page.at_rest():
            return 0  # a list that is still filling would show old messages as new ones later
        read = 0
        if not first and await self._glance():
            read += 1
        for row in await self._page.newest_rows():
            if first:
                self._note_row(row)
            elif not row.selected and self._needs_reading(row) and await self._read_row(row):
                read += 1
        if first:
            with self._journal.store.transaction():
                self._chats.keep_linked()
        return read

    def recognise(self, order: SendOrder) -> None:
        """Call the chat of an order as the server does; see `Intake.recognise`."""
        held = set(self._chats.holders(order.known_external_ids).values()) - {order.chat_id}
        with self._journal.store.transaction():
            for chat_id in held:
                self._chats.adopt(chat_id, order.chat_id)

    async def catch_up(self, order: SendOrder) -> None:
        """Read the open chat and tell everything new in it; see `Intake.catch_up`."""
        await self._read_current(unread=0, expect=order)
        await self.flush()

    async def read_open(self, unread: int = 0) -> UUID | None:
        """Read the open chat and return whose it is, new or not; None for a group, an excluded or an empty chat."""
        await self._read_current(unread=unread)
        chat = await self._page.current()
        known = self._chats.known(chat.ids) if chat is not None and not chat.group else {}
        return next((known[one].chat_id for one in reversed(chat.ids) if one in known), None) if chat else None

    async def flush(self) -> None:
        """Hand over what is owed, oldest first; what the server does not take stays owed."""
        async with self._flushing:
            while True:
                self.owed.clear()
                seq, news = self._chats.owed(BATCH)
                if not news:
                    return
                renamed = await self._post(news)
                self._chats.acknowledge(seq, renamed)

    # -- rows ---------------------------------------------------------------------------------------------------------

    def _needs_reading(self, row: Row) -> bool:
        known = self._chats.with_title(row.title)
        if row.group or (known and all(chat.excluded for chat in known)):
            return False
        if self._chats.opening(row.title):
            return True
        if not self._chats.row_is_new(row.title, row.preview, row.unread > 0 and row.unread):
            return False
        if row.unread:
            return True
        return bool(known) and bool(row.preview) and self._chats.row_is_new(row.title, row.preview)

    def _note_row(self, row: Row) -> None:
        with self._journal.store.transaction():
            self._chats.keep_row(row.title, row.preview, row.unread > 0 and row.unread)
            self._chats.keep_row(row.title, row.preview)
            self._chats.forget_opening(row.title)

    async def _glance(self) -> bool:
        """Read the open chat if it is one of ours. One that a person opened, and whose customer did not write since, is not (law 12)."""
        chat = await self._page.current()
        if chat is None or not chat.ids:
            return False
        if chat.group or self._chats.known(chat.ids) or self._chats.opening(chat.title):
            return await self._read_current(unread=0) is not None
        tail = self._bystanders.setdefault(chat.title, chat.ids[-1])
        if tail not in chat.ids:
            self._bystanders[chat.title] = chat.ids[-1]
            return False
        below = chat.ids[chat.ids.index(tail) + 1 :]
        fresh = [b for b in await self._page.bubbles() if b.external_id in below and b.direction is Direction.IN]
        return bool(fresh) and await self._read_current(unread=len(fresh)) is not None

    async def _read_row(self, row: Row) -> bool:
        if row.unread:  # opening it takes the number away, so a crash from here on would make news of it look old
            with self._journal.store.transaction():
                self._chats.keep_opening(row.title, row.unread)
        if not await self._page.open_row(row):
            return False
        await self._read_current(unread=row.unread)
        if self._chats.opening(row.title):
            return False  # its messages are not drawn yet; the page's next change brings us back
        self._note_row(row)
        for now in await self._page.visible_rows():
            if now.selected:
                self._note_row(now)
        return True

    # -- the open chat ------------------------------------------------------------------------------------------------

    async def _read_current(self, *, unread: int, expect: SendOrder | None = None) -> UUID | None:
        """Read the chat that is open; return its id if something in it was new."""
        chat = await self._page.current()
        if chat is None:
            return None
        if chat.group:
            self._exclude(chat)
            return None
        if self._is_excluded(chat):
            return None
        unread = max(unread, self._chats.opening(chat.title))
        stranger = expect is not None and not self._chats.customer_wrote(expect.chat_id)
        bubbles = await self._all_new(chat, max(unread, 1) if stranger else unread, stranger=stranger)
        if unread and self._undrawn(chat.title, bubbles):
            return None
        if (after := await self._page.current()) is None or after.title != chat.title:
            raise PageError("another chat was opened while this one was read", hint="it is read again")
        chat_id = self._keep(chat, bubbles, unread, expect)
        with self._journal.store.transaction():
            self._chats.forget_opening(chat.title)
        return chat_id

    def _undrawn(self, title: str, bubbles: list[Bubble]) -> bool:
        """Tell whether unread messages are still to be drawn; a chat that shows none after several looks has none to read."""
        if any(seen.direction is Direction.IN for seen in bubbles):
            self._looks.pop(title, None)
            return False
        self._looks[title] += 1
        return self._looks[title] < MOST_LOOKS

    def _exclude(self, chat: OpenChat) -> None:
        if not self._chats.with_title(chat.title):
            with self._journal.store.transaction():
                self._chats.add_chat(chat.title, ChatKind.GROUP, excluded=True)

    def _is_excluded(self, chat: OpenChat) -> bool:
        known = self._chats.with_title(chat.title)
        return bool(known) and all(c.excluded for c in known)

    async def _all_new(self, chat: OpenChat, unread: int, *, stranger: bool = False) -> list[Bubble]:
        """Return the bubbles from the newest known one (or the first unread one) down, all of them drawn and unfolded.

        Of a `stranger` the journal has nothing to show that they wrote, so their newest message is looked for in any case.
        """
        scrolled = False
        for _ in range(CHAT_PAGES):
            bubbles = await self._page.bubbles()
            known = self._chats.known(b.external_id for b in bubbles)
            customers = sum(b.direction is Direction.IN for b in bubbles)
            enough = customers >= unread or (known and not stranger)
            if enough or not await self._page.scroll_up():
                break
            scrolled = True
        drawn = []
        for seen in bubbles:
            before = known.get(seen.external_id)
            fresh = before is None or (seen.edited and not before.edited)
            drawn.append(await self._page.whole(seen) if fresh and (seen.empty or seen.cut) else seen)
        if scrolled:
            await self._page.scroll_down()
        del chat
        return drawn

    def _keep(self, chat: OpenChat, bubbles: list[Bubble], unread: int, expect: SendOrder | None) -> UUID | None:
        known = self._chats.known(b.external_id for b in bubbles)
        with self._journal.store.transaction():
            chat_id = self._identity(chat, known, bubbles, expect)
            if chat_id is None:
                return None
            proof = set(expect.known_external_ids) if expect is not None else set()
            live = _live_from(bubbles, proof | known.keys(), unread)
            pending = self._unsettled_texts(chat_id)
            messages: list[MessageSeen] = []
            ticks: list[TickSeen] = []
            above: str | None = None
            for number, seen in enumerate(bubbles):
                before = known.get(seen.external_id)
                if before is None and _is_unsettled(seen, pending):
                    continue
                if before is None and not seen.empty:
                    messages.append(_message(seen, chat_id, above, history=number < live))
                elif before is not None and not seen.empty:
                    _changes(seen, before, chat_id, above, messages, ticks)
                above = seen.external_id
            if messages or ticks:
                told = ChatSeen(id=chat_id, title=chat.title, unread=0)
                self._chats.keep_together([told] if messages else [], messages, ticks)
        if messages or ticks:
            self.owed.set()
            log.info("chat.read", chat_id=str(chat_id), messages=len(messages), ticks=len(ticks))
            return chat_id
        return None

    def _identity(
        self, chat: OpenChat, known: dict[str, KnownMessage], bubbles: list[Bubble], expect: SendOrder | None
    ) -> UUID | None:
        """Return whose chat this is: that of the order whose messages are in it, or of the newest known one, or else a new one."""
        held = self._chats.holders(known)
        if expect is not None and {b.external_id for b in bubbles} & set(expect.known_external_ids):
            chat_id = expect.chat_id
            for other in set(held.values()) - {chat_id}:
                self._chats.adopt(other, chat_id)
            if self._chats.chat(chat_id) is None:
                self._chats.add_chat(chat.title, chat_id=chat_id)
            return self._named(chat_id, chat.title)
        for seen in reversed(bubbles):
            if seen.external_id in held:
                return self._named(held[seen.external_id], chat.title)
        for one in known.values():  # of the phone alone, which may have sent it to many: the title has to agree
            kept = self._chats.chat(one.chat_id)
            if kept is not None and kept.title == chat.title:
                return kept.id
        if expect is not None or not any(not b.empty for b in bubbles):
            return None
        return self._chats.add_chat(chat.title)

    def _named(self, chat_id: UUID, title: str) -> UUID:
        """Keep the title under which a chat is shown now."""
        kept = self._chats.chat(chat_id)
        if kept is not None and kept.title != title:
            self._chats.rename(chat_id, title)
        return chat_id

    def _unsettled_texts(self, chat_id: UUID) -> list[str]:
        """Return texts whose bubble belongs to a send that is not settled: its report tells of it, not we."""
        waiting = {Recovery.SETTLE, Recovery.REPORT_AGAIN}
        return [a.text for a in self._journal.sends.unsettled() if a.chat_id == chat_id and a.recovery in waiting]


def _live_from(bubbles: list[Bubble], known: Collection[str], unread: int) -> int:
    """Return the index from which on messages are news and not history."""
    places = [number for number, seen in enumerate(bubbles) if seen.external_id in known]
    if places:
        return places[0]
    inbound = [number for number, seen in enumerate(bubbles) if seen.direction is Direction.IN]
    return inbound[-unread] if unread and len(inbound) >= unread else (0 if unread else len(bubbles))


def _is_unsettled(seen: Bubble, pending: list[str]) -> bool:
    return seen.direction is Direction.OUT and any(same_on_page(text, seen.text or "") for text in pending)


def _message(seen: Bubble, chat_id: UUID, above: str | None, *, history: bool) -> MessageSeen:
    return MessageSeen(
        external_id=seen.external_id,
        chat_id=chat_id,
        direction=seen.direction,
        kind=seen.kind,
        text=seen.text[:MOST_TEXT] if seen.text else seen.text,
        author=(seen.author or "")[:MOST_NAME] or None if seen.direction is Direction.IN else None,
        wa_at=seen.wa_at.astimezone(UTC) if isinstance(seen.wa_at, datetime) else None,
        tick=seen.tick,
        quoted_text=seen.quoted[:MOST_QUOTED] if seen.quoted else None,
        after=above,
        history=history,
        edited=seen.edited,
        deleted=seen.deleted,
    )


def _changes(
    seen: Bubble,
    before: KnownMessage,
    chat_id: UUID,
    above: str | None,
    messages: list[MessageSeen],
    ticks: list[TickSeen],
) -> None:
    """Add what is different from what was last told: an edit or deletion as the message anew, a tick by itself."""
    edited = seen.edited and (not before.edited or (not seen.cut and seen.text != before.text))
    if edited or (seen.deleted and not before.deleted):
        messages.append(_message(seen, chat_id, above, history=False))
    elif later(before.tick, seen.tick) and seen.tick is not None:
        ticks.append(TickSeen(external_id=seen.external_id, tick=seen.tick))


def observations(news: list[News], epoch: int) -> Observations:
    """Return news as one body of POST /bridge/observations, in order."""
    return Observations(
        epoch=epoch,
        chats=[item for item in news if isinstance(item, ChatSeen)],
        messages=[item for item in news if isinstance(item, MessageSeen)],
        ticks=[item for item in news if isinstance(item, TickSeen)],
    )
