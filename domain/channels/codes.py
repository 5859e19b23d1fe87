"""Who may hand in and who may see the code that links a number. The code itself is not kept here, nor in any table."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.bridge import BridgeHintType
from core.contracts.principal import Principal
from core.contracts.states import ChannelState
from core.errors import Conflict
from domain.audit import service as audit
from domain.channels.acts import require
from domain.channels.risk import consented
from domain.channels.service import changed, ring_holder
from domain.sends.service import hold_channel


async def may_look(session: AsyncSession, channel_id: UUID) -> None:
    """See that there is a code to look at.

    Raises:
        NotFound: no such channel. Conflict: the risk was not accepted, or the channel does not wait to be linked.
    """
    channel = await require(session, channel_id)
    if not consented(channel):
        raise _no_consent()
    if channel.state != ChannelState.QR:
        raise Conflict("This channel does not wait to be linked.", hint="Reload the channels.", code="no_code")


async def looked(session: AsyncSession, caller: Principal, channel_id: UUID, *, first: bool) -> None:
    """Ask the bridge for the code; that an owner began to look is kept in the audit log."""
    if first:
        audit.record(session, caller, "channel.code_shown", "channel", channel_id)
    await ring_holder(session, channel_id, BridgeHintType.CODE_WANTED)


async def may_hand_in(session: AsyncSession, caller: Principal, epoch: int) -> UUID:
    """Return the channel that the caller holds and may hand a code in for.

    Raises:
        Conflict: it holds the channel no more, or its owner did not accept the risk.
    """
    channel = await hold_channel(session, caller, epoch)
    if not consented(channel):
        raise _no_consent()
    return channel.id


async def handed_in(session: AsyncSession, channel_id: UUID) -> None:
    """Tell the panels, after the commit, that there is a new code to look at."""
    changed(session, await require(session, channel_id))


def _no_consent() -> Conflict:
    return Conflict(
        "The owner has not accepted the risk of linking this number.",
        hint="An owner reads and accepts it in the panel, under Channels.",
        code="consent_missing",
    )
