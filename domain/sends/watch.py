"""Sends that time overtakes: a limit that ends, text that waited too long, and armed ones whose bridge does not come back."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.bridge import BridgeHintType
from core.contracts.faults import SendFault
from core.contracts.states import SendStatus
from core.settings import DeskSettings
from domain.channels.models import Channel
from domain.channels.service import ring_holder
from domain.chats.models import Chat
from domain.chats.repository import database_now, lock_chat
from domain.due import service as due
from domain.sends import limits, outbox
from domain.sends.models import Send
from domain.sends.transitions import WAITING, move

_LOOK_AGAIN = timedelta(seconds=60)
_LOOK_AHEAD = 20


async def watch(session: AsyncSession, send_id: UUID) -> None:
    """Look at a send whose time has come: give it back to staff as expired, call it unknown, or say when to look again.

    An armed send stays with the bridge that holds the channel, which settles it; without a holder nobody can, and staff decide.
    """
    chat = await lock_chat(session, await outbox.chat_of_send(session, send_id))
    send = await outbox.lock_send(session, send_id)
    channel = (await session.execute(select(Channel).where(Channel.id == send.channel_id))).scalar_one()
    now = await database_now(session)
    if send.status in WAITING:
        again = await _expire(session, chat, send, channel, now)
    elif send.status == SendStatus.ARMED:
        again = _doubt(session, chat, send, channel, now)
    else:
        again = None
    if again is None:
        await due.clear(session, send.tenant_id, outbox.WATCH_TASK, send.id)
    else:
        await due.schedule(session, send.tenant_id, outbox.WATCH_TASK, send.id, again)


async def ring_when_open(session: AsyncSession, channel: Channel, desk: DeskSettings) -> None:
    """See that the holder of a channel, which was just given nothing, is rung when a limit of the hour ends for what waits."""
    rows = await session.scalars(
        select(Send)
        .where(Send.channel_id == channel.id, Send.status == SendStatus.QUEUED)
        .order_by(Send.queued_at, Send.part)
        .limit(_LOOK_AHEAD)
    )
    for send in list(rows):
        limits_end = [await limits.full_until(session, send, desk), send.wait_until]
        ends = max((moment for moment in limits_end if moment is not None), default=None)
        if ends is not None and (send.expires_at is None or ends < send.expires_at):
            await due.schedule(session, send.tenant_id, outbox.WATCH_TASK, send.id, ends)


async def _expire(session: AsyncSession, chat: Chat, send: Send, channel: Channel, now: datetime) -> datetime | None:
    if send.expires_at is None:
        return None
    if now < send.expires_at:
        if send.status == SendStatus.QUEUED:  # a limit has ended: the bridge may ask again, and panels show it
            await ring_holder(session, channel.id, BridgeHintType.SEND_QUEUED)
            outbox.changed(session, send, chat)
        return send.expires_at
    if send.status == SendStatus.LEASED and _held(channel, now):
        return now + _LOOK_AGAIN
    await outbox.give_back(
        session,
        chat,
        send,
        code=SendFault.WAITED_TOO_LONG,
        detail="No bridge sent it in time. Read the chat again before you send it.",
        status=SendStatus.EXPIRED,
    )
    return None


def _doubt(session: AsyncSession, chat: Chat, send: Send, channel: Channel, now: datetime) -> datetime | None:
    if _held(channel, now) or (channel.guard_until is not None and channel.guard_until > now):
        return now + _LOOK_AGAIN
    move(send, SendStatus.UNKNOWN)
    send.error_code = SendFault.BRIDGE_AWAY
    send.error_detail = "The computer that was sending it has been away since. Look at the phone: is the message there?"
    outbox.changed(session, send, chat)
    return None


def _held(channel: Channel, now: datetime) -> bool:
    return channel.lease_until is not None and channel.lease_until > now
