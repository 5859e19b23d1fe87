"""Keeps the rows of AI calls, and shows them."""

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.base import Page
from core.contracts.events import Event, EventType
from core.contracts.policies import AiBudgetPolicy, DataUsePolicy
from core.contracts.principal import Principal
from core.contracts.reasoning import AiCall
from core.contracts.usage import AiBudget, AiCallRecord, AiCosts, SetAiBudget, SetAiDataUse
from core.db.session import after_commit
from domain.paging import before_of
from domain.policies import service as policies
from domain.usage import spending
from domain.usage.models import AiInteraction
from domain.usage.repository import UsageRepository

PROVIDERS_QUESTION = "ai.providers"
"""Asked of a worker by the API: who reads a business's customers' words. Only workers know the chain."""


async def record_calls(
    session: AsyncSession, tenant_id: UUID, run_id: UUID | None, chat_id: UUID | None, calls: Sequence[AiCall]
) -> None:
    """Add one row a call; a call that has its row already is left alone, so that a repeated report counts once."""
    if not calls:
        return
    rows = [{**call.model_dump(), "tenant_id": tenant_id, "run_id": run_id, "chat_id": chat_id} for call in calls]
    added = insert(AiInteraction).values(rows).on_conflict_do_nothing().returning(AiInteraction.id)
    new = set((await session.scalars(added)).all())
    await spending.count(session, tenant_id, [call for call in calls if call.id in new])


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


async def budget(session: AsyncSession) -> AiBudget:
    """Return what this month cost so far beside the limit."""
    limit = await policies.read(session, AiBudgetPolicy)
    house = await spending.spent_micro(session, spending.HOUSE)
    return AiBudget(
        month=spending.this_month(),
        limit_micro=limit.value.monthly_micro,
        house_micro=house,
        own_micro=await spending.spent_micro(session, spending.OWN),
        state=spending.state_of(house, limit.value.monthly_micro),
        version=limit.version,
    )


async def set_budget(session: AsyncSession, caller: Principal, body: SetAiBudget) -> AiBudget:
    """Set the limit of each month.

    Raises:
        Conflict: somebody changed it since.
    """
    await policies.write(session, caller, AiBudgetPolicy(monthly_micro=body.monthly_micro), body.version)
    after_commit(session, Event(type=EventType.USAGE_UPDATED, tenant_id=caller.tenant_id, ids={}))
    return await budget(session)


async def set_data_use(session: AsyncSession, caller: Principal, body: SetAiDataUse) -> None:
    """Set who may read customers' words; holds from the next draft on.

    Raises:
        Conflict: somebody changed it since.
    """
    standing = (await policies.read(session, DataUsePolicy)).value
    wanted = {
        "training": body.training,
        "zero_retention": body.zero_retention,
        "providers": body.providers_chosen,
    }
    await policies.write(session, caller, standing.model_copy(update=wanted), body.version)
    after_commit(session, Event(type=EventType.USAGE_UPDATED, tenant_id=caller.tenant_id, ids={}))


async def costs(session: AsyncSession, month: date | None = None) -> AiCosts:
    """Return what the drafts of a month cost, of this one where none is named."""
    first = (month or spending.this_month()).replace(day=1)
    found = await UsageRepository(session).costs(first, (first + timedelta(days=32)).replace(day=1))
    return AiCosts(
        month=first,
        calls=found.calls,
        cost_micro=found.cost_micro,
        drafts=found.drafts,
        sent_replies=found.sent,
        cost_per_draft_micro=round(found.draft_micro / found.drafts) if found.drafts else None,
        cost_per_sent_reply_micro=round(found.draft_micro / found.sent) if found.sent else None,
        wasted_share=round(found.wasted_micro / found.draft_micro, 4) if found.draft_micro else None,
    )
