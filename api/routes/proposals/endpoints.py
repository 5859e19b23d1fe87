"""Proposals: what past chats and the answers of staff teach, for an admin to decide on in one place."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from api.deps import Db, KnowledgeWrite, Res
from api.refusals import problems
from core.contracts.base import Page
from core.contracts.proposals import AcceptProposal, Proposal, ProposalKind, ProposalOrigin, ProposalState
from domain.proposals import service as proposals

router = APIRouter(prefix="/proposals", tags=["proposals"])
_DECIDED = problems(401, 403, 404, 409, 422, 429, 503)


@router.get("", summary="List proposals", responses=problems(401, 403, 422, 429, 503))
async def list_proposals(
    _caller: KnowledgeWrite,
    db: Db,
    kind: Annotated[ProposalKind | None, Query(description="only of this kind")] = None,
    state: Annotated[ProposalState | None, Query(description="only in this state")] = ProposalState.PROPOSED,
    origin: Annotated[ProposalOrigin | None, Query(description="only what was learnt so")] = None,
    cursor: Annotated[str | None, Query(max_length=200, description="`next_cursor` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> Page[Proposal]:
    """Return a page of proposals, the most seen first; those that wait for a decision unless another state is named."""
    return await proposals.list_proposals(db, kind, state, origin, cursor, limit)


@router.post("/{proposal_id}/accept", summary="Accept a proposal", responses=_DECIDED)
async def accept_proposal(
    caller: KnowledgeWrite, db: Db, res: Res, proposal_id: UUID, body: AcceptProposal
) -> Proposal:
    """Let an answer become a curated answer, a tone the tone of the business, a case one of the evals.

    A question that nobody has answered yet is accepted with its answer.
    """
    return await proposals.accept(db, res["blobs"], caller, proposal_id, body)


@router.post("/{proposal_id}/dismiss", summary="Dismiss a proposal", responses=_DECIDED)
async def dismiss_proposal(caller: KnowledgeWrite, db: Db, proposal_id: UUID) -> Proposal:
    """Dismiss a proposal for good. Where staff answer the same question in another way later, that is proposed."""
    return await proposals.dismiss(db, caller, proposal_id)
