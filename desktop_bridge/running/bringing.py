"""Brings the files of messages to the server, one by one, once the text of their messages is handed over."""

import structlog

from core.errors import WaxosError
from desktop_bridge.inbound.files import ChatFiles
from desktop_bridge.inbound.intake import PageIntake
from desktop_bridge.journal.journal import Journal
from desktop_bridge.link.client import ServerClient
from desktop_bridge.link.lease import LeaseKeeper
from desktop_bridge.running.holding import while_held
from desktop_bridge.running.state import RESCAN_SECONDS, Shared

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
        await while_held(self._lease, self._one, self._files.wanted, _kept, patience=2)

    async def _one(self) -> float:
        await self._shared.scanned.wait()
        await self._intake.flush()
        if self._shared.session.usable and await self._files.bring_one(self._shared.page_lock, self._client):
            return 0.0
        due = self._journal.files.next_due_in()
        return RESCAN_SECONDS if due is None else max(due, 0.5)


def _kept(fault: WaxosError) -> None:
    log.info("file.kept", code=fault.reason_code)
