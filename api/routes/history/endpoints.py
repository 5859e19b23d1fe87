"""Past chats: exports of WhatsApp in, proposals out, for an admin to decide on. Nothing of them is ever answered."""

import hashlib
from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, File, Form, Query, UploadFile

from api.deps import Db, KnowledgeWrite, Res
from api.refusals import problems
from core.contracts.base import Page
from core.contracts.history import (
    AcceptProposal,
    DateOrder,
    HistoryImport,
    Proposal,
    ProposalKind,
    ProposalState,
)
from core.errors import TooLarge
from domain.history import service as history

router = APIRouter(prefix="/history", tags=["history"])
_DECIDED = problems(401, 403, 404, 409, 422, 429, 503)
_CHUNK = 256 * 1024


@router.post(
    "/imports", summary="Import a past chat", status_code=201, responses=problems(401, 403, 413, 422, 429, 503)
)
async def import_chat(
    caller: KnowledgeWrite,
    res: Res,
    file: Annotated[UploadFile, File(description="what WhatsApp's `Export chat` made: .txt, or .zip with media")],
    business: Annotated[
        str, Form(max_length=200, description="name of the business in the chat; guessed if left out")
    ] = "",
    date_order: Annotated[
        DateOrder | None, Form(description="for files whose dates can be read in two ways (`date_order_unclear`)")
    ] = None,
) -> HistoryImport:
    """Read an exported chat, take out what tells who the customer is, and propose what it teaches. The chat itself is not kept.

    The code `business_unclear` asks for `business`; `current` then holds the two names.
    """
    digest = hashlib.sha256()
    limit = res["settings"].api.max_upload_mb * 1024 * 1024
    parts = _counted(file, digest, limit)
    read = await res["history"].read(parts, (file.filename or "")[:255], business.strip() or None, date_order)
    async with res["db"].unit_of_work(caller.tenant_id) as session:
        return await history.import_history(session, caller, digest.hexdigest(), read)


@router.get("/proposals", summary="List proposals", responses=problems(401, 403, 422, 429, 503))
async def list_proposals(
    _caller: KnowledgeWrite,
    db: Db,
    kind: Annotated[ProposalKind | None, Query(description="only of this kind")] = None,
    state: Annotated[ProposalState | None, Query(description="only in this state")] = ProposalState.PROPOSED,
    cursor: Annotated[str | None, Query(max_length=200, description="`next_cursor` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> Page[Proposal]:
    """Return a page of proposals, the most seen first; those that wait for a decision unless another state is named."""
    return await history.list_proposals(db, kind, state, cursor, limit)


@router.post("/proposals/{proposal_id}/accept", summary="Accept a proposal", responses=_DECIDED)
async def accept_proposal(
    caller: KnowledgeWrite, db: Db, res: Res, proposal_id: UUID, body: AcceptProposal
) -> Proposal:
    """Let an answer become a curated answer, a tone the tone of the business, a case one of the evals."""
    return await history.accept(db, res["blobs"], caller, proposal_id, body)


@router.post("/proposals/{proposal_id}/dismiss", summary="Dismiss a proposal", responses=_DECIDED)
async def dismiss_proposal(caller: KnowledgeWrite, db: Db, proposal_id: UUID) -> Proposal:
    """Dismiss a proposal for good."""
    return await history.dismiss(db, caller, proposal_id)


async def _counted(file: UploadFile, digest: "hashlib._Hash", limit: int) -> AsyncIterator[bytes]:
    size = 0
    while chunk := await file.read(_CHUNK):
        size += len(chunk)
        if size > limit:
            raise TooLarge(
                f"the file is larger than {limit // 1_000_000} MB", hint="export the chat without media and send that"
            )
        digest.update(chunk)
        yield chunk
