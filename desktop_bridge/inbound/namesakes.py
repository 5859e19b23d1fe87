"""Whether a title stands in the list once. With "only these" a chat is opened only where that is sure: else a namesake could be meant."""

import time
from collections.abc import Callable, Collection, Iterable

AGAIN_SECONDS = 30.0
"""How long a title that stands more than once is left alone before the whole list is looked through for it again."""

_SAME_PLACE_PX = 20
"""Rows are higher than that; where one stands is rounded."""


class Namesakes:
    """What walks through the list have shown of its titles, told by keyed hashes.

    A walk to the end counts them. After one that ended earlier only what was in sight is still sure: a namesake of a chat further down
    comes in at the top, and looks like it.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._walk: dict[bytes, list[int]] = {}
        self._several: set[bytes] = set()  # in this walk
        self._alone: frozenset[bytes] = frozenset()
        self._twice: frozenset[bytes] = frozenset()
        self._looked_at: float | None = None
        self._sought = False

    def begin(self) -> None:
        """Begin a walk at the top of the list."""
        self._walk, self._several = {}, set()

    def come_by(self, page: Iterable[tuple[bytes, int]]) -> None:
        """Note the rows of one page, each by its title and place. A row that looks the same at another place is another one."""
        here: set[bytes] = set()
        for key, place in page:
            places = self._walk.setdefault(key, [])
            if key in here or any(abs(place - other) >= _SAME_PLACE_PX for other in places):
                self._several.add(key)
            here.add(key)
            places.append(place)

    def end(self, *, whole: bool) -> None:
        """End a walk; `whole` says that it came to the end of the list."""
        once = self._walk.keys() - self._several
        if not whole:
            self._alone &= frozenset(once)
            self._twice |= self._several
            return
        new = self._several - self._twice
        self._alone, self._twice = frozenset(once), frozenset(self._several)
        self._looked_at, self._sought = (
            self._clock(),
            bool(new),
        )  # the list may have moved meanwhile: it is looked at once more

    def alone(self, key: bytes) -> bool:
        """Tell whether this title surely stands in the list once."""
        return key in self._alone and key not in self._several

    def twice(self, key: bytes) -> bool:
        """Tell whether this title was seen at two places."""
        return key in self._twice or key in self._several

    def seek(self) -> None:
        """Have the next walk go to the end."""
        self._sought = True

    def in_doubt(self, named: Collection[bytes]) -> bool:
        """Tell whether this walk must go to the end, so that it is sure of each of these titles that it has come by."""
        if self._looked_at is None or self._sought:
            return True
        known = self._alone | self._twice
        if any(key in self._walk and key not in known for key in named):
            return True
        return self._clock() - self._looked_at >= AGAIN_SECONDS and any(key in self._twice for key in named)
