"""How many messages may leave in an hour, of one channel and of one chat. A limit that is reached makes text wait, never fail."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute, aliased

from core.settings import DeskSettings
from domain.sends.models import Send

WINDOW = timedelta(hours=1)


async def full_until(session: AsyncSession, send: Send, desk: DeskSettings) -> datetime | None:
    """Return when the limits allow one more click for this send, None where they do now."""
    moments = [
        await channel_full_until(session, send.channel_id, desk),
        await chat_full_until(session, send.chat_id, desk),
    ]
    return max((moment for moment in moments if moment is not None), default=None)


async def channel_full_until(session: AsyncSession, channel_id: UUID, desk: DeskSettings) -> datetime | None:
    """Return when a channel may send again, None where it may now."""
    return await _full_until(session, Send.channel_id == channel_id, desk.sends_per_hour)


async def chat_full_until(session: AsyncSession, chat_id: UUID, desk: DeskSettings) -> datetime | None:
    """Return when a chat may get one more message, None where it may now."""
    return await _full_until(session, Send.chat_id == chat_id, desk.sends_per_chat_hour)


def chat_is_full(chat_id: InstrumentedAttribute[UUID], desk: DeskSettings) -> ColumnElement[bool]:
    """Return the condition that the chat of a row has had its messages of this hour."""
    left = aliased(Send)
    count = (
        select(func.count())
        .select_from(left)
        .where(left.tenant_id == Send.tenant_id, left.chat_id == chat_id, left.armed_at > func.now() - WINDOW)
        .correlate(Send)
        .scalar_subquery()
    )
    return count >= desk.sends_per_chat_hour


async def _full_until(session: AsyncSession, where: ColumnElement[bool], limit: int) -> datetime | None:
    """The click that makes the window full is the `limit`-th newest one; the window is open again an hour after it."""
    full = select(Send.armed_at).where(where, Send.armed_at > func.clock_timestamp() - WINDOW)
    at = await session.scalar(full.order_by(Send.armed_at.desc()).offset(limit - 1).limit(1))
    return None if at is None else at + WINDOW
