"""What was missed: chats whose row changed while nobody looked, found from how the list stood when it was last dealt with.

After days without the bridge a chat may bear no unread number, because it was read on the phone; its row then shows another
preview, or the same one further up. Only such chats are opened, as far down the list as there are any.
"""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar

from desktop_bridge.page.bubbles import Row
from desktop_bridge.page.chat_page import LIST_PAGES, WebChatPage

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


def named_once(rows: Sequence[Row]) -> set[str]:
    """Return the titles that only one of the rows bears."""
    titles = [row.title for row in rows]
    return {title for title in titles if titles.count(title) == 1}


class ListWalk:
    """Looks at the list page by page from the top, for as long as it is told to go on."""

    def __init__(self, page: WebChatPage) -> None:
        self._page = page

    async def pages(self) -> AsyncIterator[list[Row]]:
        """Yield the rows of one screen after the other, each row once, down to the end of the list."""
        seen: set[tuple[str, int]] = set()
        rows = await self._page.newest_rows()
        for _ in range(LIST_PAGES):
            fresh = [row for row in rows if (row.title, row.nth) not in seen]
            seen.update((row.title, row.nth) for row in fresh)
            yield fresh
            if not await self._page.list_down():
                return
            rows = await self._page.visible_rows()
