"""Names that hold for a while in Redis, for what all processes should know and none depends on (which AI providers rest).

A Redis that is silent or gone costs one short wait; then everything raises OSError at once, until it is tried again.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from redis.asyncio import Redis
from redis.exceptions import RedisError

WAIT_S = 0.05
"""Longest wait for an answer; a call that reads and then writes to a Redis that dies in between waits twice."""

_AWAY_S = 2.0
_PREFIX = "waxos:mark:"

T = TypeVar("T")


class RedisMarks:
    """Marks that every process on one Redis sees; one object for a process, on its event loop."""

    def __init__(self, url: str, *, wait_s: float = WAIT_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis = Redis.from_url(url, socket_timeout=wait_s, socket_connect_timeout=wait_s, retry=None)
        self._wait_s = wait_s
        self._clock = clock
        self._away_until = 0.0

    async def left(self, names: Sequence[str]) -> list[float]:
        """Return for how many more seconds each name holds; 0 where it does not."""

        async def ask() -> list[int]:
            async with self._redis.pipeline(transaction=False) as pipe:
                for name in names:
                    pipe.pttl(_PREFIX + name)
                return await pipe.execute()

        return [max(0, milliseconds) / 1000 for milliseconds in await self._within(ask)]

    async def take(self, name: str, seconds: float) -> bool:
        """Set a name that does not hold yet; false where somebody else has."""
        return bool(await self._within(lambda: self._redis.set(_PREFIX + name, 1, nx=True, px=_milliseconds(seconds))))

    async def hold(self, name: str, seconds: float) -> None:
        """Let a name hold for so long from now."""
        await self._within(lambda: self._redis.set(_PREFIX + name, 1, px=_milliseconds(seconds)))

    async def count(self, name: str, seconds: float) -> int:
        """Count one more of a name, and return how many; forgotten when none came for so long."""

        async def ask() -> list[int]:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.incr(_PREFIX + name)
                pipe.pexpire(_PREFIX + name, _milliseconds(seconds))
                return await pipe.execute()

        return (await self._within(ask))[0]

    async def drop(self, names: Sequence[str]) -> None:
        """Forget names."""
        await self._within(lambda: self._redis.delete(*(_PREFIX + name for name in names)))

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _within(self, ask: Callable[[], Awaitable[T]]) -> T:
        if self._clock() < self._away_until:
            raise ConnectionError("Redis did not answer a moment ago")
        try:
            async with asyncio.timeout(self._wait_s):
                return await ask()
        except (RedisError, OSError) as error:
            self._away_until = self._clock() + _AWAY_S
            raise ConnectionError(f"Redis does not answer ({type(error).__name__})") from None


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))
