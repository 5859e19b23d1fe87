"""The pace of whatever a bridge does with the server: one thing after another while the channel is ours, more calmly after a fault."""

import asyncio
from collections.abc import Awaitable, Callable

from core.errors import NotAuthenticated, WaxosError
from desktop_bridge.errors import JournalDamaged
from desktop_bridge.link.client import pause
from desktop_bridge.link.lease import LeaseKeeper
from desktop_bridge.running.state import rung


async def while_held(
    lease: LeaseKeeper,
    once: Callable[[], Awaitable[float]],
    bell: asyncio.Event,
    kept: Callable[[WaxosError], None],
    *,
    patience: int = 0,
) -> None:
    """Do one thing again and again, for ever, as long as the channel is held.

    `once` returns for how many seconds at most it may rest until `bell` rings, 0 where there may be more to do at once. After a fault,
    of which `kept` is told, there is a pause that grows; a larger `patience` begins with a longer one.

    Raises:
        NotAuthenticated, JournalDamaged: waiting heals neither.
    """
    tries = 0
    while True:
        await lease.held.wait()
        try:
            rest = await once()
            tries = 0
        except (NotAuthenticated, JournalDamaged):
            raise
        except WaxosError as fault:
            tries += 1
            kept(fault)
            # house: sleep - a server that is away tells nobody when it is back
            await asyncio.sleep(pause(tries + patience))
            continue
        if rest:
            await rung(bell, rest)
