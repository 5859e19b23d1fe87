"""Brings what the page shows into the journal and from there to the server: each message once, each change of it, each tick.

A chat is told by the messages it holds; its title only narrows the search. Groups, and chats the owner left out, are not opened.
"""

from collections import Counter
from datetime import UTC, datetime
from uuid import UUID

import structlog

from core.contracts.bridge import ChatSeen, FileSeen, MessageSeen, Observations, TickSeen
from core.contracts.states import ChatKind, Direction
from core.contracts.texts import same_on_page
from desktop_bridge.errors import PageError
from desktop_bridge.inbound.files import ChatFiles
from desktop_bridge.inbound.handing import HandOver, Post
from desktop_bridge.journal.chats import ChatLog, KnownMessage, News
from desktop_bridge.journal.journal import Journal
from desktop_bridge.page.bubbles import Bubble, Row
from desktop_bridge.page.chat_list import ChatList
from desktop_bridge.page.chat_page import CHAT_PAGES, OpenChat, WebChatPage, later
from desktop_bridge.sends.phases import Recovery

MOST_LOOKS = 5
"""How often a chat with unread messages is looked at before it counts as one without any that can be read."""

log = structlog.get_logger(__name__)


class PageIntake:
    """Reads the page for one journal. The caller holds the page while it reads."""

    def __init__(self, page: WebChatPage, journal: Journal, post: Post, files: ChatFiles | None = None) -> None:
        self._page = page
        self._journal = journal
        self._chats: ChatLog = journal.chats
        self._handing = HandOver(journal.chats, post)
        self._files = files
        self._bystanders: dict[
            str, str
        ] = {}  # the newest message when a chat that is not ours was first seen open, by title
        self._looks: Counter[str] = Counter()
        self.owed = self._handing.owed
        """Rings when the outbox has got something."""

    def scope(self) -> ReadingScope:
        """Return which chats are read, as far as the server may know it."""
        return self._rows.scope()

    async def scan(self) -> int:
        """Look over the list, read every chat that has something new and that the owner's choice takes in; return how many.

        The first scan of a journal, and of a new choice, opens nothing: it notes what was there before (law 10).
        """
        if not (await self._page.session()).usable:
            return 0
        await self._list.show_all()
        self._rows.begin()
        if self._rows.survey_due:
            await self._survey()
            return 0
        read, asked, whole, top = 0, [], True, True
        async for rows in self._list.pages():
            goes_on = self._rows.come_by(rows)
            self._rows.look_over(rows)
            if top:
                read += await self._glance(rows)
            top = False
            for row in rows:
                verdict = self._rows.verdict(row)
                if verdict is Verdict.OPEN:
                    read += await self._read_row(row)
                elif verdict is Verdict.ASK:
                    asked.append(row)
            if not goes_on:
                whole = False
                break
        self._rows.end(whole=whole)
        return read + (await self._read_persons(asked) if asked else 0)

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
        await self._handing.flush()

    # -- rows ---------------------------------------------------------------------------------------------------------

    async def _survey(self) -> None:
        """Note what is unread in every chat that is taken in from now on, and which titles the page calls groups."""
        if not await self._page.at_rest():
            return  # a list that is still filling would show old messages as new ones later
        async for rows in self._list.pages():
            self._rows.come_by(rows)
            self._rows.keep_before(rows)
        self._rows.keep_groups(row.title for row in await self._list.groups() or ())
        self._rows.end(whole=True)
        self._rows.surveyed()

    async def _read_persons(self, asked: list[Row]) -> int:
        """Ask the page which of these rows are groups; read the others, if they still look the same."""
        looks = self._rows.persons(asked, await self._list.groups(self._rows.walked + len(asked)))
        read, left = 0, {row.look for row in asked}
        async for rows in self._list.pages():
            for row in rows:
                if row.look not in looks or row.group:
                    continue
                read += await (self._glance(rows) if row.selected else self._read_row(row))
            left -= {row.look for row in rows}
            if not left:
                break
        return read

    async def _glance(self, rows: list[Row]) -> bool:
        """Read the open chat if it is one of ours. One that a person opened, and whose customer did not write since, is not (law 12)."""
        chat = await self._page.current()
        if chat is None or not chat.ids:
            return False
        fresh = 0
        if not self._chats.known(chat.ids) and not self._chats.opening(chat.title):
            if not self._gate.lets(chat):
                return False
            fresh = await self._written_since(chat)
            if self._rows.mode is ReadingChoice.NEW_WRITERS and not fresh:
                return False
            if not self._rows.is_person(chat.title):
                return False
        new = await self._read_current(unread=fresh) is not None
        shown = next((row for row in rows if row.selected and row.title == chat.title), None)
        if shown is not None and self._chats.known(chat.ids):
            self._rows.keep_up(shown)
        return new

    async def _written_since(self, chat: OpenChat) -> int:
        """Return how much the customer has written since a chat that is not ours was first seen open."""
        tail = self._bystanders.setdefault(self._chats.key(chat.title), chat.ids[-1])
        if tail not in chat.ids:
            self._bystanders[self._chats.key(chat.title)] = chat.ids[-1]
            return 0
        below = chat.ids[chat.ids.index(tail) + 1 :]
        if not below:
            return 0
        return sum(b.external_id in below and b.direction is Direction.IN for b in await self._page.bubbles())

    async def _read_row(self, row: Row) -> bool:
        news = self._rows.news_of(row)
        if news:  # opening it takes the number away, so a crash from here on would make news of it look old
            with self._journal.store.transaction():
                self._chats.keep_opening(row.title, max(news, self._chats.opening(row.title)))
        if not await self._page.open_row(row):
            return False
        await self._read_current(unread=news)
        if self._chats.opening(row.title):
            return False  # its messages are not drawn yet; the page's next change brings us back
        self._rows.done(row, await self._page.visible_rows())
        return True

    # -- the open chat ------------------------------------------------------------------------------------------------

    async def _read_current(self, *, unread: int, expect: SendOrder | None = None) -> UUID | None:
        """Read the chat that is open; return its id if something in it was new."""
        chat = await self._page.current()
        if chat is None or not self._gate.lets(chat):
            return None
        unread = max(unread, self._chats.opening(chat.title))
        stranger = expect is not None and not self._chats.customer_wrote(expect.chat_id)
        bubbles = await self._all_new(chat, max(unread, 1) if stranger else unread, stranger=stranger)
        if unread and self._undrawn(chat.title, bubbles):
            return None
        files = await self._describe(bubbles)
        if (after := await self._page.current()) is None or after.title != chat.title:
            raise PageError("another chat was opened while this one was read", hint="it is read again")
        chat_id = self._keep(chat, bubbles, unread, expect, files)
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

    async def _describe(self, bubbles: list[Bubble]) -> dict[str, FileSeen]:
        if self._files is None:
            return {}
        known = self._chats.known(b.external_id for b in bubbles)
        return await self._files.describe(b for b in bubbles if b.external_id not in known)

    def _keep(
        self,
        chat: OpenChat,
        bubbles: list[Bubble],
        unread: int,
        expect: UUID | None,
        files: dict[str, FileSeen],
    ) -> UUID | None:
        known = self._chats.known(b.external_id for b in bubbles)
        with self._journal.store.transaction():
            if not self._rows.includes(chat.title):
                return None  # the owner has left it out while it was read
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
                    messages.append(
                        _message(seen, chat_id, above, history=number < live, file=files.get(seen.external_id))
                    )
                elif before is not None and not seen.empty:
                    _changes(seen, before, chat_id, above, messages, ticks)
                above = seen.external_id
            if messages or ticks:
                told = ChatSeen(id=chat_id, title=chat.title, unread=0)
                self._chats.keep_together([told] if messages else [], messages, ticks)
                for message in messages if self._files else ():
                    self._files.note(message)
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


def _message(
    seen: Bubble, chat_id: UUID, above: str | None, *, history: bool, file: FileSeen | None = None
) -> MessageSeen:
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
        files=[file] if file else [],
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
