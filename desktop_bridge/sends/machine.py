"""Drives one send from the lease to the report, and settles what a crash left behind. Clicks at most once an attempt.

The order of things is the whole point (design 3.4): each phase is in the journal before the next act, `armed` before the click.
Whatever happens between `armed` and the read-back is settled by reading the chat, never by trying again.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog

from core.contracts.bridge import SendOrder, SendOutcome, SendReport
from core.contracts.faults import guard_fault
from core.contracts.states import SendStatus, Tick
from core.contracts.texts import fault_in, text_sha256
from core.errors import Conflict, Unavailable
from desktop_bridge.errors import (
    NOTHING_TO_SEE,
    BoxNotEmpty,
    ChatLeftOut,
    ChatNotProven,
    OverBudget,
    PageChanged,
    PageError,
    SendStopped,
    TextDiffers,
    TextRefused,
)
from desktop_bridge.failpoints import Failpoint, no_failpoint
from desktop_bridge.journal.sends import Attempt, SendLog
from desktop_bridge.sends.budget import Budget
from desktop_bridge.sends.pacing import Timing, typing_pace
from desktop_bridge.sends.phases import Phase, Recovery, never_clicked, settled_by
from desktop_bridge.sends.ports import Authority, ChatPage, Click, Intake, Sighting, Standing, Target, Witness

log = structlog.get_logger(__name__)
_IN_HAND = frozenset({SendStatus.LEASED, SendStatus.ARMED})

Evidence = dict[str, bool | str | int | None]


@dataclass(frozen=True)
class Parts:
    """What the machine works with."""

    authority: Authority
    page: ChatPage
    intake: Intake
    journal: SendLog
    budget: Budget
    epoch: Callable[[], int]
    witness: Witness | None = None


class SendMachine:
    """One send at a time, by one caller at a time, who holds the page meanwhile."""

    def __init__(
        self,
        parts: Parts,
        *,
        pacing: bool = True,
        timing: Timing | None = None,
        failpoint: Failpoint = no_failpoint,
        go_on: Callable[[SendOrder], None] = lambda _: None,
        sleep: Callable[[float], "asyncio.Future[None]"] | None = None,
    ) -> None:
        self._do = parts
        self._pacing = pacing
        self._timing = timing or Timing()
        self._hit = failpoint
        self._go_on = go_on
        self._sleep = sleep or _sleep

    async def run(self, order: SendOrder) -> str:
        """Bring one order to its report and return the send's status at the authority.

        Raises:
            PageError: the page is unusable before anything could leave, or while settling; the journal keeps the state, ask again.
            WaxosError: the authority could not be told; the journal keeps the outcome.
        """
        self._do.intake.recognise(order)
        earlier = self._do.journal.last(order.send_id)
        what = earlier.recovery if earlier else Recovery.BEGIN_ANEW
        log.info("send.taken", send_id=str(order.send_id), part=order.part, settle=order.settle_only, recovery=what)
        if earlier is not None and what is Recovery.REPORT_AGAIN:
            return await self._report(earlier)
        if earlier is not None and what is Recovery.DONE:
            return await self._done_before(order, earlier)
        if earlier is not None and what is Recovery.SETTLE:
            return await self._settle(order, earlier)
        if earlier is not None and what is Recovery.NEVER_CLICKED:
            return await self._never_armed(order, earlier)
        if order.settle_only:
            return await self._settle_foreign(order)
        return await self._attempt(order)

    async def report_owed(self) -> None:
        """Report again every outcome that the journal holds and the authority may not know."""
        for attempt in self._do.journal.unsettled():
            if attempt.recovery is Recovery.REPORT_AGAIN:
                await self._report(attempt)

    # -- forwards -----------------------------------------------------------------------------------------------------

    async def _attempt(self, order: SendOrder) -> str:
        attempt = self._step_begin(order)
        try:
            attempt = await self._write(order, attempt)
            standing = await self._stand(order)
            attempt = self._step(attempt, Phase.ARM_REQUESTED, tail=standing.tail)
            asked = time.monotonic()
            armed = await self._do.authority.arm(order, standing.tail, attempt.arming)
        except (SendStopped, PageChanged) as stop:
            return await self._stopped(order, attempt, stop)
        except Unavailable:
            if attempt.phase is not Phase.LEASED:  # another may send it now, and nobody else empties this box
                await self._tidy(order)
            raise
        now = datetime.now(UTC)
        deadline = asked + armed.click_within_ms / 1000
        until = now + timedelta(seconds=max(deadline - time.monotonic(), 0))
        attempt = self._step(attempt, Phase.ARMED, armed_at=now, deadline_at=until)
        click = await self._do.page.click(standing, deadline)
        return await self._after_click(order, attempt, click)

    async def _write(self, order: SendOrder, attempt: Attempt) -> Attempt:
        fault = fault_in(order.text)
        if fault is not None:
            raise TextRefused("this text cannot be sent as it is", hint="edit it, then send it again", code=fault)
        if text_sha256([order.text]) != order.text_sha256:
            raise TextDiffers("the order's text is not the text that was approved", hint="send it again from the panel")
        self._do.budget.allow(order.chat_id)
        self._do.intake.refuse_left_out(order)
        page = self._do.page
        await page.open(target_of(order))
        attempt = self._step(attempt, Phase.OPENED)
        if not self._do.budget.customer_wrote(order.chat_id):
            await self._do.intake.catch_up(order)
        self._do.budget.refuse_cold(order.chat_id)
        await page.clear_box(self._do.journal.texts_typed_in(order.chat_id, attempt))
        pause, char_ms = typing_pace(order.text, on=self._pacing)
        if pause:
            await self._sleep(pause)
        await page.type(order.text, char_ms, lambda: self._go_on(order))
        return self._step(attempt, Phase.TYPED)

    async def _stand(self, order: SendOrder) -> Standing:
        """Tell the authority all that the chat shows, then look once more; nothing is read after this look but by the guard."""
        await self._do.intake.catch_up(order)
        standing = await self._do.page.look()
        if standing.text != order.text:
            raise TextDiffers("somebody changed the text in the box", hint="send it again from the panel")
        if order.previous_part_external_id and standing.tail != order.previous_part_external_id:
            raise ChatNotProven(
                "the newest message is not the part before this one", hint="read the new message, then send the rest"
            )
        return standing

    async def _stopped(self, order: SendOrder, attempt: Attempt, stop: SendStopped | PageChanged) -> str:
        """Nothing can have left: note it, take our text out of the box again and give the send back."""
        attempt = self._do.journal.last(order.send_id) or attempt  # it went on since
        typed = attempt.phase is not Phase.LEASED and not isinstance(stop, BoxNotEmpty)
        picture = await self._picture(order) if not isinstance(stop, NOTHING_TO_SEE) else None
        attempt = self._settled(attempt, self._refused(attempt, stop))
        if typed:  # else what stands in the box is somebody's own, even if it is how our text begins
            await self._tidy(order)
        return await self._shown(order, picture, await self._report(attempt))

    def _refused(self, attempt: Attempt, stop: SendStopped | PageChanged) -> SendReport:
        if isinstance(stop, OverBudget):
            outcome = SendOutcome.POSTPONED
        else:
            outcome = SendOutcome.FAILED if isinstance(stop, SendStopped) and stop.final else SendOutcome.RETURNED
        said = self._said(outcome, attempt.arming, code=stop.reason_code, detail=stop.detail)
        wait = stop.wait if isinstance(stop, OverBudget) else None
        picture = stop.screenshot.name if stop.screenshot else None
        return said.model_copy(update={"screenshot": picture, "wait_seconds": wait})

    async def _tidy(self, order: SendOrder) -> None:
        """Take our text out of its own chat's box again, whatever chat somebody opened meanwhile."""
        try:
            await self._do.page.open(target_of(order))
            await self._do.page.clear_box([order.text])
        except (SendStopped, PageError) as left:
            log.warning("box.not_cleared", send_id=str(order.send_id), reason=left.reason_code)

    async def _after_click(self, order: SendOrder, attempt: Attempt, click: Click) -> str:
        if click.reason is None or click.passed:
            attempt = self._step(attempt, Phase.CLICKED)
        wait = 0.0 if click.stopped else self._timing.read_back
        sighting = await self._look(order, attempt, wait)
        if sighting.external_id is not None:
            return await self._found(order, attempt, sighting)
        if click.stopped:
            return await self._disarmed(order, attempt, click)
        return await self._settle(order, attempt)

    async def _disarmed(self, order: SendOrder, attempt: Attempt, click: Click) -> str:
        """The guard swallowed the click and no bubble is there: note it, tell what is new in the chat, clear the box."""
        said = self._said(
            SendOutcome.DISARMED,
            attempt.arming,
            code=guard_fault(str(click.reason)),
            detail=f"the page changed: {click.reason}",
        ).model_copy(update={"screenshot": click.screenshot.name if click.screenshot else None})
        picture = await self._picture(order)
        attempt = self._settled(attempt, said)
        await self._tidy(order)
        await self._do.intake.catch_up(order)
        return await self._shown(order, picture, await self._report(attempt))

    async def _found(self, order: SendOrder, attempt: Attempt, sighting: Sighting) -> str:
        if sighting.tick in {None, Tick.PENDING}:
            again = await self._look(order, attempt, self._timing.tick)
            sighting = again if again.external_id else sighting
        outcome, evidence = settled_by(sighting, own=True)
        said = self._said(
            outcome,
            attempt.arming,
            external_id=sighting.external_id,
            tick=sighting.tick,
            code="message_failed" if outcome is SendOutcome.UNKNOWN else None,
            evidence=evidence,
        )
        return await self._conclude(attempt, said)

    # -- after a crash ------------------------------------------------------------------------------------------------

    async def _done_before(self, order: SendOrder, earlier: Attempt) -> str:
        """This journal knows the end of a send that the authority offers again: tell it, and take its answer as the truth.

        What it still has in hand after that we cannot settle for it; it becomes unknown, and a person decides.
        """
        if order.settle_only and order.arming != earlier.arming:
            return await self._settle_foreign(order)
        status = await self._tell(order, earlier.report or self._said(SendOutcome.UNKNOWN, earlier.arming))
        if status in _IN_HAND:
            status = await self._tell(order, self._said(SendOutcome.UNKNOWN, earlier.arming, code="told_before"))
        return status

    async def _never_armed(self, order: SendOrder, attempt: Attempt) -> str:
        """The journal ends before `armed`, so no click was made. An authority that never armed it either wants it sent."""
        said = self._said(SendOutcome.ABSENT, attempt.arming, evidence=never_clicked())
        attempt = self._settled(attempt, said)
        if order.settle_only:
            return await self._report(attempt)
        self._step(attempt, Phase.REPORTED)
        return await self._attempt(order)

    async def _settle(self, order: SendOrder, attempt: Attempt) -> str:
        """Find out what became of a click that may have happened: by reading, in a browser that cannot hold it any more."""
        self._hit("send.settling")
        armed_at = attempt.armed_at or datetime.now(UTC)
        deadline = attempt.deadline_at or armed_at
        margin = (deadline + timedelta(seconds=self._timing.settle_margin) - datetime.now(UTC)).total_seconds()
        await self._do.page.ensure_restarted(armed_at)
        target = target_of(order, attempt.tail)
        try:
            self._do.intake.refuse_left_out(order)
            await self._do.page.open(target)
            sighting = await self._look(order, attempt, max(margin, self._timing.settle_look))
            if sighting.external_id is None and not sighting.nothing_pending:
                sighting = await self._look(order, attempt, self._timing.pending)
        except SendStopped as stop:
            said = self._said(SendOutcome.UNKNOWN, attempt.arming, code=stop.reason_code, detail=stop.detail)
            return await self._conclude(attempt, said)
        if sighting.external_id is not None:
            return await self._found(order, attempt, sighting)
        outcome, evidence = settled_by(replace(sighting, browser_restarted=True), own=True)
        picture = await self._picture(order) if outcome is SendOutcome.UNKNOWN else None
        if outcome is SendOutcome.ABSENT:
            await self._tidy(order)
        said = self._said(outcome, attempt.arming, code="not_found", evidence=evidence)
        return await self._shown(order, picture, await self._conclude(attempt, said))

    async def _settle_foreign(self, order: SendOrder) -> str:
        """Somebody else armed it, or a journal that is gone: found is found, anything else is unknown."""
        try:
            self._do.intake.refuse_left_out(order)
        except ChatLeftOut as stop:
            said = self._said(SendOutcome.UNKNOWN, order.arming, code=stop.reason_code, detail=stop.detail)
            return await self._tell(order, said)
        await self._do.page.open(target_of(order, order.armed_tail_external_id))
        exclude = self._do.journal.claimed(order.chat_id, order.send_id)
        sighting = await self._do.page.find_sent(
            order.text, order.armed_tail_external_id, exclude, self._timing.settle_look
        )
        outcome, evidence = settled_by(sighting, own=False)
        said = self._said(
            outcome,
            order.arming,
            external_id=sighting.external_id,
            tick=sighting.tick,
            code="armed_elsewhere",
            evidence=evidence,
        )
        return await self._tell(order, said)

    async def _picture(self, order: SendOrder) -> bytes | None:
        return None if self._do.witness is None else await self._do.witness.look(target_of(order))

    async def _shown(self, order: SendOrder, picture: bytes | None, status: str) -> str:
        if picture is not None and self._do.witness is not None:
            await self._do.witness.tell(order.send_id, picture)
        return status

    # -- the journal and the authority --------------------------------------------------------------------------------

    async def _look(self, order: SendOrder, attempt: Attempt, wait: float) -> Sighting:
        exclude = self._do.journal.claimed(order.chat_id, order.send_id)
        return await self._do.page.find_sent(order.text, attempt.tail, exclude, wait)

    async def _conclude(self, attempt: Attempt, report: SendReport) -> str:
        return await self._report(self._settled(attempt, report))

    def _settled(self, attempt: Attempt, report: SendReport) -> Attempt:
        log.info("send.concluded", send_id=str(attempt.send_id), outcome=report.outcome, code=report.code)
        return self._step(attempt, Phase.READ_BACK, report=report)

    async def _report(self, attempt: Attempt) -> str:
        if attempt.report is None:
            raise RuntimeError("an attempt was read back without an outcome")
        report = attempt.report.model_copy(update={"epoch": self._do.epoch(), "arming": attempt.arming})
        try:
            status = await self._do.authority.report(attempt.send_id, report)
        except Conflict as refused:
            # It never armed this send, or knows better by now. What it still does not know it asks for again.
            log.warning(
                "report.refused", send_id=str(attempt.send_id), outcome=report.outcome, code=refused.reason_code
            )
            status = refused.reason_code
        self._step(attempt, Phase.REPORTED)
        return status

    async def _tell(self, order: SendOrder, report: SendReport) -> str:
        """Tell an outcome that the journal does not have to keep; the authority's status is settled truth, whatever it is."""
        return await self._do.authority.report(order.send_id, report.model_copy(update={"epoch": self._do.epoch()}))

    def _said(
        self,
        outcome: SendOutcome,
        arming: UUID | None,
        *,
        external_id: str | None = None,
        tick: Tick | None = None,
        code: str | None = None,
        detail: str | None = None,
        evidence: Evidence | None = None,
    ) -> SendReport:
        return SendReport(
            epoch=0,  # that of the lease under which it is told: what is found out is noted also while the channel is another's
            installation_id=self._do.journal.installation_id,
            outcome=outcome,
            arming=arming,
            external_id=external_id,
            tick=tick,
            code=code,
            detail=detail[:500] if detail else None,
            evidence=evidence or {},
        )

    def _step_begin(self, order: SendOrder) -> Attempt:
        self._hit("send.before_leased")
        attempt = self._do.journal.begin(order)
        self._hit("send.leased")
        return attempt

    def _step(
        self,
        attempt: Attempt,
        phase: Phase,
        *,
        tail: str | None = None,
        armed_at: datetime | None = None,
        deadline_at: datetime | None = None,
        report: SendReport | None = None,
    ) -> Attempt:
        self._hit(f"send.before_{phase}")
        attempt = self._do.journal.step(
            attempt, phase, tail=tail, armed_at=armed_at, deadline_at=deadline_at, report=report
        )
        self._hit(f"send.{phase}")
        return attempt


def target_of(order: SendOrder, tail: str | None = None) -> Target:
    """Return the chat an order means; the noted tail proves it as well as any other message."""
    known = [*order.known_external_ids, *([tail] if tail else [])]
    return Target(chat_id=order.chat_id, title=order.title, kind=order.kind, known=tuple(dict.fromkeys(known)))


def _sleep(seconds: float) -> "asyncio.Future[None]":
    return asyncio.ensure_future(asyncio.sleep(seconds))  # house: sleep - this is the pacing before typing
