"""Ending a run early: what is under way is heard out, for a while, so that there is a verdict of what was done."""

import asyncio
import signal
from collections.abc import Callable, Sequence
from typing import Any

from core.errors import WaxosError
from evals.crashtest.pace import Pace

_HEAR_OUT_S = 60.0


class Cut:
    """Waits for a signal to end. `short` tells that one came."""

    def __init__(self, pace: Pace, tell: Callable[[str], None]) -> None:
        """Listen from now on; the running task is the one that a second signal, or one before any talk, cancels."""
        self.short = False
        self._pace = pace
        self._tell = tell
        self._signalled = asyncio.Event()
        self._talking = False
        self._whole = asyncio.current_task()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self.now)

    def now(self) -> None:
        """End: softly the first time, at once the second."""
        if (self.short or not self._talking) and self._whole is not None:
            self._whole.cancel()
        self.short = self._pace.closed = self._pace.stopped = True
        self._signalled.set()

    async def hear_out(self, talks: Sequence[asyncio.Task[None]]) -> list[str]:
        """Wait until all `talks` are over, or for a while after a signal, and return what went wrong in them."""
        self._talking = True
        cut = asyncio.create_task(self._signalled.wait())
        over = asyncio.gather(*talks, return_exceptions=True)
        try:
            either: set[asyncio.Future[Any]] = {cut, over}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not over.done():
                self._tell("ending: what is under way is heard out; once more to end at once")
                await asyncio.wait({over}, timeout=_HEAR_OUT_S)
        finally:
            cut.cancel()
            for talk in talks:
                talk.cancel()
        return [trouble for trouble in [self._trouble(one) for one in await over] if trouble is not None]

    def _trouble(self, error: BaseException | None) -> str | None:
        if error is None or (self.short and isinstance(error, asyncio.CancelledError)):
            return None
        if not isinstance(error, WaxosError):
            raise error
        self._tell(f"a conversation ended early: {error.detail}")
        return error.detail
