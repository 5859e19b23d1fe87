"""Keeps the journal usable: drops what is old, and lets the other parts wait while nothing can be noted."""

import asyncio

import structlog

from core.contracts.states import ChannelState
from core.settings import BridgeSettings
from desktop_bridge.errors import JournalUnwritable
from desktop_bridge.journal.journal import Journal
from desktop_bridge.link.client import pause
from desktop_bridge.page.session import Session
from desktop_bridge.running.state import See, Shared

PRUNE_SECONDS = 86_400.0
"""How often the journal drops what is old."""

log = structlog.get_logger(__name__)


class NoteKeeper:
    """The part that owns the journal's room on the disk."""

    def __init__(self, shared: Shared, journal: Journal, settings: BridgeSettings, see: See) -> None:
        self._shared = shared
        self._journal = journal
        self._settings = settings
        self._see = see

    async def keep(self) -> None:
        """Let the journal drop what is old, at the start and once a day."""
        while True:
            try:
                gone = self._journal.prune(self._settings)
                log.info("journal.pruned", rows=gone)
            except JournalUnwritable as fault:
                log.info("journal.not_pruned", code=fault.reason_code)
            await asyncio.sleep(PRUNE_SECONDS)  # house: sleep - once a day is a matter of time alone

    async def until_writable(self, fault: JournalUnwritable) -> None:
        """Say that nothing can be noted, and wait until it can; until then nothing is read and nothing is sent."""
        tries, before, now = 0, self._shared.session, Session(ChannelState.BROKEN, fault.detail[:300])
        self._see(now)
        while True:
            tries += 1
            # house: sleep - a disk tells nobody when it has room again
            await asyncio.sleep(pause(tries))
            try:
                self._journal.store.prove_writable()
            except JournalUnwritable:
                continue
            log.info("journal.writable", tries=tries)
            if before.usable and self._shared.session == now:
                self._see(before)
            return
