"""Brings what the page shows into the journal and from there to the server: each message once, each change of it, each tick.

A chat is told by the messages it holds; its title only narrows the search. Groups, and chats the owner left out, are not opened.
"""

from collections import Counter
from uuid import UUID

import structlog

from core.contracts.bridge import ChatSeen, FileSeen, MessageSeen, TickSeen
from core.contracts.states import ChatKind, Direction
from core.contracts.texts import same_on_page
from desktop_bridge.errors import PageError
from desktop_bridge.inbound.files import ChatFiles
from desktop_bridge.inbound.gaps import ListWalk, joined, named_once, risen
from desktop_bridge.inbound.handing import HandOver, Post
from desktop_bridge.inbound.telling import add_changes, message_of, reaction_of
from desktop_bridge.journal.chats import ChatLog, KnownMessage
from desktop_bridge.journal.journal import Journal
from desktop_bridge.page.bubbles import Bubble, Row
from desktop_bridge.page.chat_page import CHAT_PAGES, OpenChat, WebChatPage
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
        first = not self._chats.linked
        if first and not await self._page.at_rest():
            return 0  # a list that is still filling would show old messages as new ones later
        if first:
            return await self._link()
        read = int(await self._glance())
        before, walked, settled = self._chats.order(), list[bytes](), True
        async for rows in ListWalk(self._page).pages():
            alone = named_once(rows)
            keys = {row.title: self._chats.title_key(row.title) for row in rows}
            walked += [keys[row.title] for row in rows if row.title in alone]
            up = risen(before, walked)
            busy = [row for row in rows if not row.selected and self._needs_reading(row, keys[row.title] in up)]
            for row in busy:
                done = await self._read_row(row, alone=row.title in alone)
                read, settled = read + done, settled and done
            if not busy:
                break  # below a whole screen without news everything is older
        if settled:
            self._keep_order(joined(walked, before), before)
        return read

    async def _link(self) -> int:
        """Note how the whole list looks now that the bridge is linked; whatever is in it is not news."""
        order: list[bytes] = []
        async for rows in ListWalk(self._page).pages():
            for row in rows:
                self._note_row(row, row.unread)
            alone = named_once(rows)
            order += [self._chats.title_key(row.title) for row in rows if row.title in alone]
        with self._journal.store.transaction():
            self._chats.keep_order(order)
            self._chats.keep_linked()
        return 0

    def _keep_order(self, now: list[bytes], before: list[bytes]) -> None:
        if now != before:
            with self._journal.store.transaction():
                self._chats.keep_order(now)

    async def catch_up(self, chat_id: UUID) -> None:
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

    def _needs_reading(self, row: Row, up: bool) -> bool:
        """Tell whether a row shows something that is not in the journal; `up` says that it moved up the list."""
        known = self._chats.with_title(row.title)
        if row.group or (known and all(chat.excluded for chat in known)):
            return False
        if self._chats.opening(row.title):
            return True
        if row.unread:
            return up or self._chats.row_is_new(row.title, row.preview, row.unread)
        return bool(known) and bool(row.preview) and (up or self._chats.row_is_new(row.title, row.preview))

    def _note_row(self, row: Row, unread: int, *, alone: bool = False) -> None:
        """Note that a row with this look was dealt with; earlier looks of a title that no other row bears are forgotten."""
        with self._journal.store.transaction():
            if alone:
                self._chats.forget_rows(row.title)
            self._chats.keep_row(row.title, row.preview, unread > 0 and unread)
            self._chats.keep_row(row.title, row.preview)
            self._chats.forget_opening(row.title)

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

    async def _read_row(self, row: Row, *, alone: bool) -> bool:
        if row.unread:  # opening it takes the number away, so a crash from here on would make news of it look old
            with self._journal.store.transaction():
                self._chats.keep_opening(row.title, max(news, self._chats.opening(row.title)))
        if not await self._page.open_row(row):
            return False
        found = await self._read_current(unread=row.unread)
        if self._chats.opening(row.title):
            return False  # its messages are not drawn yet; the page's next change brings us back
        # As it was before it was opened: what came in meanwhile makes the row look new, and it is read once more.
        # A number that stays though nothing was new is dealt with as well.
        self._note_row(row, row.unread if found is None else 0, alone=alone)
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

    def _is_excluded(self, chat: OpenChat) -> bool:
        known = self._chats.with_title(chat.title)
        return bool(known) and all(c.excluded for c in known)

    async def _all_new(self, chat: OpenChat, unread: int) -> list[Bubble]:
        """Return the bubbles from the newest known one (or the first unread one) down, all of them drawn and unfolded.

        Where chats of this title are known, a known message is looked for as far up as the page goes: many may have been missed.
        """
        scrolled = False
        missed = any(not one.excluded for one in self._chats.with_title(chat.title))
        for _ in range(CHAT_PAGES):
            bubbles = await self._page.bubbles()
            known = self._chats.known(b.external_id for b in bubbles)
            customers = sum(b.direction is Direction.IN for b in bubbles)
            if known or (customers >= unread and not missed) or not await self._page.scroll_up():
                break
            scrolled = True
        drawn = await self._drawn(bubbles, known)
        if scrolled or any(seen.empty for seen in bubbles):
            await self._page.scroll_down()
        return drawn

    async def _drawn(self, bubbles: list[Bubble], known: dict[str, KnownMessage]) -> list[Bubble]:
        """Return the bubbles with all that are news drawn and unfolded; those around one come to be drawn with it."""
        drawn = {seen.raw_id: seen for seen in bubbles}
        for raw_id in list(drawn):
            seen = drawn[raw_id]
            before = known.get(seen.external_id)
            fresh = before is None or (seen.edited and not before.edited)
            if not fresh or not (seen.empty or seen.cut):
                continue
            drawn[raw_id] = await self._page.whole(seen)
            if seen.empty:
                around = [b for b in await self._page.bubbles() if not b.empty and b.raw_id in drawn]
                drawn.update((b.raw_id, b) for b in around if drawn[b.raw_id].empty)
        return list(drawn.values())

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
            reactions: list[MessageSeen] = []
            above: str | None = None
            for number, seen in enumerate(bubbles):
                before = known.get(seen.external_id)
                if before is None and _is_unsettled(seen, pending):
                    continue
                if before is None and not seen.empty:
                    messages.append(
                        message_of(seen, chat_id, above, history=number < live, file=files.get(seen.external_id))
                    )
                elif before is not None and not seen.empty:
                    add_changes(seen, before, chat_id, above, messages, ticks)
                above = seen.external_id
                if (reaction := reaction_of(seen, chat_id, history=before is None and number < live)) is not None:
                    reactions.append(reaction)
            told_before = self._chats.known(one.external_id for one in reactions)
            messages += [one for one in reactions if one.external_id not in told_before]
            if messages or ticks:
                told = ChatSeen(id=chat_id, title=chat.title, unread=0)
                self._chats.keep_together([told] if messages else [], messages, ticks)
                if self._files is not None:
                    self._files.note(messages)
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
