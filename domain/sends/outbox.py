"""Putting approved text on its way, and taking it back to staff where it cannot go."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.bridge import BridgeHintType
from core.contracts.drafts import Send as WireSend
from core.contracts.events import EventType
from core.contracts.faults import SendFault
from core.contracts.ids import new_id
from core.contracts.states import DraftStatus, SendStatus, SendWait
from core.contracts.texts import MAX_PART_CHARS, TextFault, fault_in, text_sha256
from core.errors import Conflict, InvalidInput, NotFound
from core.settings import DeskSettings
from domain.channels.service import ring_holder
from domain.chats.events import announce
from domain.chats.models import Chat
from domain.chats.repository import database_now
from domain.chats.window import burst_is_late
from domain.drafts import store
from domain.drafts.models import Draft
from domain.due import service as due
from domain.sends.models import Send
from domain.sends.transitions import ON_ITS_WAY, WAITING, move

WATCH_TASK = "send.watch"
MOVED: Final = frozenset({SendFault.CHAT_MOVED, SendFault.PARTLY_SENT})
"""Error codes of sends that came back because the chat went on."""

Wait = tuple[SendWait, datetime | None]
"""Why a send is not on its way yet, and until when, where that is known."""

_FAULTS = {
    TextFault.EMPTY: "The text is empty.",
    TextFault.TOO_LONG: f"The text is longer than the {MAX_PART_CHARS} characters that one message may have.",
    TextFault.CONTROL: "The text holds a control character.",
}


async def lock_send(session: AsyncSession, send_id: UUID) -> Send:
    """Return the send, locked; its chat must be locked already.

    Raises:
        NotFound: no such send in the tenant.
    """
    send = await session.scalar(
        select(Send).where(Send.id == send_id).with_for_update().execution_options(populate_existing=True)
    )
    if send is None:
        raise NotFound("There is no such send.", hint="Reload the chat.")
    return send


async def chat_of_send(session: AsyncSession, send_id: UUID) -> UUID:
    """Return the chat that a send belongs to, without locking anything.

    Raises:
        NotFound: no such send in the tenant.
    """
    chat_id = await session.scalar(select(Send.chat_id).where(Send.id == send_id))
    if chat_id is None:
        raise NotFound("There is no such send.", hint="Reload the chat.")
    return chat_id


def refuse_cold(chat: Chat) -> None:
    """Refuse to write to somebody who never wrote: WAXOS answers, it does not approach.

    Raises:
        Conflict: the chat holds no message of the customer.
    """
    if chat.last_inbound_at is None:
        raise Conflict(
            "This person has not written to you, so WAXOS does not write first.",
            hint="Wait for their message, or write from your phone.",
            code="cold_message",
        )


def refuse_unsendable(parts: Sequence[str]) -> None:
    """Refuse text that no channel takes as it is, before it is queued; the draft stays as it was.

    Raises:
        InvalidInput: a part is empty, too long or holds a control character; the code is a `TextFault`.
    """
    for part in parts:
        fault = fault_in(part)
        if fault is not None:
            raise InvalidInput(_FAULTS[fault], hint="Edit the text, then send it again.", code=fault)


async def queue(session: AsyncSession, chat: Chat, draft: Draft, desk: DeskSettings, *, automatic: bool) -> list[Send]:
    """Queue one send a part of a draft that was just approved, in the same transaction.

    Raises:
        Conflict: nobody wrote first, or a machine would answer what is older than the answer window (law 10).
        InvalidInput: no channel takes the text as it is.
    """
    refuse_cold(chat)
    if automatic and await burst_is_late(session, chat, desk):
        raise Conflict(
            "The customer wrote too long ago for an automatic reply.",
            hint="Read the chat and approve the draft.",
            code="answer_window",
        )
    refuse_unsendable(draft.parts)
    now = await database_now(session)
    until = now + timedelta(hours=desk.send_wait_hours)
    sends = [
        Send(
            tenant_id=draft.tenant_id,
            id=new_id(),
            chat_id=chat.id,
            channel_id=chat.channel_id,
            draft_id=draft.id,
            part=part,
            parts_total=len(draft.parts),
            text=text,
            text_sha256=text_sha256([text]),
            status=SendStatus.QUEUED,
            chat_version=chat.version,
            automatic=automatic,
            approved_by=draft.decided_by,
            queued_at=now,
            expires_at=until,
        )
        for part, text in enumerate(draft.parts)
    ]
    session.add_all(sends)
    await session.flush()
    for send in sends:
        await due.schedule(session, send.tenant_id, WATCH_TASK, send.id, until)
        changed(session, send, chat)
    await ring_holder(session, chat.channel_id, BridgeHintType.SEND_QUEUED)
    return sends


async def give_back_rest(session: AsyncSession, chat: Chat, send: Send, *, code: str, detail: str) -> None:
    """Return the parts behind a send that will not be proven to have left: they could never be armed."""
    following = [part for part in await _rest(session, send) if part.part > send.part]
    if following:
        await give_back(session, chat, following[0], code=code, detail=detail)


def queue_again(send: Send) -> None:
    """Put a locked send that surely did not leave back into the queue, free of whoever had it in hand."""
    move(send, SendStatus.QUEUED)
    send.epoch = send.device_id = send.lease_until = None
    send.arming = send.installation_id = send.armed_at = send.click_deadline_at = send.tail_external_id = None


async def recall(session: AsyncSession, chat: Chat, send: Send) -> None:
    """Take a send that is not armed and the parts behind it back: the chat went on after they were approved."""
    if send.part > 0 and send.retry_of is None:
        code, detail = SendFault.PARTLY_SENT, f"The chat went on after {send.part} of {send.parts_total} parts."
    else:
        code, detail = SendFault.CHAT_MOVED, "The chat changed after this reply was approved."
    await give_back(session, chat, send, code=code, detail=detail)


async def recall_stale(session: AsyncSession, chat: Chat) -> None:
    """Take back everything of a locked chat that waits for its bridge and was approved before the chat's present version."""
    rows = await session.scalars(
        select(Send)
        .where(Send.chat_id == chat.id, Send.status.in_(WAITING), Send.chat_version != chat.version)
        .order_by(Send.queued_at, Send.part)
        .with_for_update()
    )
    for send in list(rows):
        if send.status == SendStatus.LEASED:
            await ring_holder(session, chat.channel_id, BridgeHintType.SEND_CANCELLED, send_id=send.id)
        if send.status in WAITING:  # not taken back already with a part before it
            await recall(session, chat, send)


