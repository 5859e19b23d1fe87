"""Rows of drafts: making, retiring and showing them. Decisions are in `service`, runs in `runs`."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts import drafts as wire
from core.contracts.events import EventType
from core.contracts.ids import new_id
from core.contracts.reasoning import CheckReport, Claim, DraftProposal, Retrieval
from core.contracts.states import DraftIntent, DraftOrigin, DraftStatus
from core.contracts.texts import text_sha256
from core.errors import NotFound
from domain.chats.events import announce
from domain.chats.models import Chat
from domain.drafts.models import Draft, DraftPassage
from domain.due import service as due

OPEN = (DraftStatus.CHECKING, DraftStatus.PENDING, DraftStatus.BLOCKED, DraftStatus.HELD)
"""A draft in one of these still waits for something; a new message retires it (law 3)."""

EXPIRE_TASK = "draft.expire"
RETURNED = "returned"
"""Reason on the draft that a returned send leaves: staff decide on it before any machine does."""


async def lock_draft(session: AsyncSession, draft_id: UUID) -> Draft:
    """Return the draft, locked; its chat must be locked already.

    Raises:
        NotFound: no such draft in the tenant.
    """
    draft = await session.scalar(
        select(Draft).where(Draft.id == draft_id).with_for_update().execution_options(populate_existing=True)
    )
    if draft is None:
        raise NotFound("There is no such draft.", hint="Reload the chat.")
    return draft


async def find(session: AsyncSession, draft_id: UUID) -> Draft:
    """Return the draft without locking it.

    Raises:
        NotFound: no such draft in the tenant.
    """
    draft = await session.scalar(select(Draft).where(Draft.id == draft_id))
    if draft is None:
        raise NotFound("There is no such draft.", hint="Reload the chat.")
    return draft


async def exists(session: AsyncSession, draft_id: UUID) -> bool:
    """Return whether a draft of this id is stored already."""
    return await session.scalar(select(Draft.id).where(Draft.id == draft_id)) is not None


async def chat_of_draft(session: AsyncSession, draft_id: UUID) -> UUID:
    """Return the chat that a draft belongs to, without locking anything.

    Raises:
        NotFound: no such draft in the tenant.
    """
    chat_id = await session.scalar(select(Draft.chat_id).where(Draft.id == draft_id))
    if chat_id is None:
        raise NotFound("There is no such draft.", hint="Reload the chat.")
    return chat_id


def add_machine_draft(
    session: AsyncSession,
    chat: Chat,
    *,
    run_id: UUID,
    parent_id: UUID | None,
    status: DraftStatus,
    proposal: DraftProposal,
    parts: Sequence[str],
    report: CheckReport | None,
    unreadable: Sequence[str],
) -> Draft:
    """Add a draft that the graph made; the caller says in which status."""
    draft = Draft(
        tenant_id=chat.tenant_id,
        id=new_id(),
        chat_id=chat.id,
        chat_version=chat.version,
        run_id=run_id,
        parent_id=parent_id,
        origin=DraftOrigin.MACHINE,
        status=status,
        parts=list(parts),
        text_sha256=text_sha256(parts),
        language=proposal.language,
        claims=[claim.model_dump(mode="json") for claim in proposal.claims],
        missing=list(proposal.missing),
        unreadable=list(unreadable),
        check=_check_json(report),
        confidence=proposal.confidence,
        version=1,
    )
    session.add(draft)
    return draft


def add_human_draft(
    session: AsyncSession,
    chat: Chat,
    *,
    draft_id: UUID | None,
    author_id: UUID | None,
    parts: Sequence[str],
    parent: Draft | None,
    status: DraftStatus,
    intent: DraftIntent | None,
    reason: str | None = None,
) -> Draft:
    """Add a draft that a person wrote, or one that came back from the bridge with the text a person approved."""
    draft = Draft(
        tenant_id=chat.tenant_id,
        id=draft_id or new_id(),
        chat_id=chat.id,
        chat_version=chat.version,
        parent_id=parent.id if parent else None,
        origin=DraftOrigin.HUMAN,
        intent=intent,
        status=status,
        parts=list(parts),
        text_sha256=text_sha256(parts),
        language=parent.language if parent else chat.language,
        claims=parent.claims if parent else [],
        missing=[],
        unreadable=list(parent.unreadable) if parent else [],
        author_id=author_id,
        decision_reason=reason,
        version=1,
    )
    session.add(draft)
    return draft


def add_passages(session: AsyncSession, draft: Draft, retrieval: Retrieval, cited: set[UUID]) -> None:
    """Keep every passage that was retrieved for a draft as it read then, and which of them claims rest on."""
    for rank, passage in enumerate(retrieval.passages):
        session.add(
            DraftPassage(
                tenant_id=draft.tenant_id,
                draft_id=draft.id,
                passage_id=passage.id,
                source_id=passage.source_id,
                source_title=passage.source_title,
                source_url=passage.source_url,
                text=passage.text,
                page=passage.page,
                score=passage.score,
                rank=rank,
                cited=passage.id in cited,
                stale=passage.stale,
            )
        )


async def copy_passages(session: AsyncSession, parent_id: UUID, child: Draft) -> None:
    """Give a revision the passages of the draft that it revises."""
    for row in await session.scalars(select(DraftPassage).where(DraftPassage.draft_id == parent_id)):
        session.add(
            DraftPassage(
                tenant_id=row.tenant_id,
                draft_id=child.id,
                passage_id=row.passage_id,
                source_id=row.source_id,
                source_title=row.source_title,
                source_url=row.source_url,
                text=row.text,
                page=row.page,
                score=row.score,
                rank=row.rank,
                cited=row.cited,
                stale=row.stale,
            )
        )


def move(
    draft: Draft, status: DraftStatus, *, by: UUID | None = None, at: datetime | None = None, reason: str | None = None
) -> None:
    """Put a locked draft into `status`; every move raises its version, so that an older decision no longer fits."""
    draft.status = status
    draft.version += 1
    if at is not None:
        draft.decided_at = at
        draft.decided_by = by
    if reason is not None:
        draft.decision_reason = reason


def changed(session: AsyncSession, draft: Draft, chat: Chat) -> None:
    """Tell panels, after the commit, that a draft changed."""
    announce(session, chat, EventType.DRAFT_UPDATED, draft_version=draft.version, draft_id=draft.id)


async def retire_open(session: AsyncSession, chat: Chat, reason: str, *, but_checking: bool = False) -> None:
    """Supersede every draft of a locked chat that still waits, on `but_checking` all but those on their way through the check."""
    for draft in await open_drafts(session, chat):
        if but_checking and draft.status == DraftStatus.CHECKING:
            continue
        move(draft, DraftStatus.SUPERSEDED, reason=reason)
        changed(session, draft, chat)
    await session.flush()


async def make_room(session: AsyncSession, chat: Chat, keep: Draft | None = None) -> None:
    """Let another reply (`keep`, or one still to be made) be the pending one of a locked chat.

    A machine's draft is superseded; a person's own text waits behind it, so that nothing they wrote is lost.
    """
    for draft in await open_drafts(session, chat):
        if keep is not None and draft.id == keep.id:
            continue
        if draft.origin == DraftOrigin.MACHINE:
            move(draft, DraftStatus.SUPERSEDED, reason="another reply took its place")
        elif draft.status == DraftStatus.PENDING:
            move(draft, DraftStatus.HELD)
        else:
            continue
        changed(session, draft, chat)
    await session.flush()


async def open_drafts(session: AsyncSession, chat: Chat) -> list[Draft]:
    """Return the drafts of a locked chat that still wait, locked, oldest first."""
    rows = await session.scalars(
        select(Draft)
        .where(Draft.chat_id == chat.id, Draft.status.in_(OPEN))
        .order_by(Draft.created_at, Draft.id)
        .with_for_update()
    )
    return list(rows)


async def make_pending(session: AsyncSession, chat: Chat, draft: Draft, reason: str | None = None) -> None:
    """Lay a locked draft before staff, in the place of whatever waited in its chat."""
    await make_room(session, chat, draft)
    move(draft, DraftStatus.PENDING, reason=reason)
    changed(session, draft, chat)


async def leave_unchecked(session: AsyncSession, chat: Chat, draft_id: UUID, why: str) -> None:
    """Lay a human text whose check cannot be had before a person instead (law 4); nothing where it is decided already."""
    draft = await lock_draft(session, draft_id)
    if draft.status == DraftStatus.CHECKING:
        await make_pending(session, chat, draft, reason=f"it could not be checked: {why}")


async def drop_passages(session: AsyncSession, draft: Draft) -> None:
    """Forget the passages of a draft, before those of a newer search take their place."""
    await session.execute(delete(DraftPassage).where(DraftPassage.draft_id == draft.id))


async def retire_citing(session: AsyncSession, source_id: UUID, passages: Sequence[UUID] | None = None) -> int:
    """Supersede the waiting drafts that cite a source which was changed or removed, or `passages` of it; returns how many."""
    of_these = DraftPassage.source_id == source_id
    if passages is not None:
        of_these &= DraftPassage.passage_id.in_(passages)
    chats = await session.scalars(
        select(Draft.chat_id)
        .join(DraftPassage, (DraftPassage.tenant_id == Draft.tenant_id) & (DraftPassage.draft_id == Draft.id))
        .where(of_these, DraftPassage.cited, Draft.status.in_(OPEN))
        .distinct()
        .order_by(Draft.chat_id)
    )
    count = 0
    for chat_id in list(chats):
        chat = await session.scalar(select(Chat).where(Chat.id == chat_id).with_for_update())
        if chat is not None:
            await retire_open(session, chat, "a source that it cites was changed or removed")
            count += 1
    return count


async def expire_later(session: AsyncSession, draft: Draft, hours: float) -> None:
    """Let a pending draft end by itself after `hours`, by the database's clock."""
    now: datetime = (await session.execute(select(func.now()))).scalar_one()
    draft.expires_at = now + timedelta(hours=hours)
    await due.schedule(session, draft.tenant_id, EXPIRE_TASK, draft.id, draft.expires_at)


