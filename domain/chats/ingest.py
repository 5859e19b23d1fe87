"""Storing what a bridge saw: each message once, in order, with what follows from it (design section 3.1).

A new message of a customer, a reply from the phone, an edit or a deletion raises the chat's version and retires its waiting draft
(law 3). Our own bubble, read back, does not. A text that WhatsApp Business sends by itself is nobody's reply: the customer still waits.
History is stored and shown, and nothing follows from it (law 10).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.bridge import ChatIs, ChatSeen, MessageSeen, Observations, ObservationsStored
from core.contracts.events import EventType
from core.contracts.ids import new_id
from core.contracts.principal import Principal
from core.contracts.states import (
    ChatKind,
    ChatMode,
    ChatStatus,
    Direction,
    MessageKind,
    MessageOrigin,
    PauseReason,
    RunReason,
)
from core.settings import DeskSettings
from domain.channels.models import Channel
from domain.chats import identity, pausing
from domain.chats.automation import is_automatic
from domain.chats.events import announce
from domain.chats.models import Attachment, Chat, Message, MessageRevision
from domain.chats.repository import database_now, lock_chat, lock_chats, messages_by_external_id
from domain.contacts.models import Contact
from domain.drafts import returned, runs
from domain.proposals.soon import learn_soon
from domain.sends import outbox
from domain.sends.evidence import apply_tick, own_send_of
from domain.sends.service import hold_channel

_LARGEST_SIZE = 2**31 - 1
"""What the column holds; a page that says more costs the size, not the message."""


@dataclass(slots=True)
class _Tally:
    """What one batch is about, and what came of it."""

    channel: Channel
    desk: DeskSettings
    new: int = 0
    updated: int = 0
    duplicates: int = 0
    ignored: int = 0
    moved: set[UUID] = field(default_factory=set)
    to_answer: set[UUID] = field(default_factory=set)


async def ingest_observations(
    session: AsyncSession, caller: Principal, body: Observations, desk: DeskSettings
) -> ObservationsStored:
    """Store a batch of observations of the channel's holder. Repeats are counted as duplicates and change nothing.

    Raises:
        Conflict: the caller does not hold the channel.
    """
    channel = await hold_channel(session, caller, body.epoch, to_change=True)  # a repeated batch waits for the first
    known = await identity.recognise(session, caller, channel, body)
    await _lock_all(session, channel, body, known.meant.values())
    tally = _Tally(channel, desk, to_answer=set(known.to_answer))
    for seen in sorted(body.chats, key=lambda one: known.meant[one.id]):
        await _see_chat(session, seen, known.meant[seen.id], tally)
    by_chat: dict[UUID, list[MessageSeen]] = {}
    for message in body.messages:
        by_chat.setdefault(known.meant[message.chat_id], []).append(message)
    for chat_id in sorted(by_chat):
        await _see_messages(session, chat_id, by_chat[chat_id], tally)
    await _see_ticks(session, channel, body, tally)
    return ObservationsStored(
        new_messages=tally.new,
        updated=tally.updated,
        duplicates=tally.duplicates,
        ignored=tally.ignored,
        chats=[ChatIs(reported=one, chat_id=chat_id) for one, chat_id in known.meant.items() if one != chat_id],
    )


async def _lock_all(session: AsyncSession, channel: Channel, body: Observations, meant: Iterable[UUID]) -> None:
    """Lock every chat of a batch before anything else: chat by chat, chats, messages and ticks would take them in three orders."""
    ticked = await messages_by_external_id(session, channel.id, [seen.external_id for seen in body.ticks])
    await lock_chats(session, {*meant, *(row.chat_id for row in ticked.values())})


async def _see_chat(session: AsyncSession, seen: ChatSeen, chat_id: UUID, tally: _Tally) -> None:
    channel = tally.channel
    if seen.kind != ChatKind.PERSON:
        tally.ignored += 1
        return
    chat = await session.scalar(select(Chat).where(Chat.id == chat_id).with_for_update())
    if chat is None:
        contact = Contact(tenant_id=channel.tenant_id, id=new_id(), display_name=seen.title)
        session.add(contact)
        await session.flush()
        chat = Chat(
            tenant_id=channel.tenant_id,
            id=chat_id,
            channel_id=channel.id,
            contact_id=contact.id,
            kind=seen.kind,
            title=seen.title,
            status=ChatStatus.OPEN,
            version=1,
            next_seq=1,
            unread=0,
        )
        session.add(chat)
        await session.flush()
        announce(session, chat, EventType.CHAT_UPDATED)
    elif chat.channel_id == channel.id and chat.title != seen.title:
        chat.title = seen.title
        announce(session, chat, EventType.CHAT_UPDATED)


async def _see_messages(session: AsyncSession, chat_id: UUID, seen: Sequence[MessageSeen], tally: _Tally) -> None:
    channel = tally.channel
    known_chat = await session.scalar(select(Chat.channel_id).where(Chat.id == chat_id))
    if known_chat != channel.id:
        tally.ignored += len(seen)
        return
    chat = await lock_chat(session, chat_id)
    known = await messages_by_external_id(session, channel.id, [message.external_id for message in seen])
    now = await database_now(session)
    places = await _places_of_older(session, chat, seen, known)
    for one in seen:
        row = known.get(one.external_id)
        if row is None:
            place = places.get(one.external_id)
            known[one.external_id] = await _store_new(session, chat, one, now, tally, place)
        elif row.chat_id == chat.id:
            await _see_again(session, chat, row, one, now, tally)
        else:  # one message of the phone to several people; it is kept where it was seen first
            tally.duplicates += 1
    if chat.id in tally.moved:
        await returned.carry_over(session, chat, "a new message came in")
        await outbox.recall_stale(session, chat)
        announce(session, chat, EventType.CHAT_UPDATED)
    if chat.id in tally.to_answer:
        await _answer(session, chat, tally, now)


async def _places_of_older(
    session: AsyncSession, chat: Chat, seen: Sequence[MessageSeen], known: Mapping[str, Message]
) -> dict[str, int]:
    """Return the places of history that stands above what the chat has: before it, or the tail would be an old message."""
    here = [number for number, one in enumerate(seen) if (row := known.get(one.external_id)) and row.chat_id == chat.id]
    older = [one.external_id for one in seen[: here[0]] if one.external_id not in known] if here else []
    if not older or not all(one.history for one in seen[: here[0]]):
        return {}
    first = await session.scalar(select(func.min(Message.seq)).where(Message.chat_id == chat.id))
    begin = (first or chat.next_seq) - len(older)
    return {external_id: begin + number for number, external_id in enumerate(older)}


async def _store_new(
    session: AsyncSession, chat: Chat, seen: MessageSeen, now: datetime, tally: _Tally, place: int | None = None
) -> Message:
    row = Message(
        tenant_id=chat.tenant_id,
        id=new_id(),
        chat_id=chat.id,
        channel_id=chat.channel_id,
        seq=chat.next_seq if place is None else place,
        external_id=seen.external_id,
        direction=seen.direction,
        origin=MessageOrigin.CUSTOMER,
        kind=seen.kind,
        text=None if seen.deleted else seen.text,
        author=seen.author,
        received_at=now,
        wa_at=seen.wa_at,
        wa_precision="minute",
        history=seen.history,
        tick=seen.tick if seen.direction == Direction.OUT else None,
        quoted_text=seen.quoted_text,
        edited_at=now if seen.edited else None,
        deleted_at=now if seen.deleted else None,
    )
    chat.next_seq += place is None
    tally.new += 1
    session.add(row)
    await session.flush()  # the files refer to the message
    for position, file in enumerate(seen.files):
        session.add(
            Attachment(
                tenant_id=row.tenant_id,
                id=new_id(),
                message_id=row.id,
                position=position,
                mime=file.mime,
                name=file.name,
                size=file.size if file.size is None or file.size <= _LARGEST_SIZE else None,
                problem=file.problem,
            )
        )
    if seen.kind == MessageKind.SYSTEM:
        row.origin = MessageOrigin.SYSTEM
    elif seen.kind == MessageKind.REACTION:
        row.origin = MessageOrigin.PHONE if seen.direction == Direction.OUT else MessageOrigin.CUSTOMER
    elif seen.direction == Direction.OUT:
        await _own_bubble(session, chat, row, seen, now, tally)
    else:
        _customer_bubble(chat, seen, now, tally)
    if seen.kind != MessageKind.REACTION:
        chat.last_message_at = max(chat.last_message_at or now, now)
    announce(session, chat, EventType.MESSAGE_NEW, message_id=row.id)
    return row


def _customer_bubble(chat: Chat, seen: MessageSeen, now: datetime, tally: _Tally) -> None:
    chat.last_inbound_at = now
    if seen.history or seen.deleted:
        return
    chat.unread += 1
    if seen.kind in pausing.NO_ANSWER:
        return
    chat.version += 1
    chat.status = ChatStatus.OPEN
    chat.snoozed_until = None
    tally.moved.add(chat.id)
    tally.to_answer.add(chat.id)


async def _own_bubble(
    session: AsyncSession, chat: Chat, row: Message, seen: MessageSeen, now: datetime, tally: _Tally
) -> None:
    """Tell the read-back of one of our sends, which changes nothing, from a person who answered on the phone (law 9)."""
    ours = await own_send_of(session, chat, row)
    row.origin = MessageOrigin.DESK if ours else MessageOrigin.PHONE
    if ours or seen.history or seen.kind == MessageKind.REACTION:
        return
    chat.version += 1
    tally.moved.add(chat.id)
    if await is_automatic(session, tally.channel, row, seen):
        row.origin = MessageOrigin.AUTOMATION
        tally.to_answer.add(chat.id)
        return
    chat.last_outbound_at = now
    chat.answered_seq = row.seq
    tally.to_answer.discard(chat.id)
    since = min(seen.wa_at or now, now)  # a reply that was missed for days holds nobody up today
    await pausing.pause(session, chat, tally.desk, PauseReason.PHONE, message_id=row.id, since=since)
    await runs.call_off(session, chat, "a person answered on the phone")
    await learn_soon(session, chat.tenant_id, chat.id)


async def _see_again(
    session: AsyncSession, chat: Chat, row: Message, seen: MessageSeen, now: datetime, tally: _Tally
) -> None:
    changed = False
    if seen.deleted and row.deleted_at is None:
        _revise(session, row, "deleted", now)
        row.deleted_at, row.text, changed = now, None, True
    elif seen.edited and not seen.deleted and seen.text is not None and row.text != seen.text:
        _revise(session, row, "edited", now)
        row.text, row.edited_at, changed = seen.text, now, True
    if changed:
        chat.version += 1
        tally.moved.add(chat.id)
        if row.direction == Direction.IN and not row.history:
            tally.to_answer.add(chat.id)
        announce(session, chat, EventType.MESSAGE_UPDATED, message_id=row.id)
    if seen.tick is not None:
        changed = await apply_tick(session, chat, row, seen.tick) or changed
    tally.updated += changed
    tally.duplicates += not changed


async def _see_ticks(session: AsyncSession, channel: Channel, body: Observations, tally: _Tally) -> None:
    known = await messages_by_external_id(session, channel.id, [seen.external_id for seen in body.ticks])
    for chat_id in sorted({row.chat_id for row in known.values()}):
        chat = await lock_chat(session, chat_id)
        for seen in body.ticks:
            row = known.get(seen.external_id)
            if row is not None and row.chat_id == chat_id:
                tally.updated += await apply_tick(session, chat, row, seen.tick)


async def _answer(session: AsyncSession, chat: Chat, tally: _Tally, now: datetime) -> None:
    mode = ChatMode(chat.mode or tally.channel.mode)
    if mode != ChatMode.OFF and not pausing.is_resting(chat, now):
        await runs.schedule(session, chat, tally.desk, reason=RunReason.INBOUND, quiet=True)


def _revise(session: AsyncSession, row: Message, kind: str, now: datetime) -> None:
    session.add(
        MessageRevision(tenant_id=row.tenant_id, id=new_id(), message_id=row.id, kind=kind, text=row.text, seen_at=now)
    )
