"""How far the run is. Keeps sends and kills in step, so that the last send is under fire like the first."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from evals.crashtest.waiting import ticks

_AHEAD = 6
"""So many sends may be begun before the kill that belongs to them."""
_IDLE_S = 3.0
"""Where nothing was under way for so long, whoever is to kill waits for a send as well."""


@dataclass(slots=True)
class Pace:
    """Counts sends begun and over, and kills. `tell` is called with one line now and then."""

    sends: int
    kills: int
    tell: Callable[[str], None]
    done_to_them: str = "kills"
    begun: int = 0
    over: int = 0
    killed: int = 0
    unknown: set[str] = field(default_factory=set)
    returned: int = 0
    closed: bool = False
    """No new reply is begun; those under way are brought to their end."""
    stopped: bool = False
    """All is over: nobody is killed any more."""
    began: float = field(default_factory=time.monotonic)
    ended: float = 0.0
    _told: float = 0.0

    @property
    def minutes(self) -> float:
        """Minutes from the first message to the last send that was settled."""
        return max(self.ended - self.began, 0.001) / 60

    async def may_send(self, parts: int) -> bool:
        """Wait until the kills have caught up with the sends, then count `parts` as begun; False where no more are given out."""
        idle = 0.0
        async for passed in ticks(3600):
            idle = passed if self.over < self.begun else idle
            in_step = self.begun <= (self.killed + 1) * self.sends / max(self.kills, 1) + _AHEAD
            if self.closed or in_step or passed - idle > _IDLE_S:
                break
        if self.closed:
            return False
        self.begun += parts
        return True

    async def close_after(self, minutes: float) -> None:
        """Give out no new sends once so many minutes have passed since the first."""
        async for passed in ticks(minutes * 60 + 1, 0.5):
            if passed >= minutes * 60:
                self.closed = True

    def may_kill(self) -> bool:
        """Tell whether enough sends were begun for one more kill."""
        return self.begun * self.kills >= self.killed * self.sends

    def settled(self, parts: int) -> None:
        """Count `parts` that are over."""
        self.over += parts
        self.ended = time.monotonic()
        self.say()

    def say(self, seconds: float = 10.0) -> None:
        """Tell of the progress, at most once in so many seconds."""
        now = time.monotonic()
        if now - self._told < seconds:
            return
        self._told = now
        rate = self.over / max((now - self.began) / 60, 0.001)
        self.tell(
            f"{now - self.began:6.0f} s  {self.over}/{self.sends} sends  {self.killed}/{self.kills} {self.done_to_them}  "
            f"{rate:.1f} a minute  unknown {len(self.unknown)}  returned {self.returned}"
        )