async def stop_watching(session: AsyncSession, draft: Draft) -> None:
    """Take a draft off the list of those that will expire."""
    await due.clear(session, draft.tenant_id, EXPIRE_TASK, draft.id)


async def current(session: AsyncSession, chat_id: UUID) -> Draft | None:
    """Return the draft that a person looks at: the newest one that still waits."""
    return await session.scalar(
        select(Draft)
        .where(Draft.chat_id == chat_id, Draft.status.in_(OPEN))
        .order_by(Draft.created_at.desc(), Draft.id.desc())
        .limit(1)
    )


async def to_wire(session: AsyncSession, draft: Draft) -> wire.Draft:
    """Return a draft as the API shows it, with its passages."""
    rows = await session.scalars(
        select(DraftPassage).where(DraftPassage.draft_id == draft.id).order_by(DraftPassage.rank)
    )
    return wire.Draft(
        id=draft.id,
        chat_id=draft.chat_id,
        chat_version=draft.chat_version,
        version=draft.version,
        parent_id=draft.parent_id,
        origin=DraftOrigin(draft.origin),
        status=DraftStatus(draft.status),
        parts=draft.parts,
        text_sha256=draft.text_sha256,
        language=draft.language,
        claims=[Claim.model_validate(claim) for claim in draft.claims],
        missing=draft.missing,
        unreadable=draft.unreadable,
        check=wire.DraftCheck.model_validate(draft.check) if draft.check else None,
        sources=[wire.DraftSource.model_validate(row) for row in rows],
        confidence=draft.confidence,
        provider=draft.provider,
        model=draft.model,
        prompt_version=draft.prompt_version,
        created_at=draft.created_at,
        decided_at=draft.decided_at,
        decided_by=draft.decided_by,
        decision_reason=draft.decision_reason,
    )


def _check_json(report: CheckReport | None) -> dict[str, object] | None:
    return report.model_dump(mode="json", exclude={"text_sha256"}) if report else None


def set_check(draft: Draft, report: CheckReport) -> None:
    """Attach the checker's report to the exact text that it is about.

    Raises:
        ValueError: the report is about another text (law 2).
    """
    if report.text_sha256 != draft.text_sha256:
        raise ValueError("the check report is about another text than the draft's")
    draft.check = _check_json(report)
