"""The list of chats: what stands in it, and opening one of its rows while all of them move."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from desktop_bridge.page.bubbles import Row, clean_title
from desktop_bridge.page.list_pages import Walk
from desktop_bridge.page.locate import Reader

OPEN_SECONDS = 6.0
OPEN_TRIES = 2
ROW_CLICKS = 3
SETTLED_SECONDS = 1.0
"""So long the list and the chat must stand still after a start before the page counts as synced."""

_SAME_PLACE_PX = 20
"""Rows are higher than that; where one stands is rounded."""


class ChatList:
    """Finds rows and opens them. Scrolls, so nobody else may."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def find(self, title: str) -> list[Row]:
        """Return the rows of this title, from the top of the list as far down as the first page that holds one."""
        walk = Walk(self._reader)
        while await walk.down():
            if found := [row for row in walk.rows if row.title == title]:
                return found
        return []

    async def each(self, title: str) -> AsyncIterator[Row]:
        """Yield each row of this title down the whole list once, whatever the caller opens; one that moves up meanwhile may be missed."""
        walk, done = Walk(self._reader), list[Row]()
        while await walk.down():
            while (row := _first(walk.rows, title, done)) is not None:
                done.append(row)
                yield row
                await walk.look()

    async def open(self, row: Row) -> bool:
        """Click a row with the mouse and wait until its conversation is open. Tell whether it is.

        Where the open conversation bears the same title, the row's own is open only when other messages are on the page.
        """
        before = await self._reader.ask("read.state")
        namesake = before["open"] and clean_title(before["title"] or "") == row.title and not row.selected
        left = set(before["ids"]) if namesake else set()

        def opened(state: dict[str, Any]) -> bool:
            there = bool(state["open"]) and clean_title(state["title"] or "") == row.title
            return there and not left & set(state["ids"])

        for _ in range(OPEN_TRIES):  # a click may be lost; a second one on the same row harms nobody
            if not await self._click(row):
                return False
            wait = OPEN_SECONDS / OPEN_TRIES
            if opened(await self._reader.until("read.state", lambda s: opened(s) and s["tail"], wait)):
                return True
        return False

    async def _click(self, row: Row) -> bool:
        """Click a row and tell whether the click went to it: rows move while the mouse is on its way."""
        for _ in range(ROW_CLICKS):
            point = await self._reader.ask("aim.take", {"title": row.raw_title, "nth": row.nth, "group": row.group})
            if point is None:
                return False
            await self._reader.click(point)
            if await self._reader.ask("aim.verdict", again=False):
                return True
        return False


def _first(shown: Sequence[Row], title: str, done: Sequence[Row]) -> Row | None:
    """Return the first row of this title that is not yet among those `done`: another place, or other words."""

    def was(row: Row) -> bool:
        return any(one.preview == row.preview and abs(one.place - row.place) < _SAME_PLACE_PX for one in done)

    return next((row for row in shown if row.title == title and not was(row)), None)
