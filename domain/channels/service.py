"""Channels and who holds them: one bridge at a time, by a lease in database time with an epoch that rises with every new holder.

The epoch is the fence: whatever a bridge does names the epoch it holds, so one that was stopped and wakes later can do nothing.
"""

from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import available_timezones

from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.base import Page
from core.contracts.bridge import PROTOCOL, BridgeHint, BridgeHintType, Lease, LeaseRequest
from core.contracts.channels import Channel as WireChannel
from core.contracts.channels import NewChannel
from core.contracts.events import Event, EventType
from core.contracts.ids import new_id
from core.contracts.principal import Principal
from core.contracts.sessions import Breaker, BridgeHealth, ChannelAsk, Stop
from core.contracts.states import ChannelState, ChatMode
from core.db.session import DeviceHint, after_commit
from core.errors import Conflict, InvalidInput, NotFound
from core.settings import DeskSettings
from domain.audit import service as audit
from domain.channels.health import judge
from domain.channels.models import Channel
from domain.channels.repository import ChannelRepository

ASK_LIFE = timedelta(seconds=60)
"""What a person asked is handed out so long; a bridge that comes back later must not act on it by surprise."""


async def create_channel(session: AsyncSession, caller: Principal, body: NewChannel) -> WireChannel:
    """Make a channel that nobody holds yet.

    Raises:
        InvalidInput: no such timezone.
    """
    if body.timezone not in available_timezones():
        raise InvalidInput(f"there is no timezone {body.timezone!r}", hint="use an IANA name such as Europe/Lisbon")
    channel = Channel(
        tenant_id=caller.tenant_id,
        id=new_id(),
        kind=body.kind,
        name=body.name,
        timezone=body.timezone,
        mode=ChatMode.DRAFT,
        state=ChannelState.OFFLINE,
        epoch=0,
    )
    channels = ChannelRepository(session)
    channels.add(channel)
    audit.record(session, caller, "channel.created", "channel", channel.id, {"kind": str(body.kind)})
    changed(session, channel)
    await session.flush()
    return to_wire(channel, await channels.now())


async def list_channels(session: AsyncSession) -> Page[WireChannel]:
    """Return every channel, by name; one whose bridge has gone silent is shown as offline."""
    channels = ChannelRepository(session)
    now = await channels.now()
    return Page(items=[to_wire(channel, now) for channel in await channels.all()])


async def lease(session: AsyncSession, caller: Principal, body: LeaseRequest, desk: DeskSettings) -> Lease:
    """Take or keep the caller's channel. The same installation may take it again at once, under a new epoch.

    Raises:
        Conflict: another bridge holds it, or armed a send less than two minutes ago; `retry_after` says when to ask again.
        InvalidInput: the bridge speaks a protocol that this server does not serve.
    """
    if not PROTOCOL - 1 <= body.protocol <= PROTOCOL:
        raise InvalidInput(
            f"this server does not serve bridge protocol {body.protocol}",
            hint="update the bridge" if body.protocol < PROTOCOL else "update the server",
            code="protocol_unsupported",
        )
    channels = ChannelRepository(session)
    channel = await channels.lock(caller.channel_id) if caller.channel_id else None
    if channel is None:
        raise NotFound("the channel of this device does not exist any more", hint="pair the device again")
    now = await channels.now()
    if not _keeps(channel, caller, body):
        free_at = channel.lease_until or now
        if channel.guard_until is not None and await channels.has_armed_send(channel.id):
            free_at = max(free_at, channel.guard_until)
        _refuse_if_held(channel, caller, body, free_at, now)
        channel.epoch += 1
        channel.holder_device_id, channel.holder_installation_id = caller.subject_id, body.installation_id
        audit.record(session, caller, "channel.leased", "channel", channel.id, {"epoch": channel.epoch})
        changed(session, channel)
    elif _told(channel) != (body.state, body.state_detail, *_read(body)):
        changed(session, channel)
    if (channel.choice, channel.choice_named) != _read(body)[:2]:
        details = {"choice": str(body.reading.choice), "named": body.reading.named}
        audit.record(session, caller, "channel.choice_changed", "channel", channel.id, details)
    channel.state, channel.state_detail = body.state, body.state_detail
    channel.choice, channel.choice_named, channel.choice_unclear = _read(body)
    if body.state is ChannelState.LINKED:
        channel.linked_at = channel.linked_at or now
    if body.state is ChannelState.RESTRICTED and channel.stopped_at is None:
        _stop(session, channel, Stop.RESTRICTED, now)
    channel.last_seen_at = now
    channel.lease_until = now + timedelta(seconds=desk.channel_lease_seconds)
    breaker = _keep_health(session, channel, body.health, now)
    return Lease(
        channel_id=channel.id,
        epoch=channel.epoch,
        lease_seconds=desk.channel_lease_seconds,
        risk_accepted=channel.risk_accepted_at
        is not None,  # a practice channel's bridge opens its own computer's page only
        stopped=Stop(channel.stopped_reason) if channel.stopped_reason else None,
        asked=_take_asked(channel, now),
        breaker=breaker,
    )


