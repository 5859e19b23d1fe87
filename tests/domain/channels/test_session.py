"""The session beside the lease: the risk that an owner accepts, a stop that lasts until a person resumes, the breaker, what is asked."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from core.contracts.bridge import BridgeHintType, Lease, LeaseRequest
from core.contracts.channels import Channel, NewChannel
from core.contracts.ids import new_id
from core.contracts.principal import Principal
from core.contracts.sessions import AcceptRisk, Breaker, BreakerState, BridgeHealth, ChannelAsk, ChannelVerdict, Stop
from core.contracts.states import ChannelKind, ChannelState, SendStatus, SendWait
from core.db.session import Database, DeviceHint, Effects
from core.errors import Conflict, InvalidInput
from core.settings import DeskSettings
from domain.audit.models import AuditEntry
from domain.channels import acts, risk
from domain.channels import service as channels
from domain.channels.models import Channel as ChannelRow
from domain.directory.service import Directory
from domain.sends import waiting
from domain.sends.models import Send
from tests.domain.conftest import pair_device
from tests.domain.desk import Desk

DESK = DeskSettings()
NUMBER = "+351 912 345 678"
OPEN = Breaker(state=BreakerState.OPEN, failures=3, reason="3 replies in a row could not be read back")


@pytest.fixture
async def web(db: Database, owner: Principal) -> Channel:
    """A channel of WhatsApp Web whose risk nobody has accepted."""
    async with db.unit_of_work(owner.tenant_id) as session:
        return await channels.create_channel(session, owner, NewChannel(kind=ChannelKind.WHATSAPP_WEB, name="Shop"))


@pytest.fixture
async def web_bridge(db: Database, directory: Directory, owner: Principal, web: Channel) -> Principal:
    return await pair_device(db, directory, owner, web)


def health(**more: Any) -> BridgeHealth:
    now = datetime.now(UTC)
    return BridgeHealth(**{"at": now, "page_answers": True, "last_scan_at": now, **more})


class Bridge:
    """One installation that renews its lease."""

    def __init__(self, db: Database, who: Principal, installation: UUID | None = None) -> None:
        self.db, self.who, self.installation = db, who, installation or new_id()
        self.epoch: int | None = None

    async def lease(self, state: ChannelState = ChannelState.LINKED, told: BridgeHealth | None = None) -> Lease:
        body = LeaseRequest(
            installation_id=self.installation, epoch=self.epoch, state=state, app_version="1", health=told
        )
        async with self.db.unit_of_work(self.who.tenant_id) as session:
            given = await channels.lease(session, self.who, body, DESK)
        self.epoch = given.epoch
        return given


async def shown(db: Database, tenant: UUID, channel_id: UUID) -> Channel:
    async with db.unit_of_work(tenant) as session:
        return next(one for one in (await channels.list_channels(session)).items if one.id == channel_id)


async def act(db: Database, who: Principal, what: Any, channel_id: UUID, *more: Any) -> Channel:
    async with db.unit_of_work(who.tenant_id) as session:
        found: Channel = await what(session, who, channel_id, *more)
        return found


async def audited(db: Database, tenant: UUID, action: str) -> list[AuditEntry]:
    async with db.unit_of_work(tenant) as session:
        return list(await session.scalars(select(AuditEntry).where(AuditEntry.action == action)))


def accepted(**more: Any) -> AcceptRisk:
    return AcceptRisk(**{"version": risk.risk_text().version, "number": NUMBER, "accepted": True, **more})


async def test_the_risk_is_accepted_with_the_number_and_only_then_may_the_page_open(
    db: Database, owner: Principal, web: Channel, web_bridge: Principal
) -> None:
    bridge = Bridge(db, web_bridge)
    assert not (await bridge.lease(ChannelState.STARTING)).risk_accepted
    told = (await shown(db, owner.tenant_id, web.id)).health
    assert told is not None
    assert told.verdict is ChannelVerdict.NOTHING
    assert "accepted the risk" in told.says
    await act(db, owner, acts.accept_risk, web.id, accepted())
    assert (await bridge.lease(ChannelState.STARTING)).risk_accepted
    kept = await shown(db, owner.tenant_id, web.id)
    assert (kept.address, kept.risk_text_version) == ("+351912345678", risk.risk_text().version)
    (entry,) = await audited(db, owner.tenant_id, "channel.risk_accepted")
    assert entry.fields == {"text_version": risk.risk_text().version, "number_ends": "5678"}
    assert (entry.actor_id, entry.subject_id) == (owner.subject_id, web.id)


async def test_a_practice_channel_is_no_leave_to_open_whatsapp(
    db: Database, directory: Directory, owner: Principal
) -> None:
    async with db.unit_of_work(owner.tenant_id) as session:
        practice = await channels.create_channel(session, owner, NewChannel(kind=ChannelKind.SANDBOX, name="Practice"))
    bridge = Bridge(db, await pair_device(db, directory, owner, practice))
    assert not (await bridge.lease(ChannelState.STARTING)).risk_accepted


@pytest.mark.parametrize(
    ("more", "kind", "code"),
    [
        ({"accepted": False}, InvalidInput, "not_accepted"),
        ({"number": "912 345 678"}, InvalidInput, "number_invalid"),
        ({"number": "+351 111"}, InvalidInput, "number_invalid"),
        ({"version": "2020-01-01"}, Conflict, "risk_text_changed"),
    ],
)
async def test_what_is_not_an_acceptance_changes_nothing(
    db: Database, owner: Principal, web: Channel, more: dict[str, Any], kind: type[Exception], code: str
) -> None:
    with pytest.raises(kind) as refused:
        await act(db, owner, acts.accept_risk, web.id, accepted(**more))
    assert refused.value.reason_code == code  # type: ignore[attr-defined]
    assert (await shown(db, owner.tenant_id, web.id)).risk_accepted_at is None
    assert await audited(db, owner.tenant_id, "channel.risk_accepted") == []


async def test_one_number_has_one_channel_and_a_practice_channel_none(
    db: Database, owner: Principal, web: Channel, channel: Channel
) -> None:
    await act(db, owner, acts.accept_risk, web.id, accepted())
    async with db.unit_of_work(owner.tenant_id) as session:
        twin = await channels.create_channel(session, owner, NewChannel(kind=ChannelKind.WHATSAPP_WEB, name="Twin"))
    with pytest.raises(Conflict) as refused:
        await act(db, owner, acts.accept_risk, twin.id, accepted(number="+351912345678"))
    assert refused.value.reason_code == "number_taken"
    with pytest.raises(Conflict):
        await act(db, owner, acts.accept_risk, channel.id, accepted())


async def test_a_restriction_stops_the_channel_until_a_person_resumes(
    db: Database, owner: Principal, channel: Channel, bridge: Principal
) -> None:
    holder = Bridge(db, bridge)
    assert (await holder.lease()).stopped is None
    assert (await holder.lease(ChannelState.RESTRICTED)).stopped is Stop.RESTRICTED
    with pytest.raises(Conflict) as refused:
        await act(db, owner, acts.resume, channel.id)
    assert refused.value.reason_code == "still_restricted"
    assert (await holder.lease(ChannelState.LINKED, health())).stopped is Stop.RESTRICTED
    kept = await shown(db, owner.tenant_id, channel.id)
    assert kept.stopped_at is not None
    assert kept.health is not None
    assert kept.health.verdict is ChannelVerdict.READS_ONLY
    assert (await act(db, owner, acts.resume, channel.id)).stopped_reason is None
    assert (await holder.lease()).stopped is None
    assert len(await audited(db, owner.tenant_id, "channel.stopped")) == 1
    (entry,) = await audited(db, owner.tenant_id, "channel.resumed")
    assert entry.actor_id == owner.subject_id


@pytest.mark.parametrize("how", ["stopped", "breaker"])
async def test_a_channel_that_may_not_send_is_given_nothing_and_nothing_is_lost(desk: Desk, how: str) -> None:
    chat_id = await desk.customer_writes("What does tea cost?")
    await desk.approve(await desk.draft_for(chat_id, "Tea costs 4 EUR."))
    order = await desk.next()
    assert order is not None

    async def set_channel(**values: Any) -> None:
        async with desk.db.unit_of_work(desk.tenant) as session:
            row = (await session.execute(select(ChannelRow))).scalar_one()
            for name, value in values.items():
                setattr(row, name, value)

    broken = health(breaker=OPEN).model_dump(mode="json")
    await set_channel(
        state="linked", **({"stopped_reason": "restricted", "stopped_at": datetime.now(UTC)} if how == "stopped" else {"health": broken})
    )  # fmt: skip
    if how == "stopped":  # in the other case it is put back from the hands of the bridge, which asks for the next
        refused = await desk.arm(order)
        assert isinstance(refused, Conflict)
        assert refused.reason_code == "channel_stopped"
    assert await desk.next() is None
    async with desk.db.unit_of_work(desk.tenant) as session:
        send = (await session.execute(select(Send))).scalar_one()
        why = await waiting.why_waiting(session, [send], desk.settings)
    assert send.status == SendStatus.QUEUED
    assert why[send.id][0] is (SendWait.CHANNEL_STOPPED if how == "stopped" else SendWait.CHANNEL_DOWN)
    await set_channel(stopped_reason=None, stopped_at=None, health=None)
    again = await desk.next()
    assert again is not None
    assert again.send_id == order.send_id


async def test_what_is_armed_is_settled_while_the_breaker_is_open(desk: Desk) -> None:
    chat_id = await desk.customer_writes("What does tea cost?")
    await desk.approve(await desk.draft_for(chat_id, "Tea costs 4 EUR."))
    order = await desk.next()
    assert order is not None
    await desk.arm(order)
    async with desk.db.unit_of_work(desk.tenant) as session:
        row = (await session.execute(select(ChannelRow))).scalar_one()
        row.health = health(breaker=OPEN).model_dump(mode="json")
    again = await desk.next()
    assert again is not None
    assert (again.send_id, again.settle_only) == (order.send_id, True)


async def test_the_breaker_outlives_the_bridge_that_opened_it(
    db: Database, owner: Principal, channel: Channel, bridge: Principal
) -> None:
    first = Bridge(db, bridge)
    await first.lease(ChannelState.BROKEN, health(breaker=OPEN))
    told = (await shown(db, owner.tenant_id, channel.id)).health
    assert told is not None
    assert (told.verdict, OPEN.reason in told.says) == (ChannelVerdict.READS_ONLY, True)
    second = Bridge(db, bridge, first.installation)
    assert (await second.lease(ChannelState.STARTING, health())).breaker == OPEN
    assert (await second.lease(ChannelState.LINKED, health(breaker=Breaker()))).breaker == Breaker()
    kept = (await shown(db, owner.tenant_id, channel.id)).health
    assert kept is not None
    assert kept.verdict is ChannelVerdict.WORKS


async def test_what_a_person_asks_is_handed_out_once_and_soon(
    db: Database, owner: Principal, channel: Channel, bridge: Principal
) -> None:
    holder = Bridge(db, bridge)
    with pytest.raises(Conflict) as refused:
        await act(db, owner, acts.use_here, channel.id)
    assert refused.value.reason_code == "not_served"
    await holder.lease()
    with pytest.raises(Conflict) as refused:
        await act(db, owner, acts.use_here, channel.id)
    assert refused.value.reason_code == "not_taken_over"
    await holder.lease(ChannelState.TAKEN_OVER)
    heard = Effects()
    await act(Database(db.engine, heard), owner, acts.use_here, channel.id)
    assert [e.hint.type for e in heard.seen if isinstance(e, DeviceHint)] == [BridgeHintType.CHANNEL_ASKED]
    assert (await holder.lease(ChannelState.TAKEN_OVER)).asked is ChannelAsk.USE_HERE
    assert (await holder.lease(ChannelState.TAKEN_OVER)).asked is None
    await act(db, owner, acts.use_here, channel.id)
    async with db.unit_of_work(owner.tenant_id) as session:
        row = (await session.execute(select(ChannelRow))).scalar_one()
        row.asked_at = datetime.now(UTC) - channels.ASK_LIFE - timedelta(seconds=1)
    assert (await holder.lease(ChannelState.TAKEN_OVER)).asked is None
    assert len(await audited(db, owner.tenant_id, "channel.use_here_asked")) == 2


@pytest.mark.parametrize(
    ("state", "told", "verdict", "says"),
    [
        (ChannelState.LINKED, {}, ChannelVerdict.WORKS, "nothing was sent yet"),
        (ChannelState.LINKED, {"last_scan_at": None}, ChannelVerdict.NOTHING, "first look"),
        (ChannelState.LINKED, {"page_answers": False}, ChannelVerdict.NOTHING, "does not answer"),
        (ChannelState.LINKED, {"last_scan_at": -300}, ChannelVerdict.NOTHING, "not read for"),
        (ChannelState.LINKED, {"landmarks_missing": ["box"]}, ChannelVerdict.READS_ONLY, "box"),
        (ChannelState.LINKED, {"unacked_since": -1200, "last_read_back_at": -1200}, ChannelVerdict.WORKS, "no tick"),
        (ChannelState.LINKED, {"at": 400, "last_scan_at": 400}, ChannelVerdict.WORKS, "+400 s off"),
        (ChannelState.QR, {}, ChannelVerdict.NOTHING, "not linked"),
        (ChannelState.OFFLINE, {}, ChannelVerdict.NOTHING, "not connected"),
        (ChannelState.TAKEN_OVER, {}, ChannelVerdict.NOTHING, "another window"),
        (ChannelState.LOGGED_OUT, {}, ChannelVerdict.NOTHING, "logged out"),
        (ChannelState.BROKEN, {}, ChannelVerdict.NOTHING, "does not understand"),
    ],
)
async def test_the_verdict_says_in_plain_words_what_works(
    db: Database,
    owner: Principal,
    channel: Channel,
    bridge: Principal,
    state: ChannelState,
    told: dict[str, Any],
    verdict: ChannelVerdict,
    says: str,
) -> None:
    assert (await shown(db, owner.tenant_id, channel.id)).health.verdict is ChannelVerdict.NEVER  # type: ignore[union-attr]
    now = datetime.now(UTC)
    at = {name: now + timedelta(seconds=v) if isinstance(v, int) and v is not False else v for name, v in told.items()}
    await Bridge(db, bridge).lease(state, health(**at))
    found = (await shown(db, owner.tenant_id, channel.id)).health
    assert found is not None
    assert (found.verdict, says in found.says) == (verdict, True), found.says
    async with db.unit_of_work(owner.tenant_id) as session:
        row = (await session.execute(select(ChannelRow))).scalar_one()
        row.lease_until = row.last_seen_at = datetime.now(UTC) - timedelta(seconds=190)
    silent = (await shown(db, owner.tenant_id, channel.id)).health
    assert silent is not None
    assert (silent.verdict, silent.says) == (ChannelVerdict.SILENT, "Nothing was heard for 3 min.")
