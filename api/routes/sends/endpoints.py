"""Sends: what is on its way, and what people may do about it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from api.deps import ChatsRead, Db, DraftsDecide, Res
from api.refusals import problems
from core.contracts.base import Page
from core.contracts.drafts import RetrySend, Send, SettleSend
from core.contracts.states import SendStatus
from domain.sends import people as sends
from domain.sends import pictures

router = APIRouter(prefix="/sends", tags=["sends"])
_REFUSALS = problems(401, 403, 404, 409, 422, 429, 503)


@router.get("", summary="List sends", responses=problems(401, 403, 422, 429, 503))
async def list_sends(
    _caller: ChatsRead,
    db: Db,
    res: Res,
    status: Annotated[SendStatus | None, Query(description="only sends in this status")] = None,
    chat_id: Annotated[UUID | None, Query(description="only sends of this chat")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Page[Send]:
    """Return the newest sends, newest first. What is not on its way yet says why in `wait_code`."""
    return Page(items=await sends.list_sends(db, status, chat_id, limit, res["settings"].desk))


@router.get(
    "/{send_id}/screenshot",
    summary="See the chat where a send stopped",
    response_class=StreamingResponse,
    responses={
        **problems(401, 403, 404, 422, 429, 503),
        200: {
            "description": "the picture",
            "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
        },
    },
)
async def screenshot(caller: ChatsRead, res: Res, send_id: UUID) -> StreamingResponse:
    """Return the picture that the bridge took of the conversation; it shows that chat and no other, and is kept some days."""
    async with res["db"].unit_of_work(caller.tenant_id) as session:
        key = await pictures.picture_key(session, send_id)
    await res["blobs"].size(caller.tenant_id, key)
    headers = {
        "Content-Disposition": "inline",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }
    return StreamingResponse(res["blobs"].get(caller.tenant_id, key), media_type="image/png", headers=headers)


@router.post("/{send_id}/settle", summary="Say what became of an unknown send", responses=_REFUSALS)
async def settle(caller: DraftsDecide, db: Db, send_id: UUID, body: SettleSend) -> Send:
    """A person has looked at the phone: the message is there (`sent`), or is given up (`abandoned`)."""
    return await sends.settle(db, caller, send_id, body)


@router.post("/{send_id}/cancel", summary="Cancel a send", responses=_REFUSALS)
async def cancel(caller: DraftsDecide, db: Db, send_id: UUID) -> Send:
    """Stop a send that is not armed yet, and the parts behind it."""
    return await sends.cancel(db, caller, send_id)


@router.post("/{send_id}/retry", summary="Send again", responses=_REFUSALS)
async def retry(caller: DraftsDecide, db: Db, res: Res, send_id: UUID, body: RetrySend) -> Send:
    """Queue the same text again as a new send, where it cannot arrive twice. 409 with the new messages if the chat went on."""
    return await sends.retry(db, caller, send_id, body, res["settings"].desk)
