"""Walks through the list from top to bottom, and asks the list's own filter which rows are groups. Opens nothing."""

from collections.abc import AsyncIterator
from typing import Protocol

from desktop_bridge.page.bubbles import Row
from desktop_bridge.page.locate import Reader

LIST_PAGES = 120

_OBEY_SECONDS = 6.0
_STEP = 0.8
"""How far one page of the list is from the next, in pages: rows on the edge are seen twice rather than never."""

_LATE_SECONDS = 0.25


class Rows(Protocol):
    """A page with a list."""

    @property
    def reader(self) -> Reader:
        """The scripts in the page."""

    async def visible_rows(self) -> list[Row]:
        """Return the rows that are drawn, in the order of the eye."""

    async def newest_rows(self) -> list[Row]:
        """Return the rows at the top of the list."""


class ListPages:
    """The list of one page. The caller holds the page meanwhile."""

    def __init__(self, page: Rows) -> None:
        self._page = page

    async def pages(self) -> AsyncIterator[list[Row]]:
        """Yield the rows of one page after the other; whoever has seen enough stops."""
        rows = await self._page.newest_rows()
        yield rows
        for _ in range(LIST_PAGES):
            count = await self._page.reader.ask("watch.count")
            if not await self._page.reader.ask("read.scroll", {"what": "list", "step": _STEP}):
                return
            await self._page.reader.ask("read.drawn")
            last, rows = rows, await self._page.visible_rows()
            if rows == last:  # all of it was drawn already, or none of it is yet
                await self._page.reader.changed(count, _LATE_SECONDS)
                rows = await self._page.visible_rows()
            yield rows

    async def show_all(self) -> None:
        """Take back the filter of groups where an earlier look was cut short."""
        seen = await self._page.reader.ask("read.filter")
        if seen is not None and seen["on"]["groups"]:
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
