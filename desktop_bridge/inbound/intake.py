"""Brings what the page shows into the journal and from there to the server: each message once, each change of it, each tick.

A chat is told by the messages it holds; its title only narrows the search. Groups, and chats the owner left out, are not opened.
"""

from collections import Counter
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

import structlog

from core.contracts.bridge import ChatSeen, FileSeen, MessageSeen, ReadingScope, SendOrder, TickSeen
from core.contracts.states import Direction, ReadingChoice
from desktop_bridge.errors import PageError
from desktop_bridge.inbound.files import ChatFiles
from desktop_bridge.inbound.gate import Gate
from desktop_bridge.inbound.handing import HandOver, Post
from desktop_bridge.inbound.judgement import Verdict
from desktop_bridge.inbound.rows import RowWatch
from desktop_bridge.inbound.telling import add_changes, message_of, reaction_of
from desktop_bridge.journal.chats import ChatLog, KnownMessage
from desktop_bridge.journal.journal import Journal
from desktop_bridge.page.bubbles import Bubble, Row
from desktop_bridge.page.chat_page import CHAT_PAGES, OpenChat, WebChatPage
from desktop_bridge.page.list_pages import ListPages
from desktop_bridge.page.synced import row_agrees

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
        self._rows = RowWatch(journal)
        self._list = ListPages(page)
        self._gate = Gate(journal, self._rows)
        self._bystanders: dict[bytes, str] = {}  # where a chat that is not ours ended when it was first seen open
        self._looks: Counter[str] = Counter()
        self._late: Counter[tuple[tuple[str, str, int], int]] = Counter()
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
        asked: list[Row] = []
        sure: list[Row] = []
        done = await self._walk(asked, sure)
        for row in self._rows.missed():
            verdict = self._rows.verdict(row, risen=True) if row not in [*asked, *sure] else Verdict.LEAVE
            (sure if verdict is Verdict.OPEN else asked if verdict is Verdict.ASK else []).append(row)
        for rows in (sure, asked):
            unsure = [row for row in rows if self._rows.unsure(row.title)]
            rows[:] = [row for row in rows if row not in unsure]
            done += [False] * sum(not self._rows.repeated(row.title) for row in unsure)
        done += await self._go_back(sure, asked) if sure or asked else []
        if all(done):
            self._rows.settle()
        return sum(done)

    async def _walk(self, asked: list[Row], sure: list[Row]) -> list[bool]:
        """Read from the top down what is new, as far as anything may be; add to `asked` what may be a group.

        With "only these" nothing is read before the walk has shown that no namesake is meant: that is added to `sure`.
        Returns of each chat that was to be read whether it was.
        """
        done, whole, top = list[bool](), True, True
        async for rows in self._list.pages():
            goes_on = self._rows.come_by(rows)
            self._rows.look_over(rows)
            if top and await self._glance(rows):
                done.append(True)
            top = False
            for row in rows:
                verdict = self._rows.verdict(row)
                if verdict is Verdict.OPEN and self._rows.mode is ReadingChoice.ONLY:
                    sure.append(row)
                elif verdict is Verdict.OPEN:
                    done.append(await self._read_row(row))
                elif verdict is Verdict.ASK:
                    asked.append(row)
            if not goes_on:
                whole = False
                break
        self._rows.end(whole=whole)
        return done

    def recognise(self, order: SendOrder) -> None:
        """Call the chat of an order as the server does; see `Intake.recognise`."""
        held = set(self._chats.holders(order.known_external_ids).values()) - {order.chat_id}
        with self._journal.store.transaction():
            for chat_id in held:
                self._chats.adopt(chat_id, order.chat_id)

    def refuse_left_out(self, order: SendOrder) -> None:
        """Return if the owner's choice lets the chat be opened; see `Intake.refuse_left_out`."""
        self._gate.refuse_left_out(order.chat_id, order.title)

    async def catch_up(self, order: SendOrder) -> None:
        """Read the open chat and tell everything new in it; see `Intake.catch_up`."""
        await self._read_current(unread=0, expect=order)
        await self.flush()

    async def read_open(self, unread: int = 0) -> UUID | None:
        """Read the open chat and return whose it is, new or not; None for a group, an excluded or an empty chat."""
        await self._read_current(unread=unread)
        chat = await self._page.current()
        return self._chats.whose(chat.ids, chat.title) if chat is not None and not chat.group else None

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

    async def _go_back(self, sure: list[Row], asked: list[Row]) -> list[bool]:
        """Ask the page which of the rows that are `asked` are groups; read the others, and the `sure` ones, if they still look the same.

        Returns of each of them whether it was read.
        """
        persons = self._rows.persons(asked, await self._list.groups(self._rows.walked + len(asked))) if asked else []
        marks = {row.mark for row in [*sure, *persons]}
        done, left = list[bool](), {row.mark for row in [*sure, *asked]}
        async for rows in self._list.pages():
            for row in rows:
                if row.mark not in marks or row.group:
                    continue
                done.append(await (self._glance(rows) if row.selected else self._read_row(row)))
            left -= {row.mark for row in rows}
            if not left:
                break
        return [*done, *([False] * len(left & marks))]

    async def _glance(self, rows: list[Row]) -> bool:
        """Read the open chat if it is one of ours. One that a person opened, and whose customer did not write since, is not (law 12)."""
        chat = await self._page.current()
        if chat is None or not chat.ids:
            return False
        fresh = 0
        if self._chats.whose(chat.ids, chat.title) is None and not self._chats.opening(chat.title):
            if not self._gate.lets(chat):
                return False
            fresh = await self._written_since(chat)
            if self._rows.mode is ReadingChoice.NEW_WRITERS and not fresh:
                return False
            if not self._rows.is_person(chat.title):
                return False
        new = await self._read_current(unread=fresh) is not None
        shown = next((row for row in rows if row.selected and row.title == chat.title), None)
        if shown is not None and self._chats.whose(chat.ids, chat.title) is not None and await self._shows(shown):
            self._rows.keep_up(shown)
        return new

    async def _shows(self, row: Row) -> bool:
        """Tell whether the open chat has come as far as its row, whose words may be there before the bubble is drawn."""
        last = next((seen for seen in reversed(await self._page.bubbles()) if not seen.deleted), None)
        return last is not None and not last.empty and not last.blank and row_agrees(row.preview, last.text)

    async def _behind(self, row: Row) -> bool:
        """Tell whether the words of an opened row are still to be drawn; after several looks they are of a kind that is no message."""
        if await self._shows(row):
            self._late.pop(row.mark, None)
            return False
        self._late[row.mark] += 1
        return self._late[row.mark] < MOST_LOOKS

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
        self._rows.begin_row(row)
        news = self._rows.news_of(row)
        if news:  # opening it takes the number away, so a crash from here on would make news of it look old
            with self._journal.store.transaction():
                self._chats.keep_opening(row.title, max(news, self._chats.opening(row.title)))
        if not await self._page.open_row(row):
            return False
        await self._read_current(unread=news)
        if self._chats.opening(row.title) or await self._behind(row):
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

        Where chats of this title are known, a known message is looked for as far up as the page goes: many may have been missed.
        Of a `stranger` the journal has nothing to show that they wrote, so their newest message is looked for in any case.
        """
        scrolled = False
        missed = not stranger and any(not one.excluded for one in self._chats.with_title(chat.title))
        for _ in range(CHAT_PAGES):
            bubbles = await self._page.bubbles()
            known = self._chats.known(b.external_id for b in bubbles)
            met = self._chats.whose([b.external_id for b in bubbles], chat.title) is not None
            customers = sum(b.direction is Direction.IN for b in bubbles)
            enough = (met and not stranger) or (customers >= unread and not missed)
            if enough or not await self._page.scroll_up():
                break
            scrolled = True
        drawn = await self._drawn(bubbles, known)
        if scrolled or any(seen.empty for seen in bubbles):
            await self._page.scroll_down()
        return drawn

    async def _drawn(self, bubbles: list[Bubble], known: dict[str, KnownMessage]) -> list[Bubble]:
        """Return the bubbles with all that are news drawn and unfolded; those around one come to be drawn with it."""
        drawn, patient = {seen.raw_id: seen for seen in bubbles}, True
        for raw_id in list(drawn):
            seen = drawn[raw_id]
            before = known.get(seen.external_id)
            fresh = before is None or (seen.edited and not before.edited)
            if not fresh or not (seen.empty or seen.cut or (seen.blank and patient)):
                continue
            drawn[raw_id] = await self._page.whole(seen)
            patient = patient and not drawn[raw_id].blank  # one that stays blank is of a kind that we do not know
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
        expect: SendOrder | None,
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
            ours = {one.external_id for one in known.values() if one.chat_id == chat_id}
            live = live_from(bubbles, proof | ours, unread, self._rows.since)
            messages: list[MessageSeen] = []
            ticks: list[TickSeen] = []
            above: str | None = None
            for number, seen in enumerate(bubbles):
                before = known.get(seen.external_id)
                if before is None and not seen.empty:
                    file = files.get(seen.external_id)
                    messages.append(message_of(seen, chat_id, above, history=number < live, file=file))
                elif before is not None and not seen.empty:
                    add_changes(seen, before, chat_id, above, messages, ticks)
                above = seen.external_id
            told = known.keys() | {message.external_id for message in messages}
            messages += self._reactions(
                [seen for seen in bubbles if seen.external_id in told], chat_id, known, bubbles[:live]
            )
            if messages or ticks:
                seen_now = ChatSeen(id=chat_id, title=chat.title, unread=0)
                self._chats.keep_together([seen_now] if messages else [], messages, ticks)
                if self._files is not None:
                    self._files.note(messages)
        if messages or ticks:
            self.owed.set()
            log.info("chat.read", chat_id=str(chat_id), messages=len(messages), ticks=len(ticks))
            return chat_id
        return None

    def _reactions(
        self, bubbles: list[Bubble], chat_id: UUID, known: dict[str, KnownMessage], old: list[Bubble]
    ) -> list[MessageSeen]:
        """Return the reactions that were not told yet; those to bubbles that are themselves new and `old` are history."""
        before = {seen.external_id for seen in old} - known.keys()
        found = [reaction_of(seen, chat_id, history=seen.external_id in before) for seen in bubbles]
        told = self._chats.known(one.external_id for one in found if one is not None)
        return [one for one in found if one is not None and one.external_id not in told]

    def _identity(
        self, chat: OpenChat, known: dict[str, KnownMessage], bubbles: list[Bubble], expect: SendOrder | None
    ) -> UUID | None:
        """Return whose chat this is: that of the order whose messages are in it, or of the newest known one, or else a new one."""
        if expect is not None and {b.external_id for b in bubbles} & set(expect.known_external_ids):
            chat_id = expect.chat_id
            for other in set(self._chats.holders(known).values()) - {chat_id}:
                self._chats.adopt(other, chat_id)
            if self._chats.chat(chat_id) is None:
                self._chats.add_chat(chat.title, chat_id=chat_id)
            return self._named(chat_id, chat.title)
        whose = self._chats.whose([seen.external_id for seen in bubbles], chat.title)
        if whose is not None:
            return self._named(whose, chat.title)
        if expect is not None or not any(not b.empty for b in bubbles):
            return None
        return self._chats.add_chat(chat.title)

    def _named(self, chat_id: UUID, title: str) -> UUID:
        """Keep the title under which a chat is shown now."""
        kept = self._chats.chat(chat_id)
        if kept is not None and kept.title != title:
            self._chats.rename(chat_id, title)
        return chat_id


def live_from(bubbles: list[Bubble], known: Collection[str], unread: int, since: datetime | None) -> int:
    """Return the index from which on messages are news and not history.

    Of a burst that goes on while its row is opened, the number beside the row tells only a part: what the customer wrote before it in
    one go, `since` the chat is read, is as new.
    """
    places = [number for number, seen in enumerate(bubbles) if seen.external_id in known]
    if places:
        return places[0]
    inbound = [number for number, seen in enumerate(bubbles) if seen.direction is Direction.IN]
    if not unread:
        return len(bubbles)
    first = inbound[-unread] if len(inbound) >= unread else 0
    for number in range(first - 1, -1, -1):
        seen = bubbles[number]
        if seen.direction is not Direction.IN or (seen.wa_at is not None and (since is None or seen.wa_at < since)):
            break
        first = number if seen.wa_at is not None else first
    return first
