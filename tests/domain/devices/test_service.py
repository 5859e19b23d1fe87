"""Pairing and revoking bridges."""

import asyncio

import pytest
from sqlalchemy import text

from core.contracts.bridge import LeaseRequest
from core.contracts.channels import Channel, NewPairing, PairDevice, PairedDevice
from core.contracts.events import Event, EventType
from core.contracts.ids import new_id
from core.contracts.principal import Principal
from core.contracts.states import ChannelState, Role
from core.db.session import Database, DeviceHint, Effects
from core.errors import Gone, NotAuthenticated, NotFound
from core.settings import DeskSettings
from domain.channels import service as channels
from domain.devices import service as devices
from domain.directory.service import Directory


async def new_code(db: Database, directory: Directory, owner: Principal, channel: Channel) -> str:
    async with db.unit_of_work(owner.tenant_id) as session:
        return (await devices.create_pairing(session, directory, owner, NewPairing(channel_id=channel.id))).code


def with_code(code: str) -> PairDevice:
    return PairDevice(code=code, name="Computer", app_version="1.0", protocol=1)


async def test_a_code_pairs_once_however_it_is_typed(
    db: Database, directory: Directory, owner: Principal, channel: Channel
) -> None:
    code = await new_code(db, directory, owner, channel)
    typed = with_code(f" {code.lower().replace('-', ' ')} ")
    answers = await asyncio.gather(*(devices.pair(db, directory, typed) for _ in range(4)), return_exceptions=True)
    paired = [answer for answer in answers if isinstance(answer, PairedDevice)]
    assert len(paired) == 1
    assert all(isinstance(answer, Gone) for answer in answers if answer is not paired[0])
    who = await devices.authenticate(db, paired[0].token)
    assert (who.tenant_id, who.channel_id, who.role) == (owner.tenant_id, channel.id, Role.DEVICE)


async def test_an_old_code_is_over(db: Database, directory: Directory, owner: Principal, channel: Channel) -> None:
    code = await new_code(db, directory, owner, channel)
    async with db.unit_of_work(owner.tenant_id) as session:
        await session.execute(text("update pairings set expires_at = now() - interval '1 second'"))
    with pytest.raises(Gone):
        await devices.pair(db, directory, with_code(code))


async def test_neither_code_nor_token_is_stored_readably(
    db: Database, directory: Directory, owner: Principal, channel: Channel
) -> None:
    code = await new_code(db, directory, owner, channel)
    paired = await devices.pair(db, directory, with_code(code))
    async with db.unit_of_work(owner.tenant_id) as session:
        rows = (await session.execute(text("select p::text, d::text from pairings p, devices d"))).all()
    stored = str(rows)
    assert paired.token not in stored
    assert devices.normal_code(code) not in stored


async def test_a_revoked_device_is_refused_at_once_and_its_channel_is_free(
    db: Database, owner: Principal, bridge: Principal, other_bridge: Principal, effects: Effects
) -> None:
    body = LeaseRequest(installation_id=new_id(), state=ChannelState.LINKED, app_version="1.0")
    async with db.unit_of_work(owner.tenant_id) as session:
        await channels.lease(session, bridge, body, DeskSettings())
    async with db.unit_of_work(owner.tenant_id) as session:
        await devices.revoke(session, owner, bridge.subject_id)
    async with db.unit_of_work(owner.tenant_id) as session:
        assert (await channels.lease(session, other_bridge, body, DeskSettings())).epoch == 2
        revoked = next(item for item in (await devices.list_devices(session)).items if item.id == bridge.subject_id)
    assert revoked.revoked_at is not None
    effects_of_revoking = [effect for effect in effects.seen if isinstance(effect, DeviceHint)]
    assert [(hint.device_id, hint.hint.type) for hint in effects_of_revoking] == [(bridge.subject_id, "device.revoked")]
    told = [e for e in effects.seen if isinstance(e, Event) and e.type is EventType.DEVICE_UPDATED]
    assert [event.ids["device_id"] for event in told] == [
        bridge.subject_id,
        other_bridge.subject_id,
        bridge.subject_id,
    ]


async def test_a_token_of_a_revoked_device(
    db: Database, directory: Directory, owner: Principal, channel: Channel
) -> None:
    paired = await devices.pair(db, directory, with_code(await new_code(db, directory, owner, channel)))
    async with db.unit_of_work(owner.tenant_id) as session:
        await devices.revoke(session, owner, paired.device_id)
        await devices.revoke(session, owner, paired.device_id)
    with pytest.raises(NotAuthenticated):
        await devices.authenticate(db, paired.token)


async def test_what_is_not_there_is_not_found(db: Database, directory: Directory, owner: Principal) -> None:
    async with db.unit_of_work(owner.tenant_id) as session:
        with pytest.raises(NotFound):
            await devices.create_pairing(session, directory, owner, NewPairing(channel_id=new_id()))
        with pytest.raises(NotFound):
            await devices.revoke(session, owner, new_id())
