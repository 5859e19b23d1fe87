"""What is proposed, and what an admin makes of it: the one place where proposals are decided on, wherever they were learnt."""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.base import Page
from core.contracts.history import MARKS
from core.contracts.knowledge import NewCuratedAnswer
from core.contracts.principal import Principal
from core.contracts.proposals import (
    AcceptProposal,
    ProposalKind,
    ProposalOrigin,
    ProposalState,
    ProposedAnswer,
    ProposedTone,
    SourceName,
)
from core.contracts.proposals import Proposal as WireProposal
from core.errors import Conflict, InvalidInput, NotFound
from core.storage.blobs import BlobStore
from domain.accounts.repository import AccountsRepository
from domain.audit.service import record
from domain.knowledge import service as knowledge
from domain.proposals.events import announce
from domain.proposals.models import Proposal
from domain.proposals.repository import ProposalRepository


async def list_proposals(
    session: AsyncSession,
    kind: ProposalKind | None = None,
    state: ProposalState | None = None,
    origin: ProposalOrigin | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[WireProposal]:
    """Return a page of proposals, the most seen first.

    Raises:
        InvalidInput: the cursor is not one of ours.
    """
    repository = ProposalRepository(session)
    rows = await repository.page(kind, state, origin, _place(cursor), limit + 1)
    titles = await repository.titles(rows)
    items = [_shown(row, titles) for row in rows[:limit]]
    more = f"{rows[limit - 1].seen}.{rows[limit - 1].id}" if len(rows) > limit else None
    return Page[WireProposal](items=items, next_cursor=more)


async def accept(
    session: AsyncSession, blobs: BlobStore, caller: Principal, proposal_id: UUID, body: AcceptProposal
) -> WireProposal:
    """Accept a proposal: an answer becomes a curated answer, a tone the tone of the business, a case waits for the evals.

    Raises:
        NotFound: no such proposal in the tenant.
        Conflict: it was decided already.
        InvalidInput: its words still hold a mark of something that was taken out, it is a question without an answer, or words were
            given for what is no answer.
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


async def dismiss(session: AsyncSession, caller: Principal, proposal_id: UUID) -> WireProposal:
    """Dismiss a proposal; it is counted on when it is seen again, but not proposed again.

    Raises:
        NotFound: no such proposal in the tenant.
        Conflict: it was decided already.
    """
    return await _decide(session, caller, await _waiting(session, proposal_id), ProposalState.DISMISSED)


async def _waiting(session: AsyncSession, proposal_id: UUID) -> Proposal:
    row = await ProposalRepository(session).lock(proposal_id)
    if row is None:
        raise NotFound("There is no such proposal.", hint="Reload the list.")
    if row.state != ProposalState.PROPOSED:
        raise Conflict(
            f"This proposal was {row.state} already.",
            hint="Reload the list.",
            current=_shown(row, {}).model_dump(mode="json"),
        )
    return row


async def _decide(session: AsyncSession, caller: Principal, row: Proposal, state: ProposalState) -> WireProposal:
    row.state, row.decided_at, row.decided_by = state, datetime.now(UTC), caller.subject_id
    source = {"source_id": str(row.source_id)} if row.source_id else {}
    record(
        session,
        caller,
        f"proposal.{state.value}",
        "proposal",
        row.id,
        {"kind": row.kind, "origin": row.origin, **source},
    )
    announce(session, caller.tenant_id, proposal_id=row.id)
    await session.flush()
    return _shown(row, {})


async def _add_answer(
    session: AsyncSession, blobs: BlobStore, caller: Principal, row: Proposal, body: AcceptProposal
) -> UUID:
    proposed = ProposedAnswer.model_validate(row.content)
    question, answer = body.question or proposed.question, body.answer or proposed.answer
    if not answer:
        raise InvalidInput("Nobody has answered this question yet.", hint="Accept it with the answer.")
    left = [mark for mark in MARKS if mark in f"{question}\n{answer}"]
    if left:
        raise InvalidInput(
            f"Something was taken out of this answer where {', '.join(left)} stands.",
            hint="Accept it with the words that belong there.",
        )
    source = await knowledge.add_curated(session, blobs, caller, NewCuratedAnswer(question=question, answer=answer))
    row.content = {**row.content, "question": question, "answer": answer}
    return source.id


async def _set_tone(session: AsyncSession, caller: Principal, row: Proposal) -> None:
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


def _shown(row: Proposal, titles: Mapping[UUID, str]) -> WireProposal:
    fields = {name: getattr(row, name) for name in WireProposal.model_fields if hasattr(row, name)}
    title = titles.get(row.answered_by) if row.answered_by is not None else None
    answered = SourceName(source_id=row.answered_by, title=title) if row.answered_by and title else None
    return WireProposal.model_validate(fields | {row.kind: row.content, "answered_by": answered})
