"""A month's money: counted with each call, 80 % of the limit warns, and at the limit no model is asked and nothing goes out by itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.aal.catalog import catalog
from core.contracts.events import Event, EventType
from core.contracts.ids import new_id
from core.contracts.policies import AiBudgetPolicy, DataUsePolicy
from core.contracts.reasoning import AiCall
from core.contracts.states import ChatMode
from core.contracts.usage import BudgetState
from core.db.session import after_commit
from domain.audit.service import record_machine
from domain.channels.models import Channel
from domain.chats.models import Chat
from domain.policies import service as policies
from domain.usage.models import AiSpending

HOUSE, OWN = "house", "own"
WARN_SHARE = 0.8
_AUTO = (ChatMode.AUTO, ChatMode.AUTO_AFTER_HOURS)


@dataclass(frozen=True, slots=True)
class AiRules:
    """What a run of this tenant may use."""

    data_use: DataUsePolicy
    spent: bool


def this_month() -> date:
    """Return the first day of the month, in UTC."""
    return datetime.now(UTC).date().replace(day=1)


async def ai_rules(session: AsyncSession) -> AiRules:
    """Return what the tenant's policies and what is left of the month's limit allow."""
    data_use = (await policies.read(session, DataUsePolicy)).value
    limit = (await policies.read(session, AiBudgetPolicy)).value.monthly_micro
    return AiRules(data_use, state_of(await spent_micro(session, HOUSE), limit) is BudgetState.SPENT)


async def spent_micro(session: AsyncSession, paid_by: str) -> int:
    """Return what this month's calls cost that one key paid."""
    query = select(AiSpending.cost_micro).where(AiSpending.month == this_month(), AiSpending.paid_by == paid_by)
    return await session.scalar(query) or 0


def state_of(spent: int, limit: int) -> BudgetState:
    """Return how much of a limit is used."""
    if spent >= limit:
        return BudgetState.SPENT
    return BudgetState.WARNED if spent >= WARN_SHARE * limit else BudgetState.OK


async def count(session: AsyncSession, tenant_id: UUID, calls: Sequence[AiCall]) -> None:
    """Add calls to the month's counts, and tell of a limit that they reach: once for each limit."""
    for paid_by in (HOUSE, OWN):
        cost = sum(_counts_as(call) for call in calls if call.paid_by == paid_by)
        if cost:
            spending = await _add(session, tenant_id, paid_by, cost)
            await _judge(session, spending)


def _counts_as(call: AiCall) -> int:
    if call.price_version is not None or call.cost_micro:
        return call.cost_micro
    return catalog().cautious_micro(call.tokens_in, call.tokens_out)


async def _add(session: AsyncSession, tenant_id: UUID, paid_by: str, cost: int) -> AiSpending:
    row = insert(AiSpending).values(
        tenant_id=tenant_id, id=new_id(), month=this_month(), paid_by=paid_by, cost_micro=cost
    )
    added = row.on_conflict_do_update(
        index_elements=[AiSpending.tenant_id, AiSpending.month, AiSpending.paid_by],
        set_={"cost_micro": AiSpending.cost_micro + cost},
    ).returning(AiSpending)
    found = await session.scalars(added, execution_options={"populate_existing": True})
    return found.one()


async def _judge(session: AsyncSession, spending: AiSpending) -> None:
    """Tell of the limit where it is reached; its row is locked by now, so of two that reach it one tells."""
    limit = (await policies.read(session, AiBudgetPolicy)).value.monthly_micro
    state = state_of(spending.cost_micro, limit)
    if state is BudgetState.OK:
        return
    if spending.warned_of_micro != limit:
        spending.warned_of_micro = limit
        _tell(session, spending, "ai_budget.warned", limit)
    if state is BudgetState.SPENT and spending.ended_at_micro != limit:
        spending.ended_at_micro = limit
        _tell(session, spending, "ai_budget.spent", limit)
        if spending.paid_by == HOUSE:
            await _nothing_by_itself(session, spending.tenant_id)


def _tell(session: AsyncSession, spending: AiSpending, action: str, limit: int) -> None:
    fields = {"paid_by": spending.paid_by, "cost_micro": spending.cost_micro, "limit_micro": limit}
    record_machine(session, spending.tenant_id, action, "ai_spending", spending.id, fields)
    after_commit(session, Event(type=EventType.USAGE_UPDATED, tenant_id=spending.tenant_id, ids={}))


async def _nothing_by_itself(session: AsyncSession, tenant_id: UUID) -> None:
    """Switch the auto modes of the business off; a person switches them on again."""
    for table, instead in ((Channel, ChatMode.DRAFT), (Chat, None)):
        found = await session.scalars(
            update(table).where(table.mode.in_(_AUTO)).values(mode=instead).returning(table.id)
        )
        for row_id in found:
            record_machine(
                session, tenant_id, "mode.ended", table.__tablename__.removesuffix("s"), row_id, {"why": "ai_budget"}
            )
