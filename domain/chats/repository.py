"""Queries over chats and messages."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from core.contracts.bridge import NO_BUBBLE
from core.contracts.states import ChatStatus, Direction, DraftStatus, MessageKind, MessageOrigin, SendStatus
from core.errors import NotFound
from domain.accounts.models import User
from domain.channels.models import Channel
from domain.chats.models import Attachment, Chat, Message
from domain.drafts.models import Draft
from domain.sends.models import Send

_NO_WORD = (MessageKind.REACTION, MessageKind.SYSTEM)
"""Kinds that are nobody's last word: a chat that ends with one waits for whom it waited before."""

_ON_ITS_WAY = (SendStatus.QUEUED, SendStatus.LEASED, SendStatus.ARMED)


async def lock_chat(session: AsyncSession, chat_id: UUID) -> Chat:
    """Return the chat, locked until the transaction ends: every change around a chat begins here (design, Locks).

    Raises:
        NotFound: no such chat in the tenant.
    """
    chat = await session.scalar(
        select(Chat).where(Chat.id == chat_id).with_for_update().execution_options(populate_existing=True)
    )
    if chat is None:
        raise NotFound("There is no such chat.", hint="Reload the list of chats.")
    return chat


async def lock_chat_after(session: AsyncSession, chat_id: UUID, *, free: bool) -> Chat | None:
    """Return the chat, locked; where `free` is set, None if somebody else has it.

    For whoever holds a chat's lock already and takes one that does not come after it: waiting could lock up two transactions.
    """
    if not free:
        return await lock_chat(session, chat_id)
    return await session.scalar(
        select(Chat)
        .where(Chat.id == chat_id)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )


async def lock_chats(session: AsyncSession, chat_ids: Collection[UUID]) -> None:
    """Lock several chats, in the one order that everybody locks several in; those that are not there are passed over."""
    await session.execute(select(Chat.id).where(Chat.id.in_(chat_ids)).order_by(Chat.id).with_for_update())


async def database_now(session: AsyncSession) -> datetime:
    """Return the database's clock at this statement: the one clock that leases and deadlines go by."""
    now: datetime = (await session.execute(select(func.clock_timestamp()))).scalar_one()
    return now


async def messages_by_external_id(
    session: AsyncSession, channel_id: UUID, external_ids: Sequence[str]
) -> dict[str, Message]:
    """Return the stored messages of a channel among `external_ids`, by that id."""
    rows = await session.scalars(
        select(Message).where(Message.channel_id == channel_id, Message.external_id.in_(external_ids))
    )
    return {row.external_id: row for row in rows if row.external_id is not None}


async def newest_external_ids(session: AsyncSession, chat_id: UUID, limit: int) -> list[str]:
    """Return the bare ids of a chat's newest bubbles, newest first."""
    rows = await session.scalars(
        select(Message.external_id)
        .where(
            Message.chat_id == chat_id,
            Message.external_id.is_not(None),
            Message.external_id.not_like(f"{NO_BUBBLE}%"),
        )
        .order_by(Message.seq.desc())
        .limit(limit)
    )
    return [row for row in rows if row is not None]


def proves_chat() -> ColumnElement[bool]:
    """A message that stands in one chat only: a customer's, or a send of ours.

    What the phone sent may have gone to a broadcast list, and then the same id stands in the chat of everybody on it.
    """
    said = and_(Message.direction == Direction.IN, Message.kind != MessageKind.SYSTEM)
    return and_(Message.external_id.is_not(None), or_(said, Message.send_id.is_not(None)))


async def proving_external_ids(session: AsyncSession, chat_id: UUID, limit: int) -> list[str]:
    """Return the bare ids of a chat's newest bubbles that prove it, newest first."""
    rows = await session.scalars(
        select(Message.external_id)
        .where(Message.chat_id == chat_id, proves_chat())
        .order_by(Message.seq.desc())
        .limit(limit)
    )
    return [row for row in rows if row is not None]


