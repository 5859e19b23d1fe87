"""What the list has shown so far, and what is therefore to be done with each of its rows."""

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

from core.contracts.bridge import ReadingScope
from core.contracts.states import ChatKind, ReadingChoice
from desktop_bridge.inbound.gaps import ListOrder
from desktop_bridge.inbound.judgement import RowFacts, Verdict, is_authored, judge
from desktop_bridge.inbound.namesakes import Namesakes
from desktop_bridge.journal.choice import Choice
from desktop_bridge.journal.journal import Journal
from desktop_bridge.page.bubbles import Row

_MOST_RETURNS = 5
"""How often a walk goes down to a row that does not open; after that it is read when the list brings it up again."""


class RowWatch:
    """The memory of one bridge for rows. Of rows that are not read it holds keyed hashes; the journal has but the order of those."""

    def __init__(self, journal: Journal, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = journal.store
        self._chats = journal.chats
        self._choice = journal.choice
        self._namesakes = Namesakes(clock)
        self._order = ListOrder(journal)
        self._now = Choice()
        self._shown: dict[bytes, Row] = {}  # the rows of this walk that were left where they are, one for each title
        self._seen: dict[bytes, frozenset[bytes]] = {}  # the looks under a title when a walk last came by
        self._walk: dict[bytes, dict[bytes, int]] = {}  # the looks of this walk, with their places
        self._places: set[int] = set()  # where rows stood in this walk
        self._repeated: set[bytes] = set()
        self._repeated_here: set[bytes] = set()  # in this walk
        self._persons: set[bytes] = set()
        self._doubted: set[bytes] = set()
        self._of_groups: set[bytes] = (
            set()
        )  # looks that the page has said to be a group's: not asked again until they change
        self._whole = False  # whether the list was walked to its end since the start
        self._left: dict[
            bytes, int
        ] = {}  # titles under which a chat was to be read and was not yet, and how often we came by since

    # -- the choice ---------------------------------------------------------------------------------------------------

    @property
    def mode(self) -> ReadingChoice:
        """The mode of the choice with which this walk began."""
        return self._now.mode

    @property
    def survey_due(self) -> bool:
        """Whether the list must be looked over before anything is read: it never was, or with another choice."""
        return self._choice.applied() != self._choice.wanted()

    @property
    def since(self) -> datetime | None:
        """From when on what a customer wrote is surely news: the first whole minute, as the page shows no seconds."""
        at = self._choice.applied_at()
        return at.replace(second=0, microsecond=0) + timedelta(minutes=1) if at is not None else None

    def includes(self, title: str) -> bool:
        """Tell whether the choice, as it is at this very moment, lets chats of this title be read."""
        return self._choice.wanted().includes(self._choice.key(title))

    def repeated(self, title: str) -> bool:
        """Tell whether the list shows this title more than once."""
        return self._is_repeated(self._choice.key(title))

    def _is_repeated(self, key: bytes) -> bool:
        return key in self._repeated or (self._now.mode is ReadingChoice.ONLY and self._namesakes.twice(key))

    def unsure(self, title: str) -> bool:
        """Tell whether a chat under this title may be another one than the owner chose; the next walk then looks for a second one."""
        key = self._choice.key(title)
        if self._now.mode is not ReadingChoice.ONLY or self._namesakes.alone(key):
            return False
        if not self._namesakes.twice(key):
            self._namesakes.seek()
        return True

    def scope(self) -> ReadingScope:
        """Return what the server may know of the choice."""
        wanted = self._choice.wanted()
        unclear = sum(self._is_repeated(key) for key in wanted.named) if wanted.mode is ReadingChoice.ONLY else 0
        return ReadingScope(choice=wanted.mode, named=len(wanted.named), unclear=unclear)

    # -- a walk through the list --------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Begin a walk at the top of the list, with the choice as it is now."""
        self._now = self._choice.wanted()
        self._walk, self._shown, self._repeated_here = {}, {}, set()
        self._namesakes.begin()
        self._places.clear()
        self._order.begin()

    def come_by(self, rows: Sequence[Row]) -> bool:
        """Note the rows of one page of the list; tell whether what lies below may have changed, too.

        What is new comes in at the top: below a page on which nothing has changed, nothing has, but what was left undone.
        """
        fresh = not self._whole
        here: set[bytes] = set()
        self._places |= {row.place for row in rows}
        for row in rows:
            key, shown = self._choice.key(row.title), self._look(row)
            if key in here:
                self._repeated_here.add(key)
            here.add(key)
            fresh = fresh or shown not in self._seen.get(key, ())
            if key in self._left and key not in self._walk:
                self._came_by_again(key)
            places = self._walk.setdefault(key, {})
            if any(other != shown and place != row.place for other, place in places.items()):
                self._repeated_here.add(key)
            places[shown] = row.place
            self._shown[key] = row
        self._repeated |= self._repeated_here
        self._namesakes.come_by((self._choice.key(row.title), row.place) for row in rows)
        once = [key for row in rows if (key := self._choice.key(row.title)) not in self._repeated]
        overtaken = self._order.come_by(once, self._repeated)
        return fresh or overtaken or bool(self._left.keys() - self._walk.keys()) or self._in_doubt()

    def _in_doubt(self) -> bool:
        return self._now.mode is ReadingChoice.ONLY and self._namesakes.in_doubt(self._now.named)

    def _came_by_again(self, key: bytes) -> None:
        self._left[key] += 1
        if self._left[key] > _MOST_RETURNS:
            del self._left[key]

    def end(self, *, whole: bool) -> None:
        """End a walk; `whole` says that it came to the end of the list."""
        if whole:
            self._left = {key: times for key, times in self._left.items() if key in self._walk}
            self._repeated = set(self._repeated_here)  # renamed, or deleted: it stands alone again
        self._namesakes.end(whole=whole)
        self._seen |= {key: frozenset(places) for key, places in self._walk.items()}
        self._whole = self._whole or whole

    def missed(self) -> list[Row]:
        """Return the rows of this walk that look as they did when they were read, but have risen since: read on the phone, say."""
        risen = self._order.risen(self._repeated)
        return [row for key, row in self._shown.items() if key in risen]

    def settle(self, *, anew: bool = True) -> None:
        """Keep how the list stood in this walk, once all that was new in it is dealt with."""
        self._order.keep(anew=anew)

    @property
    def walked(self) -> int:
        """How many rows this walk has come by, at least."""
        return len(self._places)

    # -- what to do with a row ----------------------------------------------------------------------------------------

    def verdict(self, row: Row, *, risen: bool = False) -> Verdict:
        """Decide about a row; `risen` says that it moved up the list. The open chat is read where it stands and not from the list."""
        key = self._choice.key(row.title)
        if row.selected and key not in self._doubted:
            return Verdict.LEAVE
        known = self._chats.with_title(row.title)
        ours = any(not chat.excluded for chat in known)
        verdict = judge(
            RowFacts(
                mode=self._now.mode,
                included=self._now.includes(key),
                repeated=self._is_repeated(key),
                ours=ours,
                person=key in self._persons,
                group_title=any(chat.kind is not ChatKind.PERSON for chat in known),
                marked=row.group or self._look(row) in self._of_groups,
                authored=is_authored(row.preview),
                news=row.selected or (risen and ours) or self._news(row, ours=ours),
            )
        )
        return Verdict.ASK if row.selected and verdict is Verdict.OPEN else verdict

    def _news(self, row: Row, *, ours: bool) -> bool:
        if self._chats.opening(row.title):
            return True
        new = self._chats.row_is_new(row.title, *_noted(row, row.unread))
        return new if row.unread else new and ours and bool(row.preview)

    def is_person(self, title: str) -> bool:
        """Tell whether the page has said that this title is no group's; else it is asked with the next walk."""
        key = self._choice.key(title)
        if key not in self._persons:
            self._doubted.add(key)
        return key in self._persons

    def persons(self, asked: Sequence[Row], groups: Sequence[Row] | None) -> list[Row]:
        """Return those rows that belong to persons, now that the page has said which rows are groups.

        A row that bears a group's title is a person's if the group looked otherwise meanwhile and the row still looks as it did:
        the caller opens only rows that do. Without an answer (`None`) a chat is opened, and its header decides.
        """
        self._doubted -= {self._choice.key(row.title) for row in asked}
        titles = {row.title for row in groups or ()}
        looks = {row.look for row in groups or ()}
        self.keep_groups(row.title for row in asked if row.title in titles)
        self._of_groups |= {self._look(row) for row in asked if row.look in looks}
        self._persons |= {self._choice.key(row.title) for row in asked if row.title not in titles}
        return [row for row in asked if row.look not in looks]

    # -- what is kept in the journal ----------------------------------------------------------------------------------

    def keep_groups(self, titles: Iterable[str]) -> None:
        """Note that these titles are borne by groups: of each an opaque id and the keyed hash of its title."""
        for title in dict.fromkeys(titles):
            self._persons.discard(self._choice.key(title))
            if all(chat.kind is ChatKind.PERSON for chat in self._chats.with_title(title)):
                with self._store.transaction():
                    self._chats.add_chat(title, ChatKind.GROUP, excluded=True)
                    self._chats.forget_opening(title)

    def keep_before(self, rows: Sequence[Row]) -> None:
        """Note what is unread in chats that are only now taken in. That of a chat that was read all along is news still."""
        applied = self._choice.applied()
        with self._store.transaction():
            for row in rows:
                new = applied is None or not applied.includes(self._choice.key(row.title))
                if new and row.unread and not row.group and self._now.includes(self._choice.key(row.title)):
                    self._chats.keep_row(row.title, *_noted(row, row.unread))
                    self._choice.keep_before(row.title, row.unread)

    def surveyed(self) -> None:
        """Note that the list was looked over with the choice of this walk."""
        self.settle(anew=False)  # what was read all along may have risen meanwhile
        with self._store.transaction():
            self._choice.apply(self._now)
            self._chats.keep_linked()

    def news_of(self, row: Row) -> int:
        """Return how many of a row's unread messages came in after its chat was taken in."""
        return row.unread - self._choice.before(row.title, row.unread)

    def look_over(self, rows: Sequence[Row]) -> None:
        """Forget what was unread before, where it was read meanwhile (on the phone): the same number can then be news again."""
        for row in rows:
            if not row.unread and not self.repeated(row.title) and self._choice.was_unread(row.title):
                with self._store.transaction():
                    self._choice.forget_before(row.title)
                    self._chats.forget_rows(row.title)

    def begin_row(self, row: Row) -> None:
        """Note that a row is to be opened; until it is `done` the next walks go as far down as its title stands."""
        self._left.setdefault(self._choice.key(row.title), 0)

    def done(self, row: Row, shown: Sequence[Row]) -> None:
        """Note that a row was opened and its chat read; `shown` are the rows as they are now.

        A number that lingers beside a chat that was read is noted, so that it does not bring us back again and again. One beside other
        words than before is news: it came in after the chat was read.
        """
        now = next(
            (one for one in shown if one.selected and one.title == row.title and one.preview == row.preview), None
        )
        with self._store.transaction():
            self._chats.forget_opening(row.title)
            if not self.repeated(row.title):
                self._choice.forget_before(row.title)
                self._chats.forget_rows(row.title)
            self._chats.keep_row(row.title, *(_noted(row, 0) if now is None else _noted(now, now.unread)))
        self._shown.pop(self._choice.key(row.title), None)
        self._left.pop(self._choice.key(row.title), None)

    def keep_up(self, row: Row) -> None:
        """Note the look that the row of the open chat had before the chat was read."""
        if not row.unread and row.preview and self._chats.row_is_new(row.title, *_noted(row, 0)):
            with self._store.transaction():
                if not self.repeated(row.title):
                    self._chats.forget_rows(row.title)
                self._chats.keep_row(row.title, *_noted(row, 0))

    def _look(self, row: Row) -> bytes:
        return self._chats.key(repr(row.mark))


def _noted(row: Row, unread: int) -> tuple[object, ...]:
    """Return how a row is noted once it was dealt with; a namesake that looks the same is noted beside it."""
    return (row.preview, *([unread] if unread else []), *(["twin", row.twin] if row.twin else []))
