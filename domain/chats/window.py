"""The answer window (law 10): what a customer wrote before linking, or too long ago, is shown and never answered by itself.

WhatsApp tells the minute of texts only, so the time of other kinds is at least that of the text above them. Where even that is
not known, or the text above is old, a message counts as late: a person looks, and nothing leaves by itself.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.states import Direction, MessageKind
from core.settings import DeskSettings
from domain.chats.models import Chat, Message
from domain.chats.repository import database_now, messages_before

_AHEAD = timedelta(days=1)
"""A clock may be wrong by a zone; a message from further ahead has a date that was misread."""

_LOOKED_AT = 60
_SILENT = {MessageKind.REACTION, MessageKind.SYSTEM, MessageKind.CALL}


def is_late(rows: Sequence[Message], now: datetime, desk: DeskSettings) -> bool:
    """Tell whether the customer's messages since our last word, at the end of `rows` (a chat's, in order), hold a late one."""
    oldest = now - timedelta(hours=desk.answer_window_hours)
    newest_known: datetime | None = None
    late = False
    for row in rows:
        if row.wa_at is not None and row.wa_at <= now + _AHEAD:
            newest_known = max(row.wa_at, newest_known or row.wa_at)
        if row.kind in _SILENT or row.deleted_at is not None:
            continue
        ours = row.direction == Direction.OUT
        late = not ours and (late or row.history or _said_at(row, newest_known, now) < oldest)
    return late


async def burst_is_late(session: AsyncSession, chat: Chat, desk: DeskSettings) -> bool:
    """Tell whether what waits for an answer in a chat is too old to be answered by itself."""
    rows = await messages_before(session, chat.id, None, _LOOKED_AT)
    rows = [row for row in rows if row.seq > chat.resolved_seq]
    return is_late(rows, await database_now(session), desk)


def _said_at(row: Message, newest_known: datetime | None, now: datetime) -> datetime:
    """Return when a message was written at the earliest; a text's own minute counts, also where older ones stand above newer."""
    if row.wa_at is not None and row.wa_at <= now + _AHEAD:
        return row.wa_at
    return newest_known or datetime.min.replace(tzinfo=now.tzinfo)
