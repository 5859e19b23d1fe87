"""Runs of the graph: when one is due, who has claimed it, and what it left behind.

A run is a row in Postgres; a doorbell only makes it quick. A claim is a lease by database time, so that a worker that died is
followed by another one, and a result counts only while its claim holds.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.drafts import DraftRun as WireRun
from core.contracts.events import EventType
from core.contracts.ids import new_id
from core.contracts.states import RunReason, RunState
from core.db.session import Ring, after_commit
from core.settings import DeskSettings
from domain.chats.events import announce
from domain.chats.models import Chat
from domain.chats.repository import database_now, lock_chat
from domain.drafts import store
from domain.drafts.models import DraftRun
from domain.due import service as due

RUN_TASK = "draft.run"
MAX_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class ClaimedRun:
    """A run in hand: everything of it that its worker needs, free of any session."""

    tenant_id: UUID
    id: UUID
    claim_id: UUID
    chat_id: UUID
    chat_version: int
    reason: RunReason
    hint: str | None
    parent_draft_id: UUID | None
    draft_id: UUID | None
    attempt: int
    resumed: bool
    graph_version: str | None
    created_at: datetime = field(compare=False)


async def schedule(
    session: AsyncSession,
    chat: Chat,
    desk: DeskSettings,
    *,
    reason: RunReason,
    quiet: bool,
    hint: str | None = None,
    parent_draft_id: UUID | None = None,
) -> DraftRun:
    """Make a run due for a locked chat, after the quiet time where `quiet`; a burst moves the one that is due already."""
    now = await database_now(session)
    run = await session.scalar(
        select(DraftRun)
        .where(DraftRun.chat_id == chat.id, DraftRun.state == RunState.DUE, DraftRun.reason != RunReason.CHECK)
        .with_for_update()
    )
    if run is None:
        run = _new_run(chat, reason, now)
        session.add(run)
    run.due_at = _due_at(run.first_due_at, now, desk, quiet)
    if not quiet:
        run.reason, run.hint, run.parent_draft_id = reason, hint, parent_draft_id
    await _keep_due(session, run, run.due_at)
    after_commit(session, Ring(RUN_TASK, run.tenant_id, run.id, max(0.0, (run.due_at - now).total_seconds())))
    run_changed(session, run, chat)
    return run


async def schedule_check(session: AsyncSession, chat: Chat, draft_id: UUID) -> DraftRun:
    """Make the check of a human draft due at once."""
    now = await database_now(session)
    run = _new_run(chat, RunReason.CHECK, now)
    run.draft_id = draft_id
    session.add(run)
    await _keep_due(session, run, now)
    after_commit(session, Ring(RUN_TASK, run.tenant_id, run.id))
    run_changed(session, run, chat)
    return run


async def call_off(session: AsyncSession, chat: Chat, why: str) -> None:
    """End the runs of a locked chat that are due or in hand, other than checks of human text: a person wins (law 9).

    The worker that has one loses its claim with it, so that what it still makes is not stored.
    """
    runs = await session.scalars(
        select(DraftRun)
        .where(
            DraftRun.chat_id == chat.id,
            DraftRun.state.in_((RunState.DUE, RunState.RUNNING)),
            DraftRun.reason != RunReason.CHECK,
        )
        .with_for_update()
    )
    for run in runs:
        await end(session, run, chat, RunState.SUPERSEDED, error=why)


async def claim_run(session: AsyncSession, run_id: UUID, claim_id: UUID, lease_seconds: float) -> ClaimedRun | None:
    """Claim a run that is due, or one whose worker has not been heard of; None where there is nothing to do.

    A run taken over keeps the chat version it began with; where the chat has moved on since, it is over.
    """
    chat = await _lock_chat_of(session, run_id)
    if chat is None:
        return None
    run = (await session.execute(select(DraftRun).where(DraftRun.id == run_id).with_for_update())).scalar_one()
    now = await database_now(session)
    if not _claimable(run, now):
        return None
    resumed = run.state == RunState.RUNNING
    if resumed and (run.attempt >= MAX_ATTEMPTS or run.chat_version != chat.version):
        await _give_up(session, run, chat)
        return None
    run.state, run.claim_id, run.attempt = RunState.RUNNING, claim_id, run.attempt + 1
    run.lease_until = now + timedelta(seconds=lease_seconds)
    if not resumed:
        run.chat_version = chat.version
    await _keep_due(session, run, run.lease_until)
    run_changed(session, run, chat)
    return _claimed(run, claim_id, resumed)


async def heartbeat(session: AsyncSession, run_id: UUID, claim_id: UUID, lease_seconds: float) -> bool:
    """Keep a claim for another `lease_seconds`; False where it is somebody else's by now."""
    until = await database_now(session) + timedelta(seconds=lease_seconds)
    kept = await session.scalar(
        update(DraftRun)
        .where(DraftRun.id == run_id, DraftRun.claim_id == claim_id, DraftRun.state == RunState.RUNNING)
        .values(lease_until=until)
        .returning(DraftRun.tenant_id)
    )
    if kept is not None:
        await due.schedule(session, kept, RUN_TASK, run_id, until)
    return kept is not None


