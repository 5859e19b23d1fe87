"""Usage: what the AI layer did and what it cost."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from api.deps import Db, UsageRead
from api.refusals import problems
from core.contracts.base import Page
from core.contracts.usage import AiCallRecord
from domain.usage import service as usage

router = APIRouter(prefix="/usage", tags=["usage"])


@router.get("/ai-calls", summary="List AI calls", responses=problems(401, 403, 422, 429, 503))
async def list_ai_calls(
    _caller: UsageRead,
    db: Db,
    chat_id: Annotated[UUID | None, Query(description="only calls made for this chat")] = None,
    cursor: Annotated[str | None, Query(max_length=200, description="`next_cursor` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Page[AiCallRecord]:
    """Return the newest calls, newest first: who answered, how long it took, what it cost in millionths of the currency."""
    return await usage.list_calls(db, cursor, chat_id, limit)
