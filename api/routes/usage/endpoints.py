"""Usage: what the AI layer did, what it cost and may cost, and who reads customers' words by it."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from api.deps import Db, Res, UsageRead, UsageWrite
from api.refusals import problems
from api.resources import Resources
from core.contracts.base import Page
from core.contracts.principal import Principal
from core.contracts.usage import AiBudget, AiCallRecord, AiCosts, AiDataUse, SetAiBudget, SetAiDataUse
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


@router.get("/costs", summary="Read what drafts cost", responses=problems(401, 403, 422, 429, 503))
async def read_costs(
    _caller: UsageRead,
    db: Db,
    month: Annotated[date | None, Query(description="any day of it; this month otherwise")] = None,
) -> AiCosts:
    """Return a month's cost of a draft and of a sent reply, and the share that went into drafts nobody sent."""
    return await usage.costs(db, month)


@router.get("/budget", summary="Read the AI budget", responses=problems(401, 403, 429, 503))
async def read_budget(_caller: UsageRead, db: Db) -> AiBudget:
    """Return what AI calls cost this month beside the limit; at the limit drafts are made without a model."""
    return await usage.budget(db)


@router.put("/budget", summary="Set the AI budget", responses=problems(401, 403, 409, 422, 429, 503))
async def set_budget(caller: UsageWrite, db: Db, body: SetAiBudget) -> AiBudget:
    """Set the limit of each month, over the version that was seen. Auto modes that the old one ended stay off."""
    return await usage.set_budget(db, caller, body)


@router.get("/providers", summary="See who reads customers' words", responses=problems(401, 403, 429, 503))
async def read_providers(caller: UsageRead, res: Res) -> AiDataUse:
    """Return the AI providers in the order they are asked, what is known of each, and whom the business's rules keep out.

    A worker answers this; where none does, the answer is 503.
    """
    return await _providers(res, caller)


@router.put("/providers", summary="Say who may read customers' words", responses=problems(401, 403, 409, 422, 429, 503))
async def set_providers(caller: UsageWrite, res: Res, body: SetAiDataUse) -> AiDataUse:
    """Set the rules over the version that was seen; they hold from the next draft on."""
    async with res["db"].unit_of_work(caller.tenant_id) as session:
        await usage.set_data_use(session, caller, body)
    return await _providers(res, caller)


async def _providers(res: Resources, caller: Principal) -> AiDataUse:
    asked = {"tenant_id": str(caller.tenant_id)}
    return AiDataUse.model_validate(await res["asker"].ask(usage.PROVIDERS_QUESTION, asked))
