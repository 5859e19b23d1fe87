"""The one click: a last look and the guard in one evaluation, then one trusted mouse click, then the guard's verdict."""

import asyncio
import time
from typing import Any

from playwright.async_api import Error as PlaywrightError

from desktop_bridge.errors import PageError
from desktop_bridge.page.locate import Reader
from desktop_bridge.sends.ports import Click, Standing

_SLACK_SECONDS = 1.0


async def click_once(reader: Reader, standing: Standing, deadline: float) -> Click:
    """Click send if the page still is as `standing` and `deadline` (monotonic, s) has not passed.

    The deadline is carried into the page on the page's own clock, set when `standing` was read, so that a browser which was
    stopped in between does not get a fresh one. Exactly one mouse click is handed over, or none.
    """
    left = deadline - time.monotonic()
    if left <= 0:
        return Click(passed=False, reason="deadline")
    page_deadline = standing.page_ms + (deadline - standing.looked_at) * 1000
    want = {
        "deadline": page_deadline,
        "title": standing.title,
        "label": standing.label,
        "tail": standing.raw_tail,
        "box": list(standing.box),
    }
    try:
        ready: dict[str, Any] = await reader.ask("guard.install", want, again=False, wait=left + _SLACK_SECONDS)
    except PageError:
        return Click(passed=False, reason="page")  # no click was handed over; a guard that comes up late harms nobody
    if not ready["ready"]:
        return Click(passed=False, reason=str(ready["reason"]))
    if time.monotonic() >= deadline:
        return Click(passed=False, reason="deadline")
    return await _press(reader, ready["point"], deadline)


async def _press(reader: Reader, point: dict[str, float], deadline: float) -> Click:
    wait = deadline - time.monotonic() + _SLACK_SECONDS
    try:
        async with asyncio.timeout(wait):
            await reader.page.mouse.click(point["x"], point["y"])
        verdict = await reader.ask("guard.verdict", True, again=False, wait=_SLACK_SECONDS)
    except (TimeoutError, PlaywrightError, PageError):
        return Click(passed=False)  # handed over, fate unknown
    if not verdict["known"]:
        return Click(passed=False)
    return Click(passed=bool(verdict["passed"]), reason=verdict["swallowed"])