async def hold_claim(session: AsyncSession, claimed: ClaimedRun) -> tuple[Chat, DraftRun] | None:
    """Lock chat and run of a claim; None where the claim was lost, and then nothing may be written for it."""
    chat = await lock_chat(session, claimed.chat_id)
    run = await session.scalar(
        select(DraftRun)
        .where(DraftRun.id == claimed.id, DraftRun.claim_id == claimed.claim_id, DraftRun.state == RunState.RUNNING)
        .with_for_update()
    )
    return None if run is None else (chat, run)


async def end(
    session: AsyncSession,
    run: DraftRun,
    chat: Chat,
    state: RunState,
    *,
    error: str | None = None,
    draft_id: UUID | None = None,
    timings_ms: dict[str, float] | None = None,
) -> None:
    """Finish a locked run in `state` and take it off the list of due work, in this transaction."""
    run.finished_at = await database_now(session)
    run.state, run.error, run.lease_until = state, error, None
    run.draft_id = draft_id or run.draft_id
    run.timings_ms = timings_ms or run.timings_ms
    await due.clear(session, run.tenant_id, RUN_TASK, run.id)
    run_changed(session, run, chat)


async def current_run(session: AsyncSession, chat_id: UUID) -> DraftRun | None:
    """Return the newest run of a chat."""
    return await session.scalar(
        select(DraftRun)
        .where(DraftRun.chat_id == chat_id)
        .order_by(DraftRun.created_at.desc(), DraftRun.id.desc())
        .limit(1)
    )


def as_claimed(run: DraftRun) -> ClaimedRun:
    """Return a run as its worker had it, to read once more what it was about."""
    return _claimed(run, run.claim_id or run.id, resumed=False)


def run_changed(session: AsyncSession, run: DraftRun, chat: Chat) -> None:
    """Tell panels, after the commit, that a run changed."""
    announce(session, chat, EventType.RUN_UPDATED, run_id=run.id)


def to_wire(run: DraftRun) -> WireRun:
    """Return a run as the API shows it."""
    return WireRun.model_validate(run)


async def _lock_chat_of(session: AsyncSession, run_id: UUID) -> Chat | None:
    of_run = select(DraftRun.chat_id).where(DraftRun.id == run_id).scalar_subquery()
    return await session.scalar(select(Chat).where(Chat.id == of_run).with_for_update(of=Chat))


def _new_run(chat: Chat, reason: RunReason, now: datetime) -> DraftRun:
    return DraftRun(
        tenant_id=chat.tenant_id,
        id=new_id(),
        chat_id=chat.id,
        chat_version=chat.version,
        reason=reason,
        state=RunState.DUE,
        first_due_at=now,
        due_at=now,
        attempt=0,
        timings_ms={},
    )


def _due_at(first: datetime, now: datetime, desk: DeskSettings, quiet: bool) -> datetime:
    if not quiet:
        return now
    return max(now, min(now + timedelta(seconds=desk.quiet_seconds), first + timedelta(seconds=desk.quiet_max_seconds)))


def _claimable(run: DraftRun, now: datetime) -> bool:
    if run.state == RunState.DUE:
        return run.due_at <= now
    return run.state == RunState.RUNNING and run.lease_until is not None and run.lease_until < now


async def _give_up(session: AsyncSession, run: DraftRun, chat: Chat) -> None:
    if run.chat_version != chat.version:
        await end(session, run, chat, RunState.SUPERSEDED, error="the chat has moved on")
        return
    why = f"The worker stopped {run.attempt} times while it made this draft."
    await end(session, run, chat, RunState.FAILED, error=why)
    if run.reason == RunReason.CHECK and run.draft_id is not None:
        await store.leave_unchecked(session, chat, run.draft_id, why)


async def _keep_due(session: AsyncSession, run: DraftRun, at: datetime) -> None:
    await due.schedule(session, run.tenant_id, RUN_TASK, run.id, at)


def _claimed(run: DraftRun, claim_id: UUID, resumed: bool) -> ClaimedRun:
    return ClaimedRun(
        tenant_id=run.tenant_id,
        id=run.id,
        claim_id=claim_id,
        chat_id=run.chat_id,
        chat_version=run.chat_version,
        reason=RunReason(run.reason),
        hint=run.hint,
        parent_draft_id=run.parent_draft_id,
        draft_id=run.draft_id,
        attempt=run.attempt,
        resumed=resumed,
        graph_version=run.graph_version,
        created_at=run.created_at,
    )
