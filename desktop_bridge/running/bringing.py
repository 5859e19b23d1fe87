"""Brings the files of messages to the server, one by one, once the text of their messages is handed over."""

import asyncio

import structlog

from core.errors import NotAuthenticated, WaxosError
from desktop_bridge.errors import JournalDamaged
from desktop_bridge.inbound.files import ChatFiles
from desktop_bridge.inbound.intake import PageIntake
from desktop_bridge.journal.journal import Journal
from desktop_bridge.link.client import ServerClient, pause
from desktop_bridge.link.lease import LeaseKeeper
from desktop_bridge.running.state import RESCAN_SECONDS, Shared, rung

log = structlog.get_logger(__name__)


class FileBringer:
    """The part that fetches files; each try holds the page for seconds only."""

    def __init__(
        self,
        shared: Shared,
        journal: Journal,
        client: ServerClient,
        lease: LeaseKeeper,
        intake: PageIntake,
        files: ChatFiles,
    ) -> None:
        self._shared = shared
        self._journal = journal
        self._client = client
        self._lease = lease
        self._intake = intake
        self._files = files

    async def keep(self) -> None:
        """Bring what the journal's work list holds, as it becomes due."""
        tries = 0
        while True:
            await self._lease.held.wait()
            await self._shared.scanned.wait()
            try:
                await self._intake.flush()
                worked = self._shared.session.usable and await self._files.bring_one(
                    self._shared.page_lock, self._client
                )
                tries = 0
            except (NotAuthenticated, JournalDamaged):
                raise
            except WaxosError as fault:
                tries += 1
                log.info("file.kept", code=fault.reason_code)
                # house: sleep - a server that is away tells nobody when it is back
                await asyncio.sleep(pause(tries + 2))
                continue
            if not worked:
                due = self._journal.files.next_due_in()
                await rung(self._files.wanted, RESCAN_SECONDS if due is None else max(due, 0.5))
