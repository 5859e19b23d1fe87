"""What members do with a channel: accept its risk, take the session back, let it try again, resume it after a stop."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.bridge import BridgeHintType
from core.contracts.channels import Channel as WireChannel
from core.contracts.principal import Principal
from core.contracts.sessions import AcceptRisk, BreakerState, BridgeHealth, ChannelAsk
from core.contracts.states import ChannelState
from core.errors import Conflict, NotFound
from domain.audit import service as audit
from domain.channels import risk
from domain.channels.models import Channel
from domain.channels.repository import ChannelRepository
from domain.channels.service import changed, ring_holder, to_wire


async def require(session: AsyncSession, channel_id: UUID) -> Channel:
    """Return a channel, locked.

    Raises:
        NotFound: no such channel.
    """
    channel = await ChannelRepository(session).lock(channel_id)
    if channel is None:
        raise NotFound("there is no such channel", hint="reload the list of channels")
    return channel


async def accept_risk(session: AsyncSession, caller: Principal, channel_id: UUID, body: AcceptRisk) -> WireChannel:
    """Accept the risk of WhatsApp Web for a channel; its bridge may open the page from then on.

    Raises:
        InvalidInput, Conflict: as `risk.accept`.
    """
    channel = await require(session, channel_id)
    await risk.accept(session, caller, channel, body)
    return await _told(session, channel)


async def use_here(session: AsyncSession, caller: Principal, channel_id: UUID) -> WireChannel:
    """Ask the bridge to press “Use here” once: it ends the session in the other window.

    Raises:
        Conflict: the session is not open elsewhere, or no bridge serves the channel now.
    """
    channel = await require(session, channel_id)
    await _require_served(session, channel)
    if channel.state != ChannelState.TAKEN_OVER:
        raise Conflict("The session is not open in another window.", hint="Reload the channels.", code="not_taken_over")
    return await _ask(session, caller, channel, ChannelAsk.USE_HERE)


async def try_again(session: AsyncSession, caller: Principal, channel_id: UUID) -> WireChannel:
    """Ask the bridge to start its page again and take sends if it finds everything there.

    Raises:
        Conflict: nothing keeps it from sending, or no bridge serves the channel now.
    """
    channel = await require(session, channel_id)
    await _require_served(session, channel)
    health = BridgeHealth.model_validate(channel.health) if channel.health is not None else None
    breaker = health.breaker if health is not None else None
    stuck = channel.state == ChannelState.BROKEN or (breaker is not None and breaker.state is not BreakerState.CLOSED)
    if not stuck:
        raise Conflict("This channel does not wait to try again.", hint="Reload the channels.", code="not_broken")
    return await _ask(session, caller, channel, ChannelAsk.TRY_AGAIN)


async def resume(session: AsyncSession, caller: Principal, channel_id: UUID) -> WireChannel:
    """Let a stopped channel send again.

    Raises:
        Conflict: it is not stopped, or WhatsApp still says that the number is restricted.
    """
    channel = await require(session, channel_id)
    if channel.stopped_at is None:
        raise Conflict("This channel is not stopped.", hint="Reload the channels.", code="not_stopped")
    now = await ChannelRepository(session).now()
    served = channel.lease_until is not None and channel.lease_until > now
    if served and channel.state == ChannelState.RESTRICTED:
        raise Conflict(
            "WhatsApp still says that this number is restricted.",
            hint="Wait until WhatsApp lifts it; the guide says what to do meanwhile.",
            code="still_restricted",
        )
    fields = {"reason": channel.stopped_reason, "stopped_at": channel.stopped_at.isoformat()}
    channel.stopped_reason = channel.stopped_at = None
    audit.record(session, caller, "channel.resumed", "channel", channel.id, fields)
    return await _told(session, channel)


async def _require_served(session: AsyncSession, channel: Channel) -> None:
    now = await ChannelRepository(session).now()
    if channel.lease_until is None or channel.lease_until <= now:
        raise Conflict(
            "No computer serves this channel now.", hint="Start the bridge on its computer.", code="not_served"
        )


async def _ask(session: AsyncSession, caller: Principal, channel: Channel, what: ChannelAsk) -> WireChannel:
    channel.asked, channel.asked_at = what, await ChannelRepository(session).now()
    audit.record(session, caller, f"channel.{what.value}_asked", "channel", channel.id, {"epoch": channel.epoch})
    return await _told(session, channel)


async def _told(session: AsyncSession, channel: Channel) -> WireChannel:
    """Tell panels and bridge after the commit, and return the channel as it is shown."""
    changed(session, channel)
    await ring_holder(session, channel.id, BridgeHintType.CHANNEL_ASKED)
    return to_wire(channel, await ChannelRepository(session).now())
