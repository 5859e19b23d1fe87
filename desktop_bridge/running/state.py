"""What the parts of a running bridge tell each other."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from core.contracts.sessions import Breaker, BreakerState, ChannelAsk, Stop
from core.contracts.states import ChannelState
from desktop_bridge.page.session import Session

RESCAN_SECONDS = 30.0
"""Safety net for a change or a doorbell that was missed."""

See = Callable[[Session], None]
"""Who is told of each session that a part sees."""


@dataclass
class Shared:
    """One of each a bridge. `breaker` is None until the server told how an earlier bridge left it."""

    session: Session = field(default_factory=lambda: Session(ChannelState.STARTING))
    breaker: Breaker | None = None
    stopped: Stop | None = None
    page_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    work: asyncio.Event = field(default_factory=asyncio.Event)
    scanned: asyncio.Event = field(default_factory=asyncio.Event)
    permitted: asyncio.Event = field(default_factory=asyncio.Event)
    """The page may be opened: it is on this computer, or the owner accepted the risk."""
    forbidden: asyncio.Event = field(default_factory=asyncio.Event)
    """The opposite: a page that is open is closed."""
    sent: asyncio.Event = field(default_factory=asyncio.Event)
    """Rings after each send: a moment to measure."""
    broke: asyncio.Event = field(default_factory=asyncio.Event)
    """Rings when it may be time to probe for the breaker: it opened, a person asks, or the session is another."""
    retry: asyncio.Event = field(default_factory=asyncio.Event)
    """Ends the pause of a page that failed."""
    pausing: bool = False
    asks: asyncio.Queue[ChannelAsk] = field(default_factory=asyncio.Queue)
    cancelled: set[UUID] = field(default_factory=set)
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def may_send(self) -> bool:
        """Whether a send may be begun; what is armed is settled in any case."""
        closed = self.breaker is not None and self.breaker.state is BreakerState.CLOSED
        return self.session.usable and closed and self.stopped is None

    def told(self) -> Session:
        """Return the session as the server is told of it: a linked page that sends nothing is broken."""
        if not self.session.usable or self.breaker is None or self.breaker.state is BreakerState.CLOSED:
            return self.session
        return Session(ChannelState.BROKEN, f"sending is stopped: {self.breaker.reason}"[:300])


async def rung(bell: asyncio.Event, seconds: float) -> None:
    """Wait for a bell, `seconds` at most."""
    try:
        async with asyncio.timeout(seconds):
            await bell.wait()
    except TimeoutError:
        return
