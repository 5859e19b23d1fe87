"""What a run of the graph reads before it thinks, and what it leaves when it is done."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.reasoning import AiCall, CheckReport, Conversation, DraftProposal, Retrieval, ToneProfile, Turn
from core.contracts.states import (
    ChatKind,
    ChatMode,
    Direction,
    DraftIntent,
    DraftOrigin,
    DraftStatus,
    MessageKind,
    MessageOrigin,
    PassageReview,
    RunReason,
    RunState,
    SourceState,
    Verdict,
)
from core.settings import DeskSettings
from domain.accounts.models import Tenant
from domain.channels.models import Channel
from domain.chats.models import Chat, Message
from domain.chats.repository import database_now, messages_before
from domain.chats.window import is_late
from domain.contacts.models import Contact
from domain.drafts import runs, store
from domain.drafts.models import Draft, DraftRun
from domain.drafts.runs import ClaimedRun
from domain.knowledge.models import KnowledgeChunk, KnowledgeSource
from domain.proposals.soon import learn_soon
from domain.sends import outbox

HISTORY_TURNS = 10
_READABLE = {MessageKind.TEXT, MessageKind.LOCATION, MessageKind.CONTACT, MessageKind.POLL}
_SILENT = {MessageKind.REACTION, MessageKind.SYSTEM, MessageKind.CALL}


@dataclass(frozen=True, slots=True)
class RunInput:
    """Everything that the graph may look at, read in one short transaction."""

    conversation: Conversation
    tone: ToneProfile
    mode: ChatMode
    kind: ChatKind
    paused: bool
    own_key: bool = False
    parent_parts: list[str] = field(default_factory=list)
    draft_parts: list[str] = field(default_factory=list)
    draft_claims: list[dict[str, object]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RunResult:
    """What the graph made of it. `parts` empty means that the knowledge has no answer: `proposal.missing` says what for."""

    proposal: DraftProposal
    parts: Sequence[str]
    report: CheckReport | None
    retrieval: Retrieval
    calls: Sequence[AiCall]
    timings_ms: dict[str, float]
    language: str | None
    unreadable: Sequence[str] = ()


async def load_input(session: AsyncSession, claimed: ClaimedRun, desk: DeskSettings) -> RunInput:
    """Read the conversation behind a claim: the burst since our last word and the turns before it, not past the last resolve."""
    around = (
        select(Chat, Channel, Tenant, Contact, func.clock_timestamp())
        .join(Channel, and_(Channel.tenant_id == Chat.tenant_id, Channel.id == Chat.channel_id))
        .join(Tenant, Tenant.id == Chat.tenant_id)
        .outerjoin(Contact, and_(Contact.tenant_id == Chat.tenant_id, Contact.id == Chat.contact_id))
        .where(Chat.id == claimed.chat_id)
    )
    chat, channel, tenant, contact, now = (await session.execute(around)).one()
    rows = [
        row
        for row in await messages_before(session, chat.id, None, 60)
        if row.seq > chat.resolved_seq and row.deleted_at is None and row.kind not in _SILENT
    ]
    last_out = max((row.seq for row in rows if _is_answer(row)), default=0)
    burst = [row for row in rows if row.seq > last_out and row.direction == Direction.IN]
    history = [row for row in rows if row.seq <= last_out][-HISTORY_TURNS:]
    draft = await _draft(session, claimed.draft_id)
    parent = await _draft(session, claimed.parent_draft_id)
    return RunInput(
        conversation=Conversation(
            chat_id=chat.id,
            contact_name=(contact.display_name if contact else None) or chat.title or None,
            language=chat.language,
            history=[_turn(row) for row in history],
            burst=[_turn(row) for row in burst],
            unreadable=sorted({row.kind for row in burst if row.kind not in _READABLE}),
            late=claimed.reason is not RunReason.CHECK and is_late(rows, now, desk),
            timezone=channel.timezone,
        ),
        tone=ToneProfile.model_validate({"business_name": tenant.name, **tenant.tone}),
        mode=ChatMode(chat.mode or channel.mode),
        kind=ChatKind(chat.kind),
        paused=chat.paused_until is not None and chat.paused_until > now,
        own_key=channel.own_key,
        parent_parts=list(parent.parts) if parent else [],
        draft_parts=list(draft.parts) if draft else [],
        draft_claims=list(draft.claims) if draft else [],
    )


async def store_result(
    session: AsyncSession, claimed: ClaimedRun, result: RunResult, desk: DeskSettings
) -> DraftStatus | None:
    """Store what a run made and end it; None where the claim was lost and nothing was written.

    The draft is `pending` only if the chat is still as the run saw it, else `superseded`, and a new run is due (design, Locks).
    """
    held = await runs.hold_claim(session, claimed)
    if held is None:
        return None
    chat, run = held
    if result.language:
        chat.language = result.language
    if claimed.reason == RunReason.CHECK:
        return await _store_check(session, chat, run, result, desk)
    gone = await _cites_gone(session, result)
    moved = gone or chat.version != claimed.chat_version
    kept = None if moved else await _person_first(session, chat, claimed.reason)
    status = DraftStatus.SUPERSEDED if moved or kept else _status(result.report)
    if not moved and not kept:
        await store.retire_open(session, chat, "a newer draft took its place")
    draft = store.add_machine_draft(
        session,
        chat,
        run_id=run.id,
        parent_id=claimed.parent_draft_id,
        status=status,
        proposal=result.proposal,
        parts=result.parts,
        report=result.report,
        unreadable=result.unreadable,
    )
    draft.chat_version = claimed.chat_version
    if status == DraftStatus.SUPERSEDED:
        draft.decision_reason = (
            "a text that a person wrote waits here"
            if kept
            else "a source that it cites was changed or removed"
            if gone
            else "the chat moved on while it was made"
        )
    _name_model(draft, result)
    await session.flush()
    store.add_passages(session, draft, result.retrieval, {p for c in result.proposal.claims for p in c.passage_ids})
    if status == DraftStatus.PENDING:
        await store.expire_later(session, draft, desk.draft_hours)
    if draft.missing:
        await learn_soon(session, draft.tenant_id, chat.id)
    state = RunState.SUPERSEDED if moved else RunState.DONE
    await runs.end(session, run, chat, state, draft_id=draft.id, timings_ms=result.timings_ms)
    if moved:
        await _again(session, chat, desk)
    store.changed(session, draft, chat)
    return status


async def finish_empty(session: AsyncSession, claimed: ClaimedRun, why: str, *, language: str | None = None) -> None:
    """End a run that found nothing to answer; `why` is shown to staff."""
    held = await runs.hold_claim(session, claimed)
    if held is not None:
        chat, run = held
        chat.language = language or chat.language
        await runs.end(session, run, chat, RunState.DONE, error=why)


async def fail_run(session: AsyncSession, claimed: ClaimedRun, error: str) -> None:
    """End a run that could not make a draft; a human text that it should have checked waits for a person instead (law 4)."""
    held = await runs.hold_claim(session, claimed)
    if held is None:
        return
    chat, run = held
    await runs.end(session, run, chat, RunState.FAILED, error=error)
    if claimed.reason == RunReason.CHECK and claimed.draft_id is not None:
        await store.leave_unchecked(session, chat, claimed.draft_id, error)


async def _store_check(
    session: AsyncSession, chat: Chat, run: DraftRun, result: RunResult, desk: DeskSettings
) -> DraftStatus:
    draft = await store.lock_draft(session, run.draft_id) if run.draft_id else None
    if draft is None or draft.status != DraftStatus.CHECKING or result.report is None:
        await runs.end(
            session, run, chat, RunState.SUPERSEDED, error="the text was decided on before its check was done"
        )
        return DraftStatus(draft.status) if draft else DraftStatus.SUPERSEDED
    store.set_check(draft, result.report)
    if result.retrieval.passages:
        await _replace_passages(session, draft, result)
    if chat.version != draft.chat_version:
        store.move(draft, DraftStatus.SUPERSEDED, reason="the chat moved on while it was checked")
    elif result.report.verdict == Verdict.BLOCK:
        store.move(draft, DraftStatus.BLOCKED)
    elif result.report.verdict == Verdict.PASS and draft.intent == DraftIntent.SEND_IF_PASSES:
        await store.make_room(session, chat, draft)
        store.move(draft, DraftStatus.APPROVED, by=draft.author_id, at=await database_now(session))
        await outbox.queue(session, chat, draft, desk, automatic=False)
    else:
        await store.make_pending(session, chat, draft)
    await runs.end(session, run, chat, RunState.DONE, draft_id=draft.id, timings_ms=result.timings_ms)
    store.changed(session, draft, chat)
    return DraftStatus(draft.status)


async def _replace_passages(session: AsyncSession, draft: Draft, result: RunResult) -> None:
    await store.drop_passages(session, draft)
    store.add_passages(session, draft, result.retrieval, {p for c in result.proposal.claims for p in c.passage_ids})


async def _cites_gone(session: AsyncSession, result: RunResult) -> bool:
    """Tell whether a source was removed or changed while a draft that rests on it was made: too late for `store.retire_citing`."""
    cited = {passage_id for claim in result.proposal.claims for passage_id in claim.passage_ids}
    read = {(one.source_id, one.source_version) for one in result.retrieval.passages if one.id in cited}
    now = await session.execute(
        select(KnowledgeSource.id, KnowledgeSource.live_version, KnowledgeSource.state).where(
            KnowledgeSource.id.in_({source_id for source_id, _ in read})
        )
    )
    barred = KnowledgeChunk.review.in_([PassageReview.WAITING, PassageReview.LEFT_OUT])
    if await session.scalar(select(KnowledgeChunk.id).where(KnowledgeChunk.id.in_(cited), barred).limit(1)):
        return True
    return any(
        row.state == SourceState.REMOVED or (version is not None and version != row.live_version)
        for row in now
        for source_id, version in read
        if source_id == row.id
    )


async def _person_first(session: AsyncSession, chat: Chat, reason: RunReason) -> Draft | None:
    """Return the human text that waits in the chat: a machine's draft must not push it away unless a person asked for that."""
    waiting = [DraftStatus.CHECKING]
    if reason == RunReason.INBOUND:
        waiting += [DraftStatus.PENDING, DraftStatus.BLOCKED, DraftStatus.HELD]
    return await session.scalar(
        select(Draft)
        .where(Draft.chat_id == chat.id, Draft.origin == DraftOrigin.HUMAN, Draft.status.in_(waiting))
        .limit(1)
    )