async def give_back(
    session: AsyncSession,
    chat: Chat,
    send: Send,
    *,
    code: str,
    detail: str,
    status: SendStatus = SendStatus.RETURNED,
) -> Draft | None:
    """Return a send and the parts behind it to staff as a pending draft with the same text (never to be sent twice by chance).

    Text that was approved by a machine is not brought back: a newer draft takes its place.
    """
    rest = await _rest(session, send)
    for part in rest:
        move(part, status)
        part.error_code, part.error_detail = code, detail
        part.wait_code = part.wait_until = None
        changed(session, part, chat)
    if send.automatic:
        return None
    return await before_staff(session, chat, send.draft_id, [part.text for part in rest], detail)


async def put_back(session: AsyncSession, chat: Chat, send: Send) -> Draft:
    """Lay the text of a send that a person calls not sent before staff again, with the parts behind it that were still to go."""
    rest = await _rest(session, send)
    for part in rest:
        move(part, SendStatus.RETURNED)
        part.error_code, part.error_detail = SendFault.PART_UNKNOWN, "The part before this one was not sent."
        part.wait_code = part.wait_until = None
        changed(session, part, chat)
    send.error_code, send.error_detail = SendFault.PUT_BACK, "Its text was put back as a draft."
    texts = [send.text, *(part.text for part in rest)]
    return await before_staff(session, chat, send.draft_id, texts, "a person saw that it was not sent")


async def before_staff(session: AsyncSession, chat: Chat, draft_id: UUID, texts: list[str], why: str) -> Draft:
    """Lay texts of a draft, whose sends did not leave, before staff as a new pending draft."""
    draft = await store.lock_draft(session, draft_id)
    await store.make_room(session, chat)
    back = store.add_human_draft(
        session,
        chat,
        draft_id=None,
        author_id=draft.decided_by,
        parts=texts,
        parent=draft,
        status=DraftStatus.PENDING,
        intent=None,
        reason=f"{store.RETURNED}: {why}",
    )
    back.check = draft.check if texts == draft.parts else None
    await session.flush()
    await store.copy_passages(session, draft.id, back)
    store.changed(session, back, chat)
    return back


async def sends_of_draft(session: AsyncSession, draft_id: UUID) -> Sequence[Send]:
    """Return the sends of a draft in the order of its parts."""
    return list(
        await session.scalars(select(Send).where(Send.draft_id == draft_id).order_by(Send.part, Send.queued_at))
    )


def changed(session: AsyncSession, send: Send, chat: Chat) -> None:
    """Tell panels and the bridge, after the commit, that a send changed."""
    announce(session, chat, EventType.SEND_UPDATED, send_id=send.id, draft_id=send.draft_id)


def to_wire(send: Send, wait: Wait | None = None) -> WireSend:
    """Return a send as the API shows it, with why it waits where the caller knows."""
    code, until = wait or (None, None)
    shown = {"wait_code": code, "wait_until": until, "has_picture": send.picture_key is not None}
    return WireSend.model_validate(send).model_copy(update=shown)


async def _rest(session: AsyncSession, send: Send) -> list[Send]:
    """Return what goes back with a send: itself, and the later parts that wait. One of those may be armed, where it was sent again
    by itself before this one was: it may have left.
    """
    itself = and_(Send.id == send.id, Send.status.in_(ON_ITS_WAY))
    behind = and_(Send.part > send.part, Send.status.in_(WAITING))
    rows = await session.scalars(
        select(Send).where(Send.draft_id == send.draft_id, or_(itself, behind)).order_by(Send.part).with_for_update()
    )
    return list(rows)
