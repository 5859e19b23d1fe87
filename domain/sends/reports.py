"""What a bridge found out about a send, and what follows from it. Only evidence settles what is armed (design section 3.4).

A command about a send counts from the channel's holder alone. Evidence about an arming counts from the holder and from the device
that armed it, and only while that arming is the send's latest: a report that was long on its way cannot undo a later one.
"""

from contextlib import suppress
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.bridge import SendOutcome, SendReport, SendReported
from core.contracts.faults import SendFault
from core.contracts.principal import Principal
from core.contracts.states import SendStatus, SendWait
from core.errors import Conflict
from domain.chats.models import Chat
from domain.chats.repository import database_now, lock_chat
from domain.sends import outbox
from domain.sends.evidence import record_sent, surely_absent
from domain.sends.models import Send
from domain.sends.service import is_holder, lock_channel, refuse_other_channel
from domain.sends.transitions import move

_LONGEST_WAIT = 3600.0


async def report(session: AsyncSession, caller: Principal, send_id: UUID, body: SendReport) -> SendReported:
    """Store what the bridge found out and answer the send's status, which is the truth from then on.

    A send that is settled already, or that is not the caller's to report on, keeps its status, so a repeat is harmless.

    Raises:
        Conflict: the send belongs to another channel.
    """
    channel = await lock_channel(session, caller)
    chat = await lock_chat(session, await outbox.chat_of_send(session, send_id))
    send = await outbox.lock_send(session, send_id)
    refuse_other_channel(send, caller)
    holds = channel is not None and is_holder(channel, caller, body.epoch, await database_now(session))
    about_this_arming = body.arming == send.arming
    armed_it = about_this_arming and send.device_id == caller.subject_id
    before = send.status
    match send.status:
        case SendStatus.LEASED if holds:
            await _apply_leased(session, chat, send, body)
        case SendStatus.ARMED if about_this_arming and (holds or armed_it):
            await _apply_armed(session, chat, send, body)
        case SendStatus.UNKNOWN if holds or armed_it:
            await _apply_unknown(session, chat, send, body, about_this_arming)
        case SendStatus.ABANDONED if body.outcome == SendOutcome.SENT and body.external_id and (holds or armed_it):
            with suppress(Conflict):  # a bubble that proves nothing leaves it as the person saw it
                await record_sent(session, chat, send, body.external_id, body.tick)
    if send.status != before:
        send.screenshot = body.screenshot
        outbox.changed(session, send, chat)
    return SendReported(send_id=send.id, status=send.status)


async def _apply_leased(session: AsyncSession, chat: Chat, send: Send, body: SendReport) -> None:
    match body.outcome:
        case SendOutcome.SENT:
            await _found(session, chat, send, body)
        case SendOutcome.UNKNOWN:
            _doubt(send, body)
        case SendOutcome.RETURNED | SendOutcome.DISARMED:
            await _hand_back(session, chat, send, body)
        case SendOutcome.POSTPONED:
            wait = min(body.wait_seconds or 0.0, _LONGEST_WAIT)
            outbox.queue_again(send)
            send.wait_code = SendWait.BRIDGE_LIMIT
            send.wait_until = await database_now(session) + timedelta(seconds=wait)
        case SendOutcome.FAILED:
            move(send, SendStatus.FAILED)
            send.error_code, send.error_detail = body.code or SendFault.FAILED, body.detail
            await outbox.give_back_rest(
                session, chat, send, code=SendFault.PART_FAILED, detail="The part before this one could not be sent."
            )
        case SendOutcome.ABSENT:  # it was never armed, which is how it stands
            pass


async def _apply_armed(session: AsyncSession, chat: Chat, send: Send, body: SendReport) -> None:
    same_journal = send.installation_id == body.installation_id
    match body.outcome:
        case SendOutcome.SENT:
            await _found(session, chat, send, body)
        case SendOutcome.ABSENT if await surely_absent(session, send, body):
            outbox.queue_again(send)
            await outbox.recall_stale(session, chat)
        case SendOutcome.DISARMED | SendOutcome.RETURNED | SendOutcome.FAILED if same_journal:
            await _hand_back(session, chat, send, body)
        case SendOutcome.POSTPONED:
            pass
        case _:
            _doubt(send, body)


async def _apply_unknown(
    session: AsyncSession, chat: Chat, send: Send, body: SendReport, about_this_arming: bool
) -> None:
    if body.outcome == SendOutcome.SENT:
        await _found(session, chat, send, body)
    elif about_this_arming and body.detail:
        send.error_detail = body.detail


async def _found(session: AsyncSession, chat: Chat, send: Send, body: SendReport) -> None:
    """Settle a send by its bubble. One that proves nothing leaves doubt, which a person settles; the bridge knows no better."""
    try:
        if body.external_id is None:
            raise Conflict("A sent report needs the bubble that was read back.", code=SendFault.NO_EVIDENCE)
        await record_sent(session, chat, send, body.external_id, body.tick)
    except Conflict as refused:
        if send.status != SendStatus.UNKNOWN:
            move(send, SendStatus.UNKNOWN)
        send.error_code, send.error_detail = refused.reason_code, refused.detail


def _doubt(send: Send, body: SendReport) -> None:
    move(send, SendStatus.UNKNOWN)
    send.error_code = body.code or SendFault.UNDECIDED
    send.error_detail = body.detail or "The page did not show whether this message left."


async def _hand_back(session: AsyncSession, chat: Chat, send: Send, body: SendReport) -> None:
    await outbox.give_back(
        session, chat, send, code=body.code or str(body.outcome), detail=body.detail or "The bridge could not send it."
    )
