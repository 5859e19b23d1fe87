"""Who holds a channel: two bridges on two real connections, by the database's clock."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from core.contracts.bridge import PROTOCOL, Lease, LeaseRequest, ReadingScope, SendOutcome
from core.contracts.channels import Channel
from core.contracts.ids import TenantId, new_id
from core.contracts.principal import Principal
from core.contracts.states import ChannelState, ReadingChoice, Role
from core.db.session import Database
from core.errors import Conflict, InvalidInput
from core.settings import DeskSettings
from domain.audit.models import AuditEntry
from domain.channels import service as channels
from domain.channels.models import Channel as ChannelRow
from tests.domain.desk import Desk

DESK = DeskSettings()


def ask(installation: UUID, epoch: int | None = None, protocol: int = PROTOCOL) -> LeaseRequest:
    return LeaseRequest(
        installation_id=installation, epoch=epoch, state=ChannelState.LINKED, app_version="1.0", protocol=protocol
    )


async def lease(db: Database, bridge: Principal, body: LeaseRequest) -> Lease:
    async with db.unit_of_work(bridge.tenant_id) as session:
        return await channels.lease(session, bridge, body, DESK)


async def shift(db: Database, bridge: Principal, seconds: int) -> None:
    async with db.unit_of_work(bridge.tenant_id) as session:
        until = func.clock_timestamp() + timedelta(seconds=seconds)
        await session.execute(update(ChannelRow).values(lease_until=until))


async def test_one_holder_at_a_time(db: Database, bridge: Principal, other_bridge: Principal) -> None:
    mine, theirs = new_id(), new_id()
    first = await lease(db, bridge, ask(mine))
    with pytest.raises(Conflict) as caught:
        await lease(db, other_bridge, ask(theirs))
    assert caught.value.reason_code == "channel_held"
    assert caught.value.retry_after is not None
    assert 0 < caught.value.retry_after <= DESK.channel_lease_seconds
    assert (await lease(db, bridge, ask(mine, first.epoch))).epoch == first.epoch


async def test_a_lapsed_lease_passes_on_with_a_higher_epoch_and_the_old_epoch_is_refused(
    db: Database, bridge: Principal, other_bridge: Principal
) -> None:
    mine, theirs = new_id(), new_id()
    first = await lease(db, bridge, ask(mine))
    await shift(db, bridge, -1)
    second = await lease(db, other_bridge, ask(theirs))
    assert second.epoch == first.epoch + 1
    with pytest.raises(Conflict):
        await lease(db, bridge, ask(mine, first.epoch))


async def test_a_holder_that_slept_keeps_its_epoch_if_nobody_came_between(db: Database, bridge: Principal) -> None:
    mine = new_id()
    first = await lease(db, bridge, ask(mine))
    await shift(db, bridge, -1000)
    assert (await lease(db, bridge, ask(mine, first.epoch))).epoch == first.epoch


async def test_an_armed_send_keeps_the_channel_from_others_until_it_is_settled(db: Database, tenant: UUID) -> None:
    desk = await Desk(db, tenant).open()
    chat_id = await desk.customer_writes("What does tea cost?")
    await desk.approve(await desk.draft_for(chat_id, "Tea costs 4 EUR."))
    order = await desk.next()
    assert order is not None
    await desk.arm(order)
    await shift(db, desk.bridge, -1)
    other = Principal(TenantId(tenant), new_id(), Role.DEVICE, channel_id=desk.channel_id)
    for who in (other, desk.bridge):  # another device; another installation of the same one
        with pytest.raises(Conflict) as caught:
            await lease(db, who, ask(new_id()))
        assert caught.value.retry_after is not None
        assert caught.value.retry_after > DESK.armed_guard_seconds - 10
    assert (await lease(db, desk.bridge, ask(desk.installation))).epoch == desk.epoch + 1
    await shift(db, desk.bridge, -1)
    await desk.report(order, SendOutcome.SENT)
    assert (await lease(db, other, ask(new_id()))).epoch == desk.epoch + 2


async def test_a_second_process_of_the_same_installation_fences_the_first(db: Database, bridge: Principal) -> None:
    mine = new_id()
    first = await lease(db, bridge, ask(mine))
    second = await lease(db, bridge, ask(mine))
    assert second.epoch == first.epoch + 1
    third = await lease(db, bridge, ask(mine, first.epoch))
    assert third.epoch == second.epoch + 1


async def test_of_many_who_ask_at_once_exactly_one_gets_it(
    db: Database, bridge: Principal, other_bridge: Principal
) -> None:
    asked = (lease(db, bridge, ask(new_id())), lease(db, other_bridge, ask(new_id())), lease(db, bridge, ask(new_id())))
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert sorted(type(answer).__name__ for answer in answers) == ["Conflict", "Conflict", "Lease"]


@pytest.mark.parametrize("order", ["taker first", "renewer first"])
async def test_renewal_and_takeover_of_a_lapsed_lease_interleave_to_one_holder(
    db: Database, bridge: Principal, other_bridge: Principal, order: str
) -> None:
    mine, theirs = new_id(), new_id()
    first = await lease(db, bridge, ask(mine))
    await shift(db, bridge, -1)
    parties = [(other_bridge, ask(theirs)), (bridge, ask(mine, first.epoch))]
    if order == "renewer first":
        parties.reverse()
    (lead, lead_body), (follow, follow_body) = parties
    async with db.unit_of_work(bridge.tenant_id) as session:
        won = await channels.lease(session, lead, lead_body, DESK)
        waiting = asyncio.create_task(lease(db, follow, follow_body))
        done, _ = await asyncio.wait({waiting}, timeout=0.2)
        assert not done, "the second one must wait for the first one's commit"
    with pytest.raises(Conflict):
        await waiting
    assert won.epoch == first.epoch + (1 if order == "taker first" else 0)


async def test_an_unknown_protocol_is_refused(db: Database, bridge: Principal) -> None:
    with pytest.raises(InvalidInput) as caught:
        await lease(db, bridge, ask(new_id(), protocol=PROTOCOL + 1))
    assert caught.value.reason_code == "protocol_unsupported"


async def test_the_server_learns_how_chats_are_chosen_and_no_name(
    db: Database, bridge: Principal, channel: Channel
) -> None:
    async def shown() -> tuple[ReadingChoice, int, int]:
        async with db.unit_of_work(bridge.tenant_id) as session:
            one = next(item for item in (await channels.list_channels(session)).items if item.id == channel.id)
            return one.choice, one.choice_named, one.choice_unclear

    assert await shown() == (ReadingChoice.NEW_WRITERS, 0, 0)
    first = await lease(db, bridge, ask(installation := new_id()))
    reading = ReadingScope(choice=ReadingChoice.ONLY, named=3, unclear=1)
    for _ in range(2):
        await lease(db, bridge, ask(installation, first.epoch).model_copy(update={"reading": reading}))
    assert await shown() == (ReadingChoice.ONLY, 3, 1)
    async with db.unit_of_work(bridge.tenant_id) as session:
        rows = (await session.scalars(select(AuditEntry).where(AuditEntry.action == "channel.choice_changed"))).all()
    assert [row.fields for row in rows] == [{"choice": "only", "named": 3}]


async def test_a_silent_channel_is_shown_as_offline(db: Database, bridge: Principal, channel: Channel) -> None:
    async def shown() -> Channel:
        async with db.unit_of_work(bridge.tenant_id) as session:
            return next(item for item in (await channels.list_channels(session)).items if item.id == channel.id)

    assert (await shown()).state is ChannelState.OFFLINE
    await lease(db, bridge, ask(new_id()))
    live = await shown()
    assert (live.state, live.holder_device_id) == (ChannelState.LINKED, bridge.subject_id)
    await shift(db, bridge, -1)
    assert (await shown()).state is ChannelState.OFFLINE
