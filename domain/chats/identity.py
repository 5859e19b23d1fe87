"""Which chat a bridge means: a chat is our id with evidence (decision 10), and the evidence is the messages in it.

A bridge names chats by ids of its own until it is told better, so another computer, or one that lost its journal, reports a chat of ours
under a new id. A message stands in one chat, so one that is stored already says which. Titles prove nothing: namesakes stay apart.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.bridge import MessageSeen, Observations
from core.contracts.events import EventType
from core.contracts.principal import Principal
from core.contracts.states import ChatMode, ChatStatus
from domain.audit import service as audit
from domain.channels.models import Channel
from domain.chats import pausing
from domain.chats.events import announce
from domain.chats.models import AutomationSighting, Chat, Message
from domain.chats.repository import proves_chat
from domain.chats.service import WAKE_TASK
from domain.contacts.models import Contact
from domain.drafts import returned, runs, store
from domain.drafts.models import Draft, DraftRun
from domain.due import service as due
from domain.proposals.soon import carry_learning
from domain.sends import outbox
from domain.sends.models import Send

_WHY = "its chat was found to be one with another"


@dataclass(frozen=True, slots=True)
class Recognised:
    """Which chat each reported id stands for, and the chats that took another one in and hold something unread."""

    meant: Mapping[UUID, UUID]
    to_answer: frozenset[UUID]


async def recognise(session: AsyncSession, caller: Principal, channel: Channel, body: Observations) -> Recognised:
    """Tell which chat each reported id stands for, and lock those that exist. The channel is locked to change already.

    Chats that turn out to be the same one are made one: the oldest keeps its id, and what waited in the others goes back to staff.
    """
    reported = list(dict.fromkeys([*(chat.id for chat in body.chats), *(one.chat_id for one in body.messages)]))
    evidence = await _evidence(session, channel, reported, body.messages)
    wanted = {*reported, *(chat_id for found in evidence.values() for chat_id in found)}
    rows = await session.scalars(
        select(Chat)
        .where(Chat.channel_id == channel.id, Chat.id.in_(wanted))
        .order_by(Chat.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    chats = {chat.id: chat for chat in rows}
    merged: dict[UUID, UUID] = {}
    meant: dict[UUID, UUID] = {}
    for one in reported:
        same = {merged.get(chat_id, chat_id) for chat_id in {one, *evidence[one]} if chat_id in chats}
        oldest_first = sorted((chats[chat_id] for chat_id in same), key=lambda chat: (chat.created_at, chat.id))
        if not oldest_first:
            meant[one] = one
            continue
        into, *others = oldest_first
        for gone in others:
            await _merge(session, caller, into, gone)
            merged = {key: into.id if value == gone.id else value for key, value in merged.items()}
            merged[gone.id] = into.id
        meant[one] = into.id
    unread = frozenset(chat_id for chat_id in merged.values() if chats[chat_id].unread)
    return Recognised({one: merged.get(chat_id, chat_id) for one, chat_id in meant.items()}, unread)


async def _evidence(
    session: AsyncSession, channel: Channel, reported: Iterable[UUID], seen: Sequence[MessageSeen]
) -> dict[UUID, set[UUID]]:
    """Return the chats that hold a message which was seen in each reported one, or one that stands right above such a message."""
    named: dict[UUID, set[str]] = {one: set() for one in reported}
    for message in seen:
        named[message.chat_id] |= {message.external_id, *([message.after] if message.after else [])}
    rows = await session.execute(
        select(Message.external_id, Message.chat_id).where(
            Message.channel_id == channel.id, Message.external_id.in_(set().union(*named.values())), proves_chat()
        )
    )
    held = {row.external_id: row.chat_id for row in rows}
    return {one: {held[name] for name in names if name in held} for one, names in named.items()}


async def _merge(session: AsyncSession, caller: Principal, into: Chat, gone: Chat) -> None:
    """Move all of one locked chat into another. Nobody approved a reply for what the chat is now, so all of it returns to staff."""
    version = max(into.version, gone.version) + 1
    for chat in (gone, into):
        chat.version = version
        await runs.call_off(session, chat, _WHY)
        await returned.carry_over(session, chat, _WHY)
        await outbox.recall_stale(session, chat)
    await store.make_room(session, gone)  # one pending reply a chat: that of the one which stays
    for model in (Draft, DraftRun, Send, AutomationSighting):
        await session.execute(update(model).where(model.chat_id == gone.id).values(chat_id=into.id))
    await _move_messages(session, into, gone)
    await pausing.carry(session, gone, into)
    await due.clear(session, gone.tenant_id, WAKE_TASK, gone.id)
    await carry_learning(session, gone.tenant_id, gone.id, into.id)
    _keep_the_later(into, gone)
    contact_id = gone.contact_id
    await session.delete(gone)
    await session.flush()
    if contact_id is not None:
        await _drop_contact(session, into, contact_id)
    audit.record(session, caller, "chat.merged", "chat", into.id, {"merged_chat_id": str(gone.id)})
    for chat in (into, gone):
        announce(session, chat, EventType.CHAT_UPDATED)


async def _move_messages(session: AsyncSession, into: Chat, gone: Chat) -> None:
    """Put the messages of one chat, in their order, behind those of the other."""
    first = await session.scalar(select(func.min(Message.seq)).where(Message.chat_id == gone.id))
    if first is None:
        return
    by = into.next_seq - first
    await session.execute(
        update(Message).where(Message.chat_id == gone.id).values(chat_id=into.id, seq=Message.seq + by)
    )
    if gone.answered_seq:
        into.answered_seq = max(into.answered_seq, gone.answered_seq + by)
    if gone.resolved_seq:
        into.resolved_seq = max(into.resolved_seq, gone.resolved_seq + by)
    into.next_seq = gone.next_seq + by


def _keep_the_later(into: Chat, gone: Chat) -> None:
    """Let the chat that stays be as awake, and the machine in it as quiet, as either was."""
    into.unread += gone.unread
    into.last_message_at = _later(into.last_message_at, gone.last_message_at)
    into.last_inbound_at = _later(into.last_inbound_at, gone.last_inbound_at)
    into.last_outbound_at = _later(into.last_outbound_at, gone.last_outbound_at)
    into.mode = _quieter(into.mode, gone.mode)
    into.assignee_id = into.assignee_id or gone.assignee_id
    if gone.status == ChatStatus.OPEN:
        into.status, into.snoozed_until = ChatStatus.OPEN, None


async def _drop_contact(session: AsyncSession, into: Chat, contact_id: UUID) -> None:
    """Drop the second record of a person, but not that they asked to be left alone."""
    opted_out_at = await session.scalar(select(Contact.opted_out_at).where(Contact.id == contact_id))
    if into.contact_id is None:
        into.contact_id = contact_id
        return
    if opted_out_at is not None:
        await session.execute(
            update(Contact)
            .where(Contact.id == into.contact_id, Contact.opted_out_at.is_(None))
            .values(opted_out_at=opted_out_at)
        )
    used = await session.scalar(select(Chat.id).where(Chat.contact_id == contact_id).limit(1))
    if used is None:
        await session.execute(delete(Contact).where(Contact.id == contact_id))


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(one, other) if one is not None and other is not None else one or other


def _quieter(one: str | None, other: str | None) -> str | None:
    """Return the mode in which less happens by itself; a chat without one follows its channel and says nothing."""
    order = list(ChatMode)
    return min(filter(None, (one, other)), key=lambda mode: order.index(ChatMode(mode)), default=None)
