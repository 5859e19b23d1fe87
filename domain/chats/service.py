"""Chats for people: lists, context, and the changes that staff make."""

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts import chats as wire
from core.contracts.base import Page
from core.contracts.events import EventType
from core.contracts.principal import Principal
from core.contracts.states import ChatMode, ChatStatus, Direction, MessageKind, PauseReason
from core.errors import Conflict, InvalidInput, NotFound
from core.settings import DeskSettings
from domain import paging
from domain.accounts.models import User
from domain.audit.service import record
from domain.byok import service as owner_drafts
from domain.chats import files, pausing
from domain.chats.automation import automation_answered
from domain.chats.events import announce
from domain.chats.models import Attachment, Chat, Message
from domain.chats.repository import (
    attachments_of,
    chat_rows,
    database_now,
    lock_chat,
    matching,
    messages_before,
    ordered,
)
from domain.drafts import runs, store
from domain.due import service as due

CONTEXT_MESSAGES = 10
WAKE_TASK = "chat.wake"
_AUTO = (ChatMode.AUTO, ChatMode.AUTO_AFTER_HOURS)


async def list_chats(
    session: AsyncSession,
    *,
    status: ChatStatus | None = None,
    assignee: UUID | None = None,
    unassigned: bool = False,
    words: str | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[wire.Chat]:
    """Return a page of chats, those that need a person first.

    Raises:
        InvalidInput: the cursor is not one of ours.
    """
    offset = _offset(cursor)
    query = matching(chat_rows(), status=status, assignee=assignee, unassigned=unassigned, words=words)
    rows = (await session.execute(ordered(query).offset(offset).limit(limit + 1))).all()
    following = _cursor(offset + limit) if len(rows) > limit else None
    return Page[wire.Chat](items=[_chat(row) for row in rows[:limit]], next_cursor=following)


async def get_chat(session: AsyncSession, chat_id: UUID) -> wire.Chat:
    """Return one chat as lists show it.

    Raises:
        NotFound: no such chat in the tenant.
    """
    row = (await session.execute(chat_rows().where(Chat.id == chat_id))).one_or_none()
    if row is None:
        raise NotFound("There is no such chat.", hint="Reload the list of chats.")
    return _chat(row)


async def list_messages(session: AsyncSession, chat_id: UUID, before_seq: int | None, limit: int) -> Page[wire.Message]:
    """Return a page of messages, oldest first; `next_cursor` is the `before_seq` of the page above.

    Raises:
        NotFound: no such chat in the tenant.
    """
    if await session.scalar(select(Chat.id).where(Chat.id == chat_id)) is None:
        raise NotFound("There is no such chat.", hint="Reload the list of chats.")
    rows = await messages_before(session, chat_id, before_seq, limit + 1)
    more = len(rows) > limit
    shown = rows[1:] if more else rows
    return Page[wire.Message](items=await _messages(session, shown), next_cursor=str(shown[0].seq) if more else None)


async def messages_since(session: AsyncSession, chat_id: UUID, moment: datetime, limit: int) -> list[wire.Message]:
    """Return the newest `limit` messages that were stored after `moment`, oldest first."""
    rows = await messages_before(session, chat_id, None, limit)
    return await _messages(session, [row for row in rows if row.received_at > moment])


async def context(session: AsyncSession, chat_id: UUID) -> wire.ChatContext:
    """Return what is needed to decide on a chat: its last ten messages, the waiting draft, the newest run. A pure read.

    Raises:
        NotFound: no such chat in the tenant.
    """
    chat = await get_chat(session, chat_id)
    messages = await messages_before(session, chat_id, None, CONTEXT_MESSAGES)
    draft = await store.current(session, chat_id)
    run = await runs.current_run(session, chat_id)
    return wire.ChatContext(
        chat=chat,
        messages=await _messages(session, messages),
        draft=await store.to_wire(session, draft) if draft else None,
        run=runs.to_wire(run) if run else None,
        owner_draft=await owner_drafts.current(session, chat),
        automation_at=await automation_answered(session, chat_id, chat.last_inbound_at)
        if chat.last_inbound_at
        else None,
    )


async def change_chat(
    session: AsyncSession, caller: Principal, chat_id: UUID, body: wire.ChangeChat, desk: DeskSettings
) -> wire.Chat:
    """Apply what staff changed on a chat.

    Raises:
        NotFound: no such chat or member. Conflict: an auto mode that has not been earned. InvalidInput: a snooze without an end.
    """
    chat = await lock_chat(session, chat_id)
    if body.mode is not None:
        if body.mode in _AUTO:
            raise Conflict(
                "Automatic replies are locked for this channel.",
                hint="They open once enough watched replies were judged good.",
                code="auto_not_earned",
            )
        chat.mode = body.mode
    await _assign(session, chat, body)
    await _set_status(session, chat, body)
    if body.resume:
        await pausing.resume(session, chat, desk)
    elif body.pause:
        await pausing.pause(session, chat, desk, PauseReason.HAND)
        await runs.call_off(session, chat, "a person paused the machine")
    record(session, caller, "chat.changed", "chat", chat.id, {"fields": sorted(body.model_fields_set)})
    await session.flush()
    announce(session, chat, EventType.CHAT_UPDATED)
    return await get_chat(session, chat_id)


async def mark_read(session: AsyncSession, chat_id: UUID) -> wire.Chat:
    """Set the desk's own unread count to nothing; the customer's phone is not told.

    Raises:
        NotFound: no such chat in the tenant.
    """
    chat = await lock_chat(session, chat_id)
    if chat.unread:
        chat.unread = 0
        await session.flush()
        announce(session, chat, EventType.CHAT_UPDATED)
    return await get_chat(session, chat_id)


async def take_over(session: AsyncSession, caller: Principal, chat_id: UUID, desk: DeskSettings) -> wire.Chat:
    """Give a chat to the caller and let the machine rest on it: its draft and its due run are retired (law 9).

    Raises:
        NotFound: no such chat in the tenant.
    """
    chat = await lock_chat(session, chat_id)
    chat.assignee_id = caller.subject_id
    await pausing.pause(session, chat, desk, PauseReason.TAKEOVER)
    await store.retire_open(session, chat, "a person took over")
    await runs.call_off(session, chat, "a person took over")
    record(session, caller, "chat.taken_over", "chat", chat.id)
    await session.flush()
    announce(session, chat, EventType.CHAT_UPDATED)
    return await get_chat(session, chat_id)


async def wake(session: AsyncSession, chat_id: UUID) -> None:
    """Open a snoozed chat whose time has come, and take it off the list of due work unless it was snoozed again meanwhile."""
    chat = await lock_chat(session, chat_id)
    until = chat.snoozed_until if chat.status == ChatStatus.SNOOZED else None
    if until is not None and until > await database_now(session):
        await due.schedule(session, chat.tenant_id, WAKE_TASK, chat.id, until)
        return
    await due.clear(session, chat.tenant_id, WAKE_TASK, chat.id)
    if until is not None:
        chat.status, chat.snoozed_until = ChatStatus.OPEN, None
        announce(session, chat, EventType.CHAT_UPDATED)


async def _assign(session: AsyncSession, chat: Chat, body: wire.ChangeChat) -> None:
    if body.unassign:
        chat.assignee_id = None
    elif body.assignee_id is not None:
        member = await session.scalar(select(User.id).where(User.id == body.assignee_id, User.disabled_at.is_(None)))
        if member is None:
            raise NotFound("There is no such member.", hint="Choose somebody from the list of members.")
        chat.assignee_id = member


async def _set_status(session: AsyncSession, chat: Chat, body: wire.ChangeChat) -> None:
    if body.status is None:
        return
    if body.status == ChatStatus.SNOOZED and body.snoozed_until is None:
        raise InvalidInput("A snoozed chat needs a time to come back.", hint="Set snoozed_until.")
    chat.status = body.status
    chat.snoozed_until = body.snoozed_until if body.status == ChatStatus.SNOOZED else None
    if chat.snoozed_until is None:
        await due.clear(session, chat.tenant_id, WAKE_TASK, chat.id)
    else:
        await due.schedule(session, chat.tenant_id, WAKE_TASK, chat.id, chat.snoozed_until)
    if body.status == ChatStatus.RESOLVED:
        chat.resolved_seq = chat.next_seq - 1
        await store.retire_open(session, chat, "the chat was resolved")
        await runs.call_off(session, chat, "the chat was resolved")


def _chat(row: Any) -> wire.Chat:
    chat: Chat = row.Chat
    preview = row.last_text if row.last_text else (f"[{row.last_kind}]" if row.last_kind else None)
    return wire.Chat(
        id=chat.id,
        channel_id=chat.channel_id,
        channel_name=row.channel_name,
        kind=chat.kind,
        title=chat.title,
        status=chat.status,
        mode=chat.mode or row.channel_mode,
        assignee_id=chat.assignee_id,
        assignee_name=row.assignee_name,
        version=chat.version,
        unread=chat.unread,
        language=chat.language,
        last_message_at=chat.last_message_at,
        last_inbound_at=chat.last_inbound_at,
        last_preview=preview[:160] if preview else None,
        last_direction=row.last_direction,
        needs_person=row.needs,
        has_pending_draft=row.pending,
        paused_until=chat.paused_until if row.resting else None,
        pause_reason=PauseReason(chat.pause_reason) if row.resting and chat.pause_reason else None,
    )


async def _messages(session: AsyncSession, rows: Sequence[Message]) -> list[wire.Message]:
    found = await attachments_of(session, [row.id for row in rows])
    return [_message(row, found.get(row.id, [])) for row in rows]


def _message(row: Message, attachments: Sequence[Attachment]) -> wire.Message:
    return wire.Message(
        id=row.id,
        chat_id=row.chat_id,
        seq=row.seq,
        direction=Direction(row.direction),
        origin=row.origin,
        kind=MessageKind(row.kind),
        text=row.text,
        language=row.language,
        received_at=row.received_at,
        wa_at=row.wa_at,
        tick=row.tick,
        author=row.author,
        send_id=row.send_id,
        quoted_text=row.quoted_text,
        edited=row.edited_at is not None,
        deleted=row.deleted_at is not None,
        attachments=[files.to_wire(row) for row in attachments],
    )


def _cursor(offset: int) -> str:
    return base64.urlsafe_b64encode(f"o{offset}".encode()).decode()


def _offset(cursor: str | None) -> int:
    if cursor is None:
        return 0
    try:
        text = base64.urlsafe_b64decode(cursor.encode()).decode()
        if not text.startswith("o"):
            raise ValueError
        return max(0, int(text[1:]))
    except (ValueError, binascii.Error):
        raise paging.not_ours() from None
