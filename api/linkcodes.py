"""The code that links a number, on its way from the bridge to the owner who looks at it: in Redis for seconds, nowhere else.

Whoever scans the code decides which account this desk serves. It is handed in only while an owner looks, kept under a time limit,
and never logged.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TypeVar, cast
from uuid import UUID

from redis.asyncio import Redis
from redis.exceptions import RedisError

from core.contracts.sessions import CODE_SECONDS, WANTED_SECONDS, LinkCode, LinkCodeTaken
from core.errors import Unavailable

_REDIS_S = 0.5
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class LinkCodes:
    """Codes of one tenant's channels."""

    redis: Redis
    tenant_id: UUID

    async def look(self, channel_id: UUID) -> tuple[LinkCode, bool]:
        """Note that an owner looks, and return the code as it is now, and whether this look is the first for a while.

        Raises:
            Unavailable: Redis does not answer; nothing else may keep the code.
        """
        wanted, code = self._keys(channel_id)
        first = await _asked(self.redis.set(wanted, "1", ex=WANTED_SECONDS, get=True)) is None
        data = cast("str | None", await _asked(self.redis.get(code)))
        return LinkCode(channel_id=channel_id, data=data), first

    async def put(self, channel_id: UUID, data: str) -> LinkCodeTaken:
        """Keep a code for as long as it can be scanned, if somebody looks.

        Raises:
            Unavailable: Redis does not answer.
        """
        wanted, code = self._keys(channel_id)
        left_ms = cast("int", await _asked(self.redis.pttl(wanted)))
        if left_ms <= 0:
            return LinkCodeTaken(kept=False, wanted_seconds=0)
        await _asked(self.redis.set(code, data, ex=CODE_SECONDS))
        return LinkCodeTaken(kept=True, wanted_seconds=left_ms / 1000)

    def _keys(self, channel_id: UUID) -> tuple[str, str]:
        place = f"waxos:link:{self.tenant_id}:{channel_id}"
        return f"{place}:wanted", f"{place}:code"


async def _asked(answer: Awaitable[Answer]) -> Answer:
    try:
        async with asyncio.timeout(_REDIS_S):
            return await answer
    except (RedisError, OSError, TimeoutError):
        raise Unavailable(
            "the code cannot be shown right now: Redis does not answer",
            hint="scan it on the bridge's computer (WAXOS_BRIDGE__HEADLESS=false shows its window), or try again soon",
            retry_after=5,
        ) from None
