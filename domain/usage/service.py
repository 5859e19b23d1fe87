"""Keeps the rows of AI calls, and shows them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.base import Page
from core.contracts.reasoning import AiCall
from core.contracts.usage import AiCallRecord
from domain.paging import before_of
from domain.usage.models import AiInteraction
from domain.usage.repository import UsageRepository


async def record_calls(
    session: AsyncSession,
    tenant_id: UUID,
    run_id: UUID | None,
    chat_id: UUID | None,
    calls: Sequence[AiCall],
    *,
    own_key: bool = False,
) -> None:
    """Add one row a call; a call that has its row already is left alone, so that a repeated report counts once."""
    if not calls:
        return
    of = {"tenant_id": tenant_id, "run_id": run_id, "chat_id": chat_id, "own_key": own_key}
    rows = [{**call.model_dump(), **of} for call in calls]
    await session.execute(insert(AiInteraction).on_conflict_do_nothing(), rows)


async def list_calls(
    session: AsyncSession, cursor: str | None = None, chat_id: UUID | None = None, limit: int = 50
) -> Page[AiCallRecord]:
    """Return a page of calls, newest first, of one chat or of all.

    Raises:
        InvalidInput: the cursor is not one of ours.
    """
    rows = await UsageRepository(session).page(before_of(cursor), chat_id, limit + 1)
    items = [AiCallRecord.model_validate(row) for row in rows[:limit]]
    return Page[AiCallRecord](items=items, next_cursor=str(items[-1].id) if len(rows) > limit else None)
