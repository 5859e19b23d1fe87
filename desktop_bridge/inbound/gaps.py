"""What was missed: chats whose row changed while nobody looked, found from how the list stood when it was last dealt with.

After days without the bridge a chat may bear no unread number, because it was read on the phone; its row then shows another
preview, or the same one further up. Only such chats are opened, as far down the list as there are any.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from typing import TypeVar

from desktop_bridge.journal.journal import Journal

Key = TypeVar("Key")


def risen(before: Sequence[Key], now: Sequence[Key]) -> set[Key]:
    """Return what stands above something now that it stood below before: each had news, whatever its row shows.

    Of what stands there twice nothing can be told.
    """
    then, there = Counter(before), Counter(now)
    rank = {key: place for place, key in enumerate(before) if then[key] == 1}
    found: set[Key] = set()
    highest_below = len(before)
    for key in reversed(now):
        place = rank.get(key)
        if place is None or there[key] > 1:
            continue
        if place > highest_below:
            found.add(key)
        highest_below = min(highest_below, place)
    return found


def joined(above: Sequence[Key], rest: Sequence[Key]) -> list[Key]:
    """Return the order of a list of which only the upper part was looked at: that part, then the rest as it stood."""
    looked = set(above)
    return [*above, *(key for key in rest if key not in looked)]


class ListOrder:
    """How the list stood when it was last dealt with, beside how it stands in this walk; in the journal by keyed hashes alone."""

    def __init__(self, journal: Journal) -> None:
        self._store = journal.store
        self._chats = journal.chats
        self._before: list[bytes] = []
        self._now: dict[bytes, None] = {}

    def begin(self) -> None:
        """Begin a walk at the top of the list."""
        self._before, self._now = self._chats.order(), {}

    def come_by(self, keys: Iterable[bytes], repeated: Collection[bytes]) -> bool:
        """Note the rows of one page from the top; tell whether something of what was come by has overtaken what lies below."""
        self._now |= dict.fromkeys(keys)
        before = [key for key in self._before if key not in repeated]
        known = self._now.keys() & set(before)
        return not before or known != set(before[: len(known)])

    def risen(self, repeated: Collection[bytes]) -> set[bytes]:
        """Return what had news, whatever its row shows; of what stands in the list more than once nothing can be told."""
        return risen(self._before, [key for key in self._now if key not in repeated]) - set(repeated)

    def keep(self, *, anew: bool = True) -> None:
        """Keep how the list stands, now that all that is new in it was dealt with; not `anew` only where nothing was kept."""
        order = joined(list(self._now), self._before)
        if order != self._before and (anew or not self._before):
            with self._store.transaction():
                self._chats.keep_order(order)
