"""What past chats propose, and what an admin makes of it. Nothing that was imported is a chat: nobody is ever answered because of it."""

from collections import Counter
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.base import Page
from core.contracts.events import Event, EventType
from core.contracts.history import (
    MARKS,
    AcceptProposal,
    HistoryImport,
    Proposal,
    ProposalKind,
    ProposalState,
    ProposedAnswer,
    ProposedTone,
    ReadHistory,
)
from core.contracts.ids import new_id
from core.contracts.knowledge import NewCuratedAnswer
from core.contracts.principal import Principal
from core.db.session import after_commit
from core.errors import Conflict, InvalidInput, NotFound
from core.storage.blobs import BlobStore
from domain.accounts.repository import AccountsRepository
from domain.audit.service import record
from domain.history.models import HistoryProposal, ImportedHistory
from domain.history.proposing import propose
from domain.history.repository import HistoryRepository
from domain.knowledge import service as knowledge


async def import_history(session: AsyncSession, caller: Principal, sha256: str, found: ReadHistory) -> HistoryImport:
    """Keep what a file proposes. The same file again changes nothing; a longer export of the same chat adds what is new in it."""
    repository = HistoryRepository(session)
    await repository.one_at_a_time(caller.tenant_id)
    before = await repository.imported(sha256)
    if before is not None:
        return _shown(before, Counter(), 0, repeated=True)
    row = ImportedHistory(
        tenant_id=caller.tenant_id,
        id=new_id(),
        sha256=sha256,
        business=found.business[:200],
        business_known_by=found.business_known_by,
        date_order=found.date_order,
        language=found.learnt.language,
        messages=found.messages,
        first_on=found.first_on,
        last_on=found.last_on,
        redacted=found.learnt.redacted,
        tone=found.learnt.tone.model_dump(mode="json"),
        imported_by=caller.subject_id,
        created_at=datetime.now(UTC),
    )
    await repository.add(row)
    new, again = await propose(repository, row, found.learnt)
    fields = {"messages": row.messages, **{kind.value: count for kind, count in new.items()}}
    record(session, caller, "history.imported", "history_import", row.id, fields)
    _announce(session, caller, import_id=row.id)
    return _shown(row, new, again, repeated=False)


async def list_proposals(
    session: AsyncSession,
    kind: ProposalKind | None = None,
    state: ProposalState | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Proposal]:
    """Return a page of proposals, the most seen first.

    Raises:
        InvalidInput: the cursor is not one of ours.
    """
    rows = await HistoryRepository(session).page(kind, state, _place(cursor), limit + 1)
    items = [_proposal(row) for row in rows[:limit]]
    more = f"{rows[limit - 1].seen}.{rows[limit - 1].id}" if len(rows) > limit else None
    return Page[Proposal](items=items, next_cursor=more)


async def accept(
    session: AsyncSession, blobs: BlobStore, caller: Principal, proposal_id: UUID, body: AcceptProposal
) -> Proposal:
    """Accept a proposal: an answer becomes a curated answer, a tone the tone of the business, a case waits for the evals.

    Raises:
        NotFound: no such proposal in the tenant.
        Conflict: it was decided already.
        InvalidInput: its words still hold a mark of something that was taken out, or words were given for what is no answer.
    """
    row = await _waiting(session, proposal_id)
    match ProposalKind(row.kind):
        case ProposalKind.ANSWER:
            row.source_id = await _add_answer(session, blobs, caller, row, body)
        case ProposalKind.TONE:
            _only_for_answers(body)
            await _set_tone(session, caller, row)
        case ProposalKind.EVAL_CASE:
            _only_for_answers(body)
    return await _decide(session, caller, row, ProposalState.ACCEPTED)


async def dismiss(session: AsyncSession, caller: Principal, proposal_id: UUID) -> Proposal:
    """Dismiss a proposal; it is counted on when it is seen again, but not proposed again.

    Raises:
        NotFound: no such proposal in the tenant.
        Conflict: it was decided already.
    """
    return await _decide(session, caller, await _waiting(session, proposal_id), ProposalState.DISMISSED)


async def _waiting(session: AsyncSession, proposal_id: UUID) -> HistoryProposal:
    row = await HistoryRepository(session).lock(proposal_id)
    if row is None:
        raise NotFound("There is no such proposal.", hint="Reload the list.")
    if row.state != ProposalState.PROPOSED:
        raise Conflict(
            f"This proposal was {row.state} already.",
            hint="Reload the list.",
            current=_proposal(row).model_dump(mode="json"),
        )
    return row


async def _decide(session: AsyncSession, caller: Principal, row: HistoryProposal, state: ProposalState) -> Proposal:
    row.state, row.decided_at, row.decided_by = state, datetime.now(UTC), caller.subject_id
    source = {"source_id": str(row.source_id)} if row.source_id else {}
    record(session, caller, f"proposal.{state.value}", "proposal", row.id, {"kind": row.kind, **source})
    _announce(session, caller, proposal_id=row.id)
    await session.flush()
    return _proposal(row)


def _announce(session: AsyncSession, caller: Principal, **ids: UUID) -> None:
    """Tell open panels, after the commit, that there are other proposals than before."""
    after_commit(session, Event(type=EventType.HISTORY_UPDATED, tenant_id=caller.tenant_id, ids=ids))


async def _add_answer(
    session: AsyncSession, blobs: BlobStore, caller: Principal, row: HistoryProposal, body: AcceptProposal
) -> UUID:
    proposed = ProposedAnswer.model_validate(row.content)
    question, answer = body.question or proposed.question, body.answer or proposed.answer
    left = [mark for mark in MARKS if mark in f"{question}\n{answer}"]
    if left:
        raise InvalidInput(
            f"Something was taken out of this answer where {', '.join(left)} stands.",
            hint="Accept it with the words that belong there.",
        )
    source = await knowledge.add_curated(session, blobs, caller, NewCuratedAnswer(question=question, answer=answer))
    row.content = {**row.content, "question": question, "answer": answer}
    return source.id


async def _set_tone(session: AsyncSession, caller: Principal, row: HistoryProposal) -> None:
    """Set what the chats showed; the name of the business and a closing line that it chose itself stay."""
    tenant = await AccountsRepository(session).tenant(caller.tenant_id)
    if tenant is None:
        raise NotFound("There is no such business.")
    profile = ProposedTone.model_validate(row.content).profile
    learnt = profile.model_dump(mode="json", exclude={"business_name"} | (set() if profile.closing else {"closing"}))
    tenant.tone = {**tenant.tone, **learnt}


def _only_for_answers(body: AcceptProposal) -> None:
    if body.question is not None or body.answer is not None:
        raise InvalidInput("Only an answer can be accepted in other words.", hint="Leave the words out.")


def _place(cursor: str | None) -> tuple[int, UUID] | None:
    if cursor is None:
        return None
    seen, _, proposal_id = cursor.partition(".")
    try:
        return int(seen), UUID(proposal_id)
    except ValueError:
        raise InvalidInput(
            "The cursor is not one that this list gave out.", hint="Begin again without a cursor."
        ) from None


def _proposal(row: HistoryProposal) -> Proposal:
    return Proposal.model_validate(
        {name: getattr(row, name) for name in Proposal.model_fields if hasattr(row, name)} | {row.kind: row.content}
    )


def _shown(row: ImportedHistory, new: Counter[ProposalKind], again: int, *, repeated: bool) -> HistoryImport:
    kept = {name: getattr(row, name) for name in HistoryImport.model_fields if hasattr(row, name)}
    return HistoryImport.model_validate(kept | {"proposed": dict(new), "seen_again": again, "repeated": repeated})
