"""Proves that the page can be read and written on, without sending: finds what a send needs, by the list and one chat without news."""

from collections.abc import Callable

from desktop_bridge.errors import PageChanged
from desktop_bridge.page.chat_page import WebChatPage

BASE = ("side", "chat_list")
"""Landmarks of every linked page, also one without a chat."""


async def missing_on(page: WebChatPage, is_ours: Callable[[str], bool]) -> PageChanged | None:
    """Return what a send needs and the page lacks. Opens a chat that `is_ours` by its title and has nothing unread: no blue ticks.

    Raises:
        PageStuck: the page does not answer.
    """
    try:
        rows = await page.newest_rows()
        used = await page.reader.used()
        lacks = [name for name in BASE if name not in used]
        if lacks:
            return _lacks(lacks[0])
        row = next((row for row in rows if not row.unread and not row.group and is_ours(row.title)), None)
        if row is None or not await page.open_row(row):
            return None
        state = await page.reader.ask("read.state")
    except PageChanged as fault:
        return fault
    if state["title"] is None:
        return _lacks("header_title")
    if state["box"] is None and not state["barred"]:
        return _lacks("box")
    return None if state["ids"] else _lacks("message")


def _lacks(landmark: str) -> PageChanged:
    return PageChanged(f'"{landmark}" is not on the page', landmark=landmark)
