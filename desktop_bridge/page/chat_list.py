"""The list of chats: what stands in it, and opening one of its rows while all of them move."""

from collections.abc import AsyncIterator
from typing import Any

from desktop_bridge.page.bubbles import Row, clean_title, rows
from desktop_bridge.page.landmarks import Landmarks
from desktop_bridge.page.locate import Reader

OPEN_SECONDS = 6.0
OPEN_TRIES = 2
ROW_CLICKS = 3
LIST_PAGES = 120
SETTLED_SECONDS = 1.0
"""So long the list and the chat must stand still after a start before the page counts as synced."""


class ChatList:
    """Reads the list and opens rows. Scrolls, so nobody else may."""

    def __init__(self, reader: Reader, landmarks: Landmarks) -> None:
        self._reader = reader
        self._landmarks = landmarks

    async def visible(self) -> list[Row]:
        """Return the rows that are drawn, in the order of the eye; our own notes-to-self row is left out."""
        found = rows(await self._reader.ask("read.list"))
        return [row for row in found if not self._landmarks.says("yourself", row.title)]

    async def newest(self) -> list[Row]:
        """Return the rows at the top of the list, where whatever is new comes in."""
        await self._to_start()
        return await self.visible()

    async def find(self, title: str) -> list[Row]:
        """Return the rows of this title, from the top of the list as far down as the first page that holds one."""
        async for found in self._pages(title):
            return found
        return []

    async def each(self, title: str) -> AsyncIterator[Row]:
        """Yield the rows of this title down the whole list, read anew before each; one that moves up meanwhile may be missed."""
        async for found in self._pages(title):
            for place in range(len(found)):
                now = [row for row in await self.visible() if row.title == title]
                if place < len(now):
                    yield now[place]

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

    async def _pages(self, title: str) -> AsyncIterator[list[Row]]:
        """Go down the list and yield the rows of this title wherever there are any."""
        await self._to_start()
        for _ in range(LIST_PAGES):
            found = [row for row in await self.visible() if row.title == title]
            if found:
                yield found
            if not await self._reader.ask("read.scroll", {"what": "list", "step": 0.8}):
                return
            await self._reader.ask("read.drawn")

    async def _to_start(self) -> None:
        if await self._reader.ask("read.scroll", {"what": "list", "step": "start"}):
            await self._reader.ask("read.drawn")
