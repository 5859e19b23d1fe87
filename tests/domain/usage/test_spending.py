"""A month's money: what is counted, when it warns, what happens at the limit, that each is told once, and what drafts cost."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from core.contracts.events import Event, EventType
from core.contracts.ids import TenantId, new_id
from core.contracts.policies import AiBudgetPolicy
from core.contracts.principal import Principal
from core.contracts.reasoning import AiCall
from core.contracts.states import ChatMode, DraftStatus, Role
from core.contracts.usage import BudgetState
from core.db.session import Database, Effects
from core.settings import DeskSettings
from domain.audit.models import AuditEntry
from domain.channels.models import Channel
from domain.chats.models import Chat
from domain.drafts.models import Draft
from domain.policies import service as policies
from domain.sends.models import Send
from domain.usage import service as usage
from domain.usage.spending import ai_rules
from tests.graph.desk import Desk


def call(micro: int, *, price: str | None = "now", tokens: int = 0, paid_by: str = "house") -> AiCall:
    return AiCall(
        id=new_id(), purpose="draft", provider="groq", model="m", cost_micro=micro, price_version=price, tokens_in=tokens, paid_by=paid_by,
    )  # fmt: skip


async def record(db: Database, tenant: UUID, *calls: AiCall, run_id: UUID | None = None) -> None:
    async with db.unit_of_work(tenant) as session:
        await usage.record_calls(session, tenant, run_id, None, calls)


async def set_limit(db: Database, tenant: UUID, micro: int, version: int = 0) -> None:
    owner = Principal(TenantId(tenant), new_id(), Role.OWNER)
    async with db.unit_of_work(tenant) as session:
        await policies.write(session, owner, AiBudgetPolicy(monthly_micro=micro), version)


async def acts(db: Database, tenant: UUID) -> list[str]:
    async with db.unit_of_work(tenant) as session:
        found = await session.scalars(select(AuditEntry.action).where(AuditEntry.action != "policy.changed"))
        return list(found)


async def modes(db: Database, desk: Desk) -> tuple[str, str | None]:
    async with db.unit_of_work(desk.tenant) as session:
        channel, chat = (
            await session.get_one(Channel, (desk.tenant, desk.channel_id)),
            await session.get_one(Chat, (desk.tenant, desk.chat_id)),
        )
        return channel.mode, chat.mode


async def test_at_four_fifths_it_warns_and_at_the_limit_nothing_goes_out_by_itself(
    db: Database, tenant: UUID, effects: Effects
) -> None:
    desk = await Desk.open(db, tenant, DeskSettings())
    await desk.change_chat(mode=ChatMode.AUTO)
    async with db.unit_of_work(tenant) as session:
        (await session.get_one(Channel, (tenant, desk.channel_id))).mode = ChatMode.AUTO_AFTER_HOURS
    await set_limit(db, tenant, 1000)
    await record(db, tenant, call(799))
    assert await acts(db, tenant) == []
    await record(db, tenant, call(1))
    await record(db, tenant, call(1))
    assert await acts(db, tenant) == ["ai_budget.warned"]
    async with db.unit_of_work(tenant) as session:
        assert (await usage.budget(session)).state is BudgetState.WARNED
        assert not (await ai_rules(session)).spent
    assert await modes(db, desk) == (ChatMode.AUTO_AFTER_HOURS, ChatMode.AUTO)
    await record(db, tenant, call(199))
    await record(db, tenant, call(50))
    assert sorted(await acts(db, tenant)) == ["ai_budget.spent", "ai_budget.warned", "mode.ended", "mode.ended"]
    assert await modes(db, desk) == (ChatMode.DRAFT, None)
    async with db.unit_of_work(tenant) as session:
        assert (await ai_rules(session)).spent
    told = [e for e in effects.seen if isinstance(e, Event) and e.type is EventType.USAGE_UPDATED]
    assert len(told) == 2


async def test_of_many_that_reach_it_at_once_one_tells(db: Database, tenant: UUID) -> None:
    await set_limit(db, tenant, 1000)
    await asyncio.gather(*(record(db, tenant, call(300)) for _ in range(8)))
    assert sorted(await acts(db, tenant)) == ["ai_budget.spent", "ai_budget.warned"]
    async with db.unit_of_work(tenant) as session:
        assert (await usage.budget(session)).house_micro == 2400


async def test_a_higher_limit_lets_ask_again_and_tells_again(db: Database, tenant: UUID) -> None:
    await set_limit(db, tenant, 100)
    await record(db, tenant, call(100))
    await set_limit(db, tenant, 1000, version=1)
    async with db.unit_of_work(tenant) as session:
        assert not (await ai_rules(session)).spent
    await record(db, tenant, call(900))
    assert (await acts(db, tenant)).count("ai_budget.spent") == 2


async def test_a_repeated_row_counts_once_and_each_key_has_its_own_limit(
    db: Database, tenant: UUID, other_tenant: UUID
) -> None:
    once, own = call(100), call(70, paid_by="own")
    await record(db, tenant, once, own)
    await record(db, tenant, once)
    await record(db, other_tenant, call(5))
    async with db.unit_of_work(tenant) as session:
        found = await usage.budget(session)
    assert (found.house_micro, found.own_micro, found.limit_micro) == (100, 70, 20_000_000)


async def test_a_model_without_a_known_price_counts_cautiously(db: Database, tenant: UUID) -> None:
    await record(db, tenant, call(0, price=None, tokens=2_000_000))
    async with db.unit_of_work(tenant) as session:
        assert (await usage.budget(session)).house_micro == 2_000_000
        assert (await usage.costs(session)).cost_micro == 0


@pytest.mark.parametrize("status", [DraftStatus.SUPERSEDED, DraftStatus.REJECTED, DraftStatus.EXPIRED])
async def test_costs_of_drafts_and_of_sent_replies_and_what_was_wasted(
    db: Database, tenant: UUID, admin: AsyncEngine, status: DraftStatus
) -> None:
    desk = await Desk.open(db, tenant, DeskSettings())
    made = {name: new_id() for name in ("sent", "edited", "retired", "waiting", "failed")}
    drafts = {name: new_id() for name in made}
    async with db.unit_of_work(tenant) as session:
        for name, run_id in made.items():
            if name != "failed":
                state = {
                    "sent": DraftStatus.APPROVED,
                    "edited": DraftStatus.SUPERSEDED,
                    "waiting": DraftStatus.PENDING,
                }.get(name, status)
                session.add(_draft(desk, drafts[name], run_id, state))
        edit = new_id()
        session.add(_draft(desk, edit, None, DraftStatus.APPROVED, parent_id=drafts["edited"]))
        await session.flush()
        for draft_id in (drafts["sent"], edit):
            session.add(_send(desk, draft_id))
    for run_id in made.values():
        await record(db, tenant, call(60), call(40), run_id=run_id)
    await record(db, tenant, call(500))
    async with admin.connect() as connection:
        assert (
            await connection.execute(text("select count(*) from ai_interactions where tenant_id = :t"), {"t": tenant})
        ).scalar() == 11
    async with db.unit_of_work(tenant) as session:
        found = await usage.costs(session)
    assert (found.calls, found.cost_micro, found.drafts, found.sent_replies) == (11, 1000, 4, 2)
    assert (found.cost_per_draft_micro, found.cost_per_sent_reply_micro, found.wasted_share) == (125, 250, 0.4)


def _draft(desk: Desk, draft_id: UUID, run_id: UUID | None, state: DraftStatus, parent_id: UUID | None = None) -> Draft:
    return Draft(
        tenant_id=desk.tenant, id=draft_id, chat_id=desk.chat_id, chat_version=1, run_id=run_id, parent_id=parent_id, origin="machine",
        status=state, parts=["Yes."], text_sha256="0" * 64,
    )  # fmt: skip


def _send(desk: Desk, draft_id: UUID) -> Send:
    return Send(
        tenant_id=desk.tenant, id=new_id(), chat_id=desk.chat_id, channel_id=desk.channel_id, draft_id=draft_id, part=0, text="Yes.",
        text_sha256="0" * 64, status="delivered", parts_total=1, chat_version=1, queued_at=func.now(),
    )  # fmt: skip
