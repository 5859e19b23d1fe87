"""The one way this package waits for things that ring no bell: processes, files, and a desk that is being killed."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

Found = TypeVar("Found")
STEP_S = 0.15


async def ticks(seconds: float, step: float = STEP_S) -> AsyncIterator[float]:
    """Yield the seconds since the start, at once and after each `step`, until `seconds` are over."""
    began = time.monotonic()
    while (passed := time.monotonic() - began) <= seconds:
        yield passed
        await asyncio.sleep(step)  # house: sleep - what is waited for here tells nobody


async def until(look: Callable[[], Awaitable[Found | None]], seconds: float, step: float = STEP_S) -> Found | None:
    """Look again and again until `look` finds something; None where it does not within `seconds`."""
    async for _ in ticks(seconds, step):
        found = await look()
        if found is not None:
            return found
    return None
