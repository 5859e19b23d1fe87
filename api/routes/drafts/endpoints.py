"""Drafts and the decisions on them. A decision names the version and the text it was made on; a stale one gets 409 with the draft."""

from uuid import UUID

from fastapi import APIRouter

from api.deps import ChatsRead, Db, DraftsDecide, Res
from api.refusals import problems
from core.contracts.drafts import Approve, Decided, Draft, Edit, Reject, Rewrite
from domain.drafts import service as drafts

router = APIRouter(prefix="/drafts", tags=["drafts"])
_REFUSALS = problems(401, 403, 404, 409, 422, 429, 503)


@router.get("/{draft_id}", summary="Read a draft", responses=problems(401, 403, 404, 422, 429, 503))
async def get_draft(_caller: ChatsRead, db: Db, draft_id: UUID) -> Draft:
    """Return one draft with its claims, its check and its sources."""
    return await drafts.get_draft(db, draft_id)


@router.post("/{draft_id}/approve", summary="Approve and send", responses=_REFUSALS)
async def approve(caller: DraftsDecide, db: Db, res: Res, draft_id: UUID, body: Approve) -> Decided:
    """Send exactly this text. Where the check marked something, `confirm` says that a person has read it."""
    return await drafts.approve(db, caller, draft_id, body, res["settings"].desk)


@router.post("/{draft_id}/edit", summary="Edit and send", responses=_REFUSALS)
async def edit(caller: DraftsDecide, db: Db, draft_id: UUID, body: Edit) -> Decided:
    """Put a person's own text in the place of the draft; it is checked, then sent if it passes and `send` is set."""
    return await drafts.edit(db, caller, draft_id, body)


@router.post("/{draft_id}/reject", summary="Reject", responses=_REFUSALS)
async def reject(caller: DraftsDecide, db: Db, draft_id: UUID, body: Reject) -> Decided:
    """Put the draft aside; nothing is sent."""
    return await drafts.reject(db, caller, draft_id, body)


@router.post("/{draft_id}/rewrite", summary="Ask for another draft", responses=_REFUSALS)
async def rewrite(caller: DraftsDecide, db: Db, res: Res, draft_id: UUID, body: Rewrite) -> Decided:
    """Begin a new run with this draft as its parent; this one stays until the new one is there."""
    return await drafts.rewrite(db, caller, draft_id, body, res["settings"].desk)
