"""Why approved text is not on its way yet, as staff should know it. Read anew each time, so that it is never out of date."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.states import ChannelState, SendStatus, SendWait
from core.settings import DeskSettings
from domain.channels.health import takes_sends
from domain.channels.models import Channel
from domain.chats.repository import database_now
from domain.sends import limits
from domain.sends.models import Send
from domain.sends.outbox import Wait
from domain.sends.transitions import WAITING


@dataclass(frozen=True, slots=True)
class _Surroundings:
    now: datetime
    channels: dict[UUID, Channel]
    in_doubt: set[UUID]
    chats_full: dict[UUID, datetime]
    channels_full: dict[UUID, datetime]


async def why_waiting(session: AsyncSession, sends: Sequence[Send], desk: DeskSettings) -> dict[UUID, Wait]:
    """Return, for each of the sends that waits for something other than its turn, for what and until when."""
    waiting = [send for send in sends if send.status in WAITING]
    if not waiting:
        return {}
    around = await _look_around(session, waiting, desk)
    reasons = {send.id: _reason(send, around) for send in waiting}
    return {send_id: reason for send_id, reason in reasons.items() if reason is not None}


async def _look_around(session: AsyncSession, waiting: Sequence[Send], desk: DeskSettings) -> _Surroundings:
    channel_ids = {send.channel_id for send in waiting}
    chat_ids = {send.chat_id for send in waiting}
    channels = await session.scalars(select(Channel).where(Channel.id.in_(channel_ids)))
    doubtful = await session.scalars(
        select(Send.chat_id).where(Send.chat_id.in_(chat_ids), Send.status == SendStatus.UNKNOWN)
    )
    chats_full = {one: await limits.chat_full_until(session, one, desk) for one in chat_ids}
    channels_full = {one: await limits.channel_full_until(session, one, desk) for one in channel_ids}
    return _Surroundings(
        now=await database_now(session),
        channels={channel.id: channel for channel in channels},
        in_doubt=set(doubtful),
        chats_full={one: until for one, until in chats_full.items() if until is not None},
        channels_full={one: until for one, until in channels_full.items() if until is not None},
    )


def _reason(send: Send, around: _Surroundings) -> Wait | None:
    channel = around.channels[send.channel_id]
    held = channel.lease_until is not None and channel.lease_until > around.now
    if send.status == SendStatus.QUEUED and (reason := _in_the_queue(send, around)) is not None:
        return reason
    if not held:
        return SendWait.BRIDGE_AWAY, None
    if channel.stopped_at is not None:
        return SendWait.CHANNEL_STOPPED, None
    if not takes_sends(channel):
        return SendWait.CHANNEL_DOWN, None
    return (SendWait.CHANNEL_DOWN, None) if channel.state != ChannelState.LINKED else None


def _in_the_queue(send: Send, around: _Surroundings) -> Wait | None:
    if send.chat_id in around.in_doubt:
        return SendWait.UNKNOWN_BEFORE, None
    if send.wait_code is not None and send.wait_until is not None and send.wait_until > around.now:
        return SendWait(send.wait_code), send.wait_until
    if send.chat_id in around.chats_full:
        return SendWait.CHAT_LIMIT, around.chats_full[send.chat_id]
    if send.channel_id in around.channels_full:
        return SendWait.CHANNEL_LIMIT, around.channels_full[send.channel_id]
    return None