def _stop(session: AsyncSession, channel: Channel, reason: Stop, now: datetime) -> None:
    channel.stopped_reason, channel.stopped_at = reason, now
    audit.record_machine(session, channel.tenant_id, "channel.stopped", "channel", channel.id, {"reason": reason.value})
    changed(session, channel)


def _keep_health(session: AsyncSession, channel: Channel, told: BridgeHealth | None, now: datetime) -> Breaker | None:
    """Keep what a bridge tells of itself and return the breaker as it stands, which a bridge that starts anew takes up."""
    before = BridgeHealth.model_validate(channel.health) if channel.health is not None else None
    kept = before.breaker if before is not None else None
    if told is None:  # an older bridge has no breaker that could ever close
        channel.health = channel.health_at = None
        return None
    breaker = told.breaker or kept
    verdict = judge(channel, now).says
    channel.health = told.model_copy(update={"breaker": breaker}).model_dump(mode="json")
    channel.health_at = now
    if judge(channel, now).says != verdict:
        changed(session, channel)
    return breaker


def _take_asked(channel: Channel, now: datetime) -> ChannelAsk | None:
    """Return what a person asked for, once."""
    asked, at = channel.asked, channel.asked_at
    channel.asked = channel.asked_at = None
    return ChannelAsk(asked) if asked is not None and at is not None and now - at <= ASK_LIFE else None


async def end_lease(session: AsyncSession, channel_id: UUID, device_id: UUID) -> None:
    """Take a channel from a device that may not serve it any more; what it armed still keeps the channel until its guard ends."""
    channels = ChannelRepository(session)
    channel = await channels.lock(channel_id)
    if channel is not None and channel.holder_device_id == device_id:
        channel.lease_until = await channels.now()
        changed(session, channel)


async def ring_holder(session: AsyncSession, channel_id: UUID, hint: BridgeHintType, **ids: UUID) -> None:
    """Ring, after the commit, the bridge that holds a channel; without one nobody hears, and the next holder asks by itself."""
    holder = await ChannelRepository(session).holder(channel_id)
    if holder is not None:
        after_commit(session, DeviceHint(holder, BridgeHint(type=hint, ids=ids)))


def changed(session: AsyncSession, channel: Channel) -> None:
    """Tell panels, after the commit, that a channel changed."""
    after_commit(
        session,
        Event(type=EventType.CHANNEL_UPDATED, tenant_id=channel.tenant_id, ids={"channel_id": channel.id}),
    )


def _read(body: LeaseRequest) -> tuple[str, int, int]:
    return str(body.reading.choice), body.reading.named, body.reading.unclear


def _told(channel: Channel) -> tuple[str, str | None, str, int, int]:
    named = (channel.choice, channel.choice_named, channel.choice_unclear)
    return channel.state, channel.state_detail, *named


def _keeps(channel: Channel, caller: Principal, body: LeaseRequest) -> bool:
    """Tell whether the caller is still the holder: nobody came between, or the epoch would have risen."""
    return (
        channel.holder_device_id == caller.subject_id
        and channel.holder_installation_id == body.installation_id
        and body.epoch is not None
        and channel.epoch == body.epoch
    )


def _refuse_if_held(channel: Channel, caller: Principal, body: LeaseRequest, free_at: datetime, now: datetime) -> None:
    same = channel.holder_device_id == caller.subject_id and channel.holder_installation_id == body.installation_id
    if same or free_at <= now:
        return
    raise Conflict(
        "another bridge holds this channel",
        hint="close WAXOS on the other computer, or wait until it has been silent for a while",
        code="channel_held",
        current={"epoch": channel.epoch, "holder_device_id": str(channel.holder_device_id)},
        retry_after=(free_at - now).total_seconds(),
    )


def to_wire(channel: Channel, now: datetime) -> WireChannel:
    """Return a channel as the API shows it, with what it can do at this moment."""
    wire = WireChannel.model_validate({**_plain(channel), "health": judge(channel, now)})
    served = channel.lease_until is not None and channel.lease_until > now
    return wire if served else wire.model_copy(update={"state": ChannelState.OFFLINE, "holder_device_id": None})


def _plain(channel: Channel) -> dict[str, object]:
    return {name: getattr(channel, name) for name in WireChannel.model_fields if name != "health"}