async def _again(session: AsyncSession, chat: Chat, desk: DeskSettings) -> None:
    last = next(
        (row for row in reversed(await messages_before(session, chat.id, None, 5)) if not _is_automatic(row)), None
    )
    if last is not None and last.direction == Direction.IN:
        await runs.schedule(session, chat, desk, reason=RunReason.INBOUND, quiet=True)


def _is_answer(row: Message) -> bool:
    """Tell whether a message is a reply of ours. What WhatsApp Business sends by itself answers nothing."""
    return row.direction == Direction.OUT and not _is_automatic(row)


def _is_automatic(row: Message) -> bool:
    return row.origin == MessageOrigin.AUTOMATION


async def _draft(session: AsyncSession, draft_id: UUID | None) -> Draft | None:
    return None if draft_id is None else await session.scalar(select(Draft).where(Draft.id == draft_id))


def _status(report: CheckReport | None) -> DraftStatus:
    if report is not None and report.verdict == Verdict.BLOCK:
        return DraftStatus.BLOCKED
    return DraftStatus.PENDING


def _name_model(draft: Draft, result: RunResult) -> None:
    call = next((call for call in reversed(result.calls) if call.purpose == "draft" and call.outcome == "ok"), None)
    if call is not None:
        draft.provider, draft.model, draft.prompt_version = call.provider, call.model, call.prompt_version


def _turn(row: Message) -> Turn:
    return Turn(
        message_id=row.id,
        seq=row.seq,
        direction=Direction(row.direction),
        kind=MessageKind(row.kind),
        text=row.text,
        at=row.received_at,
    )
