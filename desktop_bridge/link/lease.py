"""Holds the channel: takes the lease, renews it at a third of its life, and knows when it is lost."""

import asyncio
import time
from collections.abc import Callable
from uuid import UUID

import structlog

from core.contracts.bridge import Lease, LeaseRequest, ReadingScope
from core.contracts.sessions import BridgeHealth
from core.errors import Conflict, TooMany, Unavailable, WaxosError
from desktop_bridge.link.client import LONGEST_PAUSE, ServerClient, pause
from desktop_bridge.page.session import Session

log = structlog.get_logger(__name__)


class LeaseKeeper:
    """The one place that knows the epoch. `held` is set while the channel is ours by our own clock.

    `given` hears of every lease. `told` is set while the server knows what `tell` announced last.
    """

    def __init__(
        self,
        client: ServerClient,
        installation_id: UUID,
        app_version: str,
        session: Callable[[], Session],
        *,
        health: Callable[[], BridgeHealth | None] = lambda: None,
        given: Callable[[Lease], None] = lambda _: None,
        reading: Callable[[], ReadingScope] = ReadingScope,
    ) -> None:
        self._client = client
        self._installation_id = installation_id
        self._app_version = app_version
        self._session = session
        self._health = health
        self._given = given
        self._reading = reading
        self._lease: Lease | None = None
        self._until = 0.0
        self.held = asyncio.Event()
        self.elsewhere = False
        """Another bridge holds the channel: it reads the page, and we would only open its chats a second time."""
        self.told = asyncio.Event()
        self._ring = asyncio.Event()

    def epoch(self) -> int:
        """Return the epoch of the lease that we hold.

        Raises:
            Unavailable: it is lost or was never ours; nothing may be sent or told.
        """
        if self._lease is None or time.monotonic() >= self._until:
            raise Unavailable("the channel is not held by this bridge now")
        return self._lease.epoch

    def tell(self) -> None:
        """Let the server know at once of something that changed."""
        self.told.clear()
        self._ring.set()

    async def keep(self) -> None:
        """Take and renew the lease until cancelled; a refusal is tried again, calmly.

        Raises:
            NotAuthenticated: the device was revoked.
        """
        tries = 0
        while True:
            try:
                wait = await self._renew()
                tries = 0
            except Conflict as refused:
                self.elsewhere = True
                self._lose(refused)
                tries += 1
                wait = min(
                    refused.retry_after or pause(tries + 3), LONGEST_PAUSE
                )  # just when the holder's lease would end
            except (Unavailable, TooMany) as away:
                if time.monotonic() >= self._until:
                    self._lose(away)
                tries += 1
                wait = pause(tries)
            await self._pause(wait)

    async def _renew(self) -> float:
        self._ring.clear()
        session = self._session()
        asked = time.monotonic()
        ask = LeaseRequest(
            installation_id=self._installation_id,
            epoch=self._lease.epoch if self._lease else None,
            state=session.state,
            state_detail=session.detail,
            app_version=self._app_version,
            health=self._health(),
            reading=self._reading(),
        )
        lease = await self._client.lease(ask)
        if self._lease is None or lease.epoch != self._lease.epoch:
            log.info("channel.taken", epoch=lease.epoch, lease_seconds=lease.lease_seconds)
        self.elsewhere = False
        self._lease, self._until = lease, asked + lease.lease_seconds
        self._given(lease)
        if not self._ring.is_set():
            self.told.set()
        self.held.set()
        return lease.lease_seconds / 3

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._ring.wait()
        except TimeoutError:
            return

    def _lose(self, why: WaxosError) -> None:
        if self._lease is not None:
            log.warning("channel.lost", reason=why.detail)
        self._lease = None
        self.held.clear()
