"""Walks through the list from top to bottom, and asks the list's own filter which rows are groups. Opens nothing."""

from collections.abc import AsyncIterator
from typing import Any, Protocol

from desktop_bridge.page.bubbles import Row, rows
from desktop_bridge.page.locate import Reader

_MOST_PAGES = 2000
_OBEY_SECONDS = 6.0
_STEP = 0.8
"""How far one page of the list is from the next, in pages: rows on the edge are seen twice rather than never."""

_LATE_SECONDS = 0.25


async def visible(reader: Reader) -> list[Row]:
    """Return the rows that are drawn, in the order of the eye; our own notes-to-self row is left out."""
    return _rows(reader, await reader.ask("read.list"))


async def newest(reader: Reader) -> list[Row]:
    """Return the rows at the top of the list, where whatever is new comes in."""
    walk = Walk(reader)
    await walk.down()
    return walk.rows


def _rows(reader: Reader, raw: list[dict[str, Any]]) -> list[Row]:
    return [row for row in rows(raw) if not reader.landmarks.says("yourself", row.title)]


class Walk:
    """One way down the list. Its stops lie at fixed places: whatever scrolls the list meanwhile, as opening a row does, is made good."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._stop = -1
        self._end = False
        self.rows: list[Row] = []
        """The rows at this stop."""

    async def down(self) -> bool:
        """Go to the next stop, the first one at the top; tell whether there was one."""
        if self._end or self._stop >= _MOST_PAGES:
            return False
        self._stop += 1
        above, seen = self.rows, await self._reader.ask("watch.count")
        if await self.look() == above and not self._end:  # all of it was drawn already, or none of it is yet
            await self._reader.changed(seen, _LATE_SECONDS)
            await self.look()
        return True

    async def look(self) -> list[Row]:
        """Come back to this stop and return its rows as they are now."""
        shown = await self._reader.ask("read.listPage", self._stop * _STEP)
        self._end = shown["end"]
        self.rows = _rows(self._reader, shown["rows"])
        return self.rows


class HasReader(Protocol):
    """A page with a list; its reader is another one after each start of the browser."""

    @property
    def reader(self) -> Reader:
        """The scripts in the page."""


class ListPages:
    """The list of one page. The caller holds the page meanwhile."""

    def __init__(self, page: HasReader) -> None:
        self._page = page

    async def pages(self) -> AsyncIterator[list[Row]]:
        """Yield the rows of one page after the other; whoever has seen enough stops."""
        walk = Walk(self._page.reader)
        while await walk.down():
            yield walk.rows

    async def show_all(self) -> None:
        """Take back what hides chats: a filter, ours of groups or one that a person left, and what somebody searched for."""
        reader = self._page.reader
        searched = await reader.ask("read.search")
        if searched is not None and searched["text"]:
            await reader.click(searched["point"])
            await reader.press("ControlOrMeta+A")
            await reader.press("Backspace")
            await reader.until("read.search", lambda now: now is None or not now["text"], _OBEY_SECONDS)
            await reader.ask("read.drawn")
        seen = await reader.ask("read.filter")
        if seen is not None and seen["on"]["other"]:
            await self._choose("all")

    async def groups(self, most: int | None = None) -> list[Row] | None:
        """Return the rows that the page itself calls groups, at least the first `most` of them; None where it has no such filter.

        A group among the first `most` rows of the whole list is among the first `most` of this one.
        """
        if await self._page.reader.ask("read.filter") is None:
            return None
        found: dict[int, Row] = {}
        try:
            if not await self._choose("groups"):
                return None
            async for rows in self.pages():
                found |= {row.place: row for row in rows}
                if most is not None and len(found) >= most:
                    break
        finally:
            await self._choose("all")
        return list(found.values())

    async def _choose(self, name: str) -> bool:
        """Click one of the filters and tell whether the list obeys it."""
        reader = self._page.reader
        seen = await reader.ask("read.filter")
        if seen is None:
            return False
        if not seen["on"][name]:
            await reader.click(seen[name])
        seen = await reader.until("read.filter", lambda now: now is None or now["on"][name], _OBEY_SECONDS)
        await reader.ask("read.drawn")
        return seen is not None and bool(seen["on"][name])
