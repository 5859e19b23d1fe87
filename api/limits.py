"""Rate limits. Guessing (sign-in, pairing) is counted in Redis over all processes; ordinary use in the memory of each."""

import asyncio
from dataclasses import dataclass, field

import structlog
from limits import RateLimitItem, RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage, Storage
from limits.aio.strategies import FixedWindowRateLimiter
from redis.exceptions import RedisError

from core.errors import TooMany

_log = structlog.get_logger(__name__)
_REDIS_S = 1.0

LOGIN_PER_ADDRESS = RateLimitItemPerMinute(60, namespace="waxos.login.ip")
LOGIN_PER_ACCOUNT = RateLimitItemPerMinute(10, namespace="waxos.login.account")
PAIRING_PER_ADDRESS = RateLimitItemPerMinute(10, namespace="waxos.pair")
SESSION_PER_ADDRESS = RateLimitItemPerMinute(300, namespace="waxos.session")
REQUESTS_PER_CALLER = RateLimitItemPerMinute(1800, namespace="waxos.caller")


@dataclass(slots=True)
class Limiter:
    """Counts hits and refuses those over a limit."""

    shared: Storage
    own: MemoryStorage = field(default_factory=MemoryStorage)

    @classmethod
    def on_redis(cls, url: str) -> "Limiter":
        """Build one whose shared counts live in Redis."""
        return cls(RedisStorage(f"async+{url}", implementation="redispy", wrap_exceptions=False))

    async def guard(self, item: RateLimitItem, *who: str) -> None:
        """Count a hit of somebody who may be guessing, over all processes; in this one alone while Redis does not answer.

        Raises:
            TooMany: over the limit.
        """
        try:
            async with asyncio.timeout(_REDIS_S):
                allowed = await FixedWindowRateLimiter(self.shared).hit(item, *who)
        except (RedisError, OSError, TimeoutError) as error:
            _log.warning("limits.redis_gone", error=type(error).__name__)
            allowed = await FixedWindowRateLimiter(self.own).hit(item, *who)
        _refuse_unless(allowed, item)

    async def forget(self, item: RateLimitItem, *who: str) -> None:
        """Forget the hits of somebody who turned out not to be guessing."""
        try:
            async with asyncio.timeout(_REDIS_S):
                await FixedWindowRateLimiter(self.shared).clear(item, *who)
        except (RedisError, OSError, TimeoutError) as error:
            _log.warning("limits.redis_gone", error=type(error).__name__)
        await FixedWindowRateLimiter(self.own).clear(item, *who)

    async def use(self, item: RateLimitItem, *who: str) -> None:
        """Count an ordinary request in this process.

        Raises:
            TooMany: over the limit.
        """
        _refuse_unless(await FixedWindowRateLimiter(self.own).hit(item, *who), item)


def _refuse_unless(allowed: bool, item: RateLimitItem) -> None:
    if not allowed:
        raise TooMany(
            f"more than {item.amount} requests in a minute", hint="wait a little and try again", retry_after=10
        )