async def messages_before(session: AsyncSession, chat_id: UUID, before_seq: int | None, limit: int) -> list[Message]:
    """Return up to `limit` messages below `before_seq` (all where none), oldest first."""
    query = select(Message).where(Message.chat_id == chat_id)
    if before_seq is not None:
        query = query.where(Message.seq < before_seq)
    rows = await session.scalars(query.order_by(Message.seq.desc()).limit(limit))
    return list(rows)[::-1]


async def attachments_of(session: AsyncSession, message_ids: Sequence[UUID]) -> dict[UUID, list[Attachment]]:
    """Return the attachments of messages, by message, in their order."""
    found: dict[UUID, list[Attachment]] = {}
    if message_ids:
        rows = await session.scalars(
            select(Attachment).where(Attachment.message_id.in_(message_ids)).order_by(Attachment.position)
        )
        for row in rows:
            found.setdefault(row.message_id, []).append(row)
    return found


def chat_rows() -> Select[Any]:
    """Return the query behind every chat that the API shows: (Chat, channel, assignee, last message, needs, pending, resting).

    `needs` is true where a customer has the last word and nothing is on its way to them. A text that WhatsApp Business sent by
    itself is nobody's word. `resting` is true while the machine rests on the chat.
    """
    last = aliased(Message)
    newest = (
        select(Message.id)
        .where(
            Message.tenant_id == Chat.tenant_id,
            Message.chat_id == Chat.id,
            Message.deleted_at.is_(None),
            Message.origin != MessageOrigin.AUTOMATION,
            Message.kind.not_in(_NO_WORD),
        )
        .order_by(Message.seq.desc())
        .limit(1)
        .correlate(Chat)
        .scalar_subquery()
    )
    on_its_way = exists().where(Send.tenant_id == Chat.tenant_id, Send.chat_id == Chat.id, Send.status.in_(_ON_ITS_WAY))
    waiting = and_(
        last.direction == Direction.IN,
        last.seq > Chat.resolved_seq,
        Chat.status.in_((ChatStatus.OPEN, ChatStatus.PENDING)),
        ~on_its_way,
    )
    pending = exists().where(
        Draft.tenant_id == Chat.tenant_id, Draft.chat_id == Chat.id, Draft.status == DraftStatus.PENDING
    )
    columns: tuple[Any, ...] = (
        Chat,
        Channel.name.label("channel_name"),
        Channel.mode.label("channel_mode"),
        User.name.label("assignee_name"),
        last.text.label("last_text"),
        last.kind.label("last_kind"),
        last.direction.label("last_direction"),
        func.coalesce(waiting, False).label("needs"),
        pending.label("pending"),
        (Chat.paused_until > func.clock_timestamp()).label("resting"),
    )
    return (
        select(*columns)
        .join(Channel, and_(Channel.tenant_id == Chat.tenant_id, Channel.id == Chat.channel_id))
        .outerjoin(User, and_(User.tenant_id == Chat.tenant_id, User.id == Chat.assignee_id))
        .outerjoin(last, and_(last.tenant_id == Chat.tenant_id, last.id == newest))
    )


def ordered(query: Select[Any]) -> Select[Any]:
    """Put chats that need a person first, the longest waiting on top; the others by their newest message."""
    needs = query.selected_columns.needs
    return query.order_by(
        needs.desc(),
        case((needs, func.extract("epoch", Chat.last_inbound_at))).asc(),
        Chat.last_message_at.desc().nulls_last(),
        Chat.id,
    )


def matching(
    query: Select[Any], *, status: ChatStatus | None, assignee: UUID | None, unassigned: bool, words: str | None
) -> Select[Any]:
    """Narrow a chat query by status, assignee and words in the title or in any message."""
    if status is not None:
        query = query.where(Chat.status == status)
    if unassigned:
        query = query.where(Chat.assignee_id.is_(None))
    elif assignee is not None:
        query = query.where(Chat.assignee_id == assignee)
    if words:
        like = "%" + words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        said = exists().where(Message.tenant_id == Chat.tenant_id, Message.chat_id == Chat.id, Message.text.ilike(like))
        query = query.where(or_(Chat.title.ilike(like), said))
    return query
