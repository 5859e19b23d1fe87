"""The machine's rest on a chat: a person always wins, until the time is over or a person resumes it (law 9).

Each act of a person that begins a rest is a row of its own, so that one that proves to be a mistake is lifted without the others.
While the machine rests nothing is drafted by itself; staff may still ask. At its end a customer who waits is drafted for.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.events import EventType
from core.contracts.ids import new_id
from core.contracts.states import ChatMode, Direction, DraftStatus, MessageKind, MessageOrigin, PauseReason, RunReason
from core.settings import DeskSettings
from domain.channels.models import Channel
from domain.chats.events import announce
from domain.chats.models import Chat, ChatPause, Message
from domain.chats.repository import database_now, lock_chat
from domain.drafts import runs
from domain.drafts.models import Draft
from domain.due import service as due
from domain.sends.models import Send
from domain.sends.transitions import ON_ITS_WAY

RESUME_TASK = "chat.resume"
NO_ANSWER = frozenset({MessageKind.REACTION, MessageKind.SYSTEM, MessageKind.CALL})
"""Kinds of messages that ask for nothing."""


async def pause(
    session: AsyncSession,
    chat: Chat,
    desk: DeskSettings,
    reason: PauseReason,
    *,
    message_id: UUID | None = None,
    since: datetime | None = None,
) -> None:
    """Let the machine rest on a locked chat for `WAXOS_DESK__PAUSE_HOURS`, from now or from the moment of a person's act."""
    until = (since or await database_now(session)) + timedelta(hours=desk.pause_hours)
    session.add(
        ChatPause(
            tenant_id=chat.tenant_id, id=new_id(), chat_id=chat.id, reason=reason, message_id=message_id, until=until
        )
    )
    await _recount(session, chat)


async def lift(session: AsyncSession, chat: Chat, message_id: UUID) -> None:
    """Take back the rest that one message began; what other acts began goes on."""
    await session.execute(delete(ChatPause).where(ChatPause.chat_id == chat.id, ChatPause.message_id == message_id))
    await _recount(session, chat)


async def resume(session: AsyncSession, chat: Chat, desk: DeskSettings) -> None:
    """End the rest of a locked chat because a person says so, and draft for a customer who waits."""
    await session.execute(delete(ChatPause).where(ChatPause.chat_id == chat.id))
    await _recount(session, chat)
    await draft_if_unanswered(session, chat, desk)


async def carry(session: AsyncSession, gone: Chat, into: Chat) -> None:
    """Let every rest of a locked chat go on in another locked one, which takes its place."""
    await session.execute(update(ChatPause).where(ChatPause.chat_id == gone.id).values(chat_id=into.id))
    await due.clear(session, gone.tenant_id, RESUME_TASK, gone.id)
    await _recount(session, into)


async def end(session: AsyncSession, chat_id: UUID, desk: DeskSettings) -> None:
    """End the rest of a chat whose time is over, and draft for a customer who waits; nothing happens before its time."""
    chat = await lock_chat(session, chat_id)
    await _recount(session, chat)
    if chat.paused_until is None:
        await draft_if_unanswered(session, chat, desk)


def is_resting(chat: Chat, now: datetime) -> bool:
    """Tell whether the machine rests on a chat at this moment."""
    return chat.paused_until is not None and chat.paused_until > now


async def draft_if_unanswered(session: AsyncSession, chat: Chat, desk: DeskSettings) -> None:
    """Make a run due for a locked chat whose customer has the last word, where the machine may draft and nothing is there yet."""
    if is_resting(chat, await database_now(session)):
        return
    mode = chat.mode or await session.scalar(select(Channel.mode).where(Channel.id == chat.channel_id))
    if mode == ChatMode.OFF or not await _customer_waits(session, chat):
        return
    await runs.schedule(session, chat, desk, reason=RunReason.INBOUND, quiet=True)


async def _customer_waits(session: AsyncSession, chat: Chat) -> bool:
    """Tell whether the newest words are a customer's that nobody answered, resolved or wrote a draft for."""
    last = await session.scalar(
        select(Message)
        .where(
            Message.chat_id == chat.id,
            Message.deleted_at.is_(None),
            Message.origin != MessageOrigin.AUTOMATION,
            Message.kind.not_in(NO_ANSWER),
        )
        .order_by(Message.seq.desc())
        .limit(1)
    )
    if last is None or last.direction != Direction.IN or last.history or last.seq <= chat.resolved_seq:
        return False
    waiting = (DraftStatus.CHECKING, DraftStatus.PENDING, DraftStatus.BLOCKED)
    drafted = exists().where(Draft.chat_id == chat.id, Draft.status.in_(waiting), Draft.chat_version == chat.version)
    on_its_way = exists().where(Send.chat_id == chat.id, Send.status.in_(ON_ITS_WAY))
    return not (await session.execute(select(drafted | on_its_way))).scalar_one()


async def _recount(session: AsyncSession, chat: Chat) -> None:
    """Bring the chat's own `paused_until` and the list of due work in line with the rows that are not over."""
    await session.flush()
    await session.execute(
        delete(ChatPause).where(ChatPause.chat_id == chat.id, ChatPause.until <= func.clock_timestamp())
    )
    longest = await session.scalar(
        select(ChatPause).where(ChatPause.chat_id == chat.id).order_by(ChatPause.until.desc()).limit(1)
    )
    chat.paused_until = longest.until if longest else None
    chat.pause_reason = longest.reason if longest else None
    if longest is None:
        await due.clear(session, chat.tenant_id, RESUME_TASK, chat.id)
    else:
        await due.schedule(session, chat.tenant_id, RESUME_TASK, chat.id, longest.until)
    announce(session, chat, EventType.CHAT_UPDATED)
