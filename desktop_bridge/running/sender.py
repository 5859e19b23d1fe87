"""Takes sends one by one while the channel is held and nothing keeps them back, and counts what they say about the page."""

from datetime import UTC, datetime

import structlog

from core.contracts.bridge import SendOrder, SendReport
from core.contracts.sessions import Breaker, BreakerState
from core.errors import WaxosError
from desktop_bridge.errors import JournalUnwritable, NotLinked, PageChanged
from desktop_bridge.inbound.settled import keep_sent
from desktop_bridge.journal.journal import Journal
from desktop_bridge.link.client import ServerClient
from desktop_bridge.link.lease import LeaseKeeper
from desktop_bridge.page.chat_page import WebChatPage
from desktop_bridge.running.holding import while_held
from desktop_bridge.running.notes import NoteKeeper
from desktop_bridge.running.state import RESCAN_SECONDS, See, Shared
from desktop_bridge.sends import breaker as rules
from desktop_bridge.sends.boxes import LeftBoxes
from desktop_bridge.sends.machine import SendMachine
from desktop_bridge.sends.phases import Recovery

log = structlog.get_logger(__name__)


class Sender:
    """The part that sends."""

    def __init__(
        self,
        shared: Shared,
        journal: Journal,
        client: ServerClient,
        lease: LeaseKeeper,
        page: WebChatPage,
        machine: SendMachine,
        notes: NoteKeeper,
        see: See,
    ) -> None:
        self._shared = shared
        self._journal = journal
        self._client = client
        self._lease = lease
        self._page = page
        self._machine = machine
        self._boxes = LeftBoxes(journal, page)
        self._notes = notes
        self._see = see

    async def keep(self) -> None:
        """Send for ever; after a crash what was armed is settled before anything is read."""
        await while_held(self._lease, self._turn, self._shared.work, _postponed)

    async def _turn(self) -> float:
        self._shared.work.clear()
        try:
            worked = self._shared.session.usable and await self._one()
        except JournalUnwritable as fault:
            _postponed(fault)
            await self._notes.until_writable(fault)
            return 0.0
        return 0.0 if worked else RESCAN_SECONDS

    async def _one(self) -> bool:
        await self._machine.report_owed()
        await self._lease.told.wait()  # the server gives out by what it knows of us: too much, or too little, before
        order = await self._client.next_send(self._lease.epoch())
        if order is None:
            async with self._shared.page_lock:
                await self._boxes.empty()
            return False
        begins = self._begins(order)
        if begins and not self._shared.may_send:
            return False
        if not order.settle_only:
            await self._shared.scanned.wait()
        async with self._shared.page_lock:
            try:
                status = await self._machine.run(order)
            except (NotLinked, PageChanged) as fault:
                self._see(await self._page.session())
                if begins and isinstance(fault, PageChanged):
                    self._count(rules.Result.BAD, fault.detail, fault.screenshot.name if fault.screenshot else None)
                raise fault from None
            keep_sent(self._journal, order)
        self._shared.cancelled.discard(order.send_id)
        attempt = self._journal.sends.last(order.send_id)
        if begins and attempt is not None:
            self._count(rules.result_of(attempt.report), _said(attempt.report), _picture(attempt.report))
        self._shared.sent.set()
        log.info("send.reported", send_id=str(order.send_id), status=status)
        return True

    def _begins(self, order: SendOrder) -> bool:
        """Tell whether an order begins a send here; settling what an earlier life left says nothing about the page of today."""
        earlier = self._journal.sends.last(order.send_id)
        return not order.settle_only and (earlier is None or earlier.recovery is Recovery.BEGIN_ANEW)

    def _count(self, result: rules.Result, reason: str, screenshot: str | None) -> None:
        before = self._shared.breaker or Breaker()
        after = rules.after_send(before, result, datetime.now(UTC), reason=reason[:300], screenshot=screenshot)
        if after == before:
            return
        self._shared.breaker = after
        self._lease.tell()
        if after.state is BreakerState.OPEN:
            log.warning("breaker.opened", failures=after.failures, reason=after.reason)
            self._shared.broke.set()


def _postponed(fault: WaxosError) -> None:
    log.warning("send.postponed", code=fault.reason_code, reason=fault.detail)


def _said(report: SendReport | None) -> str:
    """Return in plain words why a send counts against the page."""
    if report is None or report.external_id is None:
        why = "could not be read back" if report is None or report.code in (None, "not_found") else str(report.code)
        return report.detail if report is not None and report.detail else f"the newest replies {why}"
    return "the newest replies got no tick"


def _picture(report: SendReport | None) -> str | None:
    return report.screenshot if report is not None else None
