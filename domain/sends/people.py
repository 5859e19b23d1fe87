"""What people may do with sends: look, settle an unknown one, cancel, send again."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.bridge import BridgeHintType
from core.contracts.drafts import RetrySend, SettleSend
from core.contracts.drafts import Send as WireSend
from core.contracts.faults import SendFault
from core.contracts.ids import new_id
from core.contracts.principal import Principal
from core.contracts.states import SendStatus
from core.errors import Conflict, InvalidInput, StaleDecision
from core.settings import DeskSettings
from domain.audit.service import record
from domain.channels.service import ring_holder
from domain.chats.repository import database_now, lock_chat
from domain.chats.service import messages_since
from domain.due import service as due
from domain.proposals.soon import learn_soon
from domain.sends import outbox
from domain.sends.models import Send
from domain.sends.transitions import RETRYABLE, move
from domain.sends.waiting import why_waiting

NEWS = 20
"""So many new messages are shown to somebody who would have sent over them."""


async def list_sends(
    session: AsyncSession, status: SendStatus | None, chat_id: UUID | None, limit: int, desk: DeskSettings
) -> list[WireSend]:
    """Return sends, newest first, narrowed by status and chat; each that waits says for what."""
    query = select(Send).order_by(Send.queued_at.desc(), Send.part.desc()).limit(limit)
    if status is not None:
        query = query.where(Send.status == status)
    if chat_id is not None:
        query = query.where(Send.chat_id == chat_id)
    rows = list(await session.scalars(query))
    reasons = await why_waiting(session, rows, desk)
    return [outbox.to_wire(row, reasons.get(row.id)) for row in rows]


async def settle(session: AsyncSession, caller: Principal, send_id: UUID, body: SettleSend) -> WireSend:
    """Let a person say what became of an unknown send: it is on the customer's phone (`sent`), or given up (`abandoned`).

    Raises:
        InvalidInput: another outcome. Conflict: the send is not unknown.
    """
    if body.outcome not in (SendStatus.SENT, SendStatus.ABANDONED):
        raise InvalidInput(
            "An unknown send is settled as sent or abandoned.", hint="Look at the chat on your phone, then choose one."
        )
    chat = await lock_chat(session, await outbox.chat_of_send(session, send_id))
    send = await outbox.lock_send(session, send_id)
    if send.status == SendStatus.ABANDONED:
        raise Conflict("This send was closed already.", hint="Reload the chat.", current={"status": send.status})
    move(send, body.outcome)
    send.settled_by = caller.subject_id
    if body.outcome == SendStatus.SENT:
        send.sent_at = await database_now(session)
        await learn_soon(session, send.tenant_id, chat.id)
    if body.outcome == SendStatus.ABANDONED and body.put_back:
        await outbox.put_back(session, chat, send)
    else:
        await outbox.give_back_rest(
            session, chat, send, code=SendFault.PART_UNKNOWN, detail="Nobody saw the part before this one arrive."
        )
    record(session, caller, "send.settled", "send", send.id, {"outcome": str(body.outcome), "put_back": body.put_back})
    outbox.changed(session, send, chat)
    return outbox.to_wire(send)


async def cancel(session: AsyncSession, caller: Principal, send_id: UUID) -> WireSend:
    """Stop a send that is not armed yet, and the parts behind it.

    Raises:
        Conflict: it is armed or gone.
    """
    chat = await lock_chat(session, await outbox.chat_of_send(session, send_id))
    send = await outbox.lock_send(session, send_id)
    for part in await outbox.sends_of_draft(session, send.draft_id):
        if part.id == send.id or (part.part > send.part and part.status == SendStatus.QUEUED):
            move(part, SendStatus.CANCELLED)
            outbox.changed(session, part, chat)
            await ring_holder(session, chat.channel_id, BridgeHintType.SEND_CANCELLED, send_id=part.id)
    record(session, caller, "send.cancelled", "send", send.id, {})
    return outbox.to_wire(send)


async def retry(
    session: AsyncSession, caller: Principal, send_id: UUID, body: RetrySend, desk: DeskSettings
) -> WireSend:
    """Queue the same text again as a new row, which stands by itself: below whatever the person saw last. The old one stays.

    Raises:
        StaleDecision: the chat went on since the person looked; `current` holds its version and the new messages.
        Conflict: the send may still be on its way, or it was tried again already. InvalidInput: no channel takes its text.
    """
    chat = await lock_chat(session, await outbox.chat_of_send(session, send_id))
    old = await outbox.lock_send(session, send_id)
    if body.chat_version != chat.version:
        news = await messages_since(session, chat.id, old.queued_at, NEWS)
        raise StaleDecision(
            "Something new came into this chat since you looked.",
            hint="Read it, then send again.",
            current={"chat_version": chat.version, "messages": [one.model_dump(mode="json") for one in news]},
        )
    outbox.refuse_unsendable([old.text])
    if old.error_code == SendFault.PUT_BACK:
        raise Conflict("Its text was put back as a draft.", hint="Approve that draft, or write anew.")
    if old.status not in RETRYABLE:
        raise Conflict(
            f"This send is {old.status}; sending it again could make it arrive twice.",
            hint="Settle it first if it is unknown.",
            current={"status": old.status},
        )
    if await session.scalar(select(Send.id).where(Send.retry_of == old.id)) is not None:
        raise Conflict("This send was tried again already.", hint="Reload the chat to see how that went.")
    now = await database_now(session)
    until = now + timedelta(hours=desk.send_wait_hours)
    send = Send(
        tenant_id=old.tenant_id,
        id=new_id(),
        chat_id=old.chat_id,
        channel_id=old.channel_id,
        draft_id=old.draft_id,
        part=old.part,
        parts_total=old.parts_total,
        text=old.text,
        text_sha256=old.text_sha256,
        status=SendStatus.QUEUED,
        chat_version=chat.version,
        automatic=False,
        approved_by=caller.subject_id,
        retry_of=old.id,
        queued_at=now,
        expires_at=until,
    )
    session.add(send)
    await session.flush()
    await due.schedule(session, send.tenant_id, outbox.WATCH_TASK, send.id, until)
    record(session, caller, "send.retried", "send", send.id, {"retry_of": str(old.id)})
    outbox.changed(session, send, chat)
    await ring_holder(session, chat.channel_id, BridgeHintType.SEND_QUEUED)
    return outbox.to_wire(send)
