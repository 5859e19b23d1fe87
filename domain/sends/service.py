"""The server's side of a send: one in hand a chat, armed by comparison, settled by evidence (design section 3.4).

Lock order: channel → chat → draft → send. All times are the database's.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from core.contracts.bridge import (
    CLICK_WINDOW_MS,
    Arm,
    Armed,
    NextSend,
    SendOrder,
    SendOutcome,
    SendReport,
    SendReported,
)
from core.contracts.principal import Principal
from core.contracts.states import ChatKind, SendStatus
from core.errors import Conflict
from core.settings import DeskSettings
from domain.channels.models import Channel
from domain.chats.models import Chat
from domain.chats.repository import database_now, lock_chat, newest_external_ids
from domain.due import service as due
from domain.sends import outbox
from domain.sends.evidence import record_sent, surely_absent
from domain.sends.models import Send
from domain.sends.transitions import LEFT, move

KNOWN_IDS = 8


async def hold_channel(session: AsyncSession, caller: Principal, epoch: int, *, to_change: bool = False) -> Channel:
    """Return the caller's channel, locked, if the caller holds it now under `epoch`: the fence before every act.

    Raises:
        Conflict: another bridge holds the channel, or the lease has run out.
    """
    channel = await session.scalar(
        select(Channel)
        .where(Channel.id == caller.channel_id)
        .with_for_update(read=not to_change)
        .execution_options(populate_existing=True)
    )
    now = await database_now(session)
    if (
        channel is None
        or channel.holder_device_id != caller.subject_id
        or channel.epoch != epoch
        or channel.lease_until is None
        or channel.lease_until <= now
    ):
        raise Conflict(
            "This bridge does not hold the channel any more.",
            hint="Take the lease again; what is armed is settled by reading the chat.",
            code="lease_lost",
            current={"epoch": channel.epoch if channel else None},
        )
    return channel


async def lease_next(session: AsyncSession, caller: Principal, body: NextSend, desk: DeskSettings) -> SendOrder | None:
    """Give the holder the one send to work on now, or None.

    An armed send comes first and only to be settled; a leased one is given again, since the answer may have been lost.
    """
    channel = await hold_channel(session, caller, body.epoch)
    unsettled = await session.scalar(
        select(Send)
        .where(Send.channel_id == channel.id, Send.status == SendStatus.ARMED)
        .order_by(Send.armed_at)
        .limit(1)
    )
    if unsettled is not None:
        chat = await lock_chat(session, unsettled.chat_id)
        return await _order(session, chat, await outbox.lock_send(session, unsettled.id), body.epoch, settle_only=True)
    for send_id, chat_id in await _candidates(session, channel, desk):
        chat = await lock_chat(session, chat_id)
        send = await outbox.lock_send(session, send_id)
        if send.status not in (SendStatus.QUEUED, SendStatus.LEASED):
            continue
        if await _return_if_stale(session, chat, send):
            continue
        if send.status == SendStatus.QUEUED:
            move(send, SendStatus.LEASED)
        send.epoch, send.device_id = body.epoch, caller.subject_id
        send.lease_until = channel.lease_until
        outbox.changed(session, send, chat)
        return await _order(session, chat, send, body.epoch, settle_only=False)
    return None


async def arm(
    session: AsyncSession, caller: Principal, send_id: UUID, body: Arm, desk: DeskSettings
) -> Armed | Conflict:
    """Allow one click, if everything is still as it was approved.

    A chat that moved on gives the send back to staff: that refusal (`chat_moved`) is returned, not raised, so that it is committed.

    Raises:
        Conflict: `lease_lost`, `text_differs`, `tail_unknown`, `armed_before`, `not_leased`.
    """
    channel = await hold_channel(session, caller, body.epoch, to_change=True)
    chat = await lock_chat(session, await outbox.chat_of_send(session, send_id))
    send = await outbox.lock_send(session, send_id)
    now = await database_now(session)
    _refuse_other_channel(send, caller)
    if send.status == SendStatus.ARMED:
        return _armed_again(send, body, now)
    if send.status != SendStatus.LEASED or send.epoch != body.epoch:
        raise Conflict(
            f"This send is {send.status}, not in this bridge's hands.",
            code="not_leased",
            hint="Ask for the next send.",
            current={"status": send.status},
        )
    if body.text_sha256 != send.text_sha256:
        raise Conflict(
            "The text in the box is not the approved text.", code="text_differs", hint="Empty the box and begin again."
        )
    if await _return_if_stale(session, chat, send):
        return Conflict(
            "The chat changed after this reply was approved; it went back to staff.",
            code="chat_moved",
            hint="Empty the box and ask for the next send.",
            current={"chat_version": chat.version, "approved_at_version": send.chat_version},
        )
    await _compare_tail(session, chat, send, body)
    move(send, SendStatus.ARMED)
    send.installation_id, send.armed_at, send.tail_external_id = body.installation_id, now, body.tail_external_id
    send.click_deadline_at = now + timedelta(milliseconds=CLICK_WINDOW_MS)
    until = now + timedelta(seconds=desk.armed_guard_seconds)
    channel.guard_until = max(channel.guard_until or until, until)
    await due.schedule(session, send.tenant_id, outbox.WATCH_TASK, send.id, until)
    outbox.changed(session, send, chat)
    return Armed(send_id=send.id, click_within_ms=CLICK_WINDOW_MS, deadline_at=send.click_deadline_at)


async def report(session: AsyncSession, caller: Principal, send_id: UUID, body: SendReport) -> SendReported:
    """Store what the bridge found out. A send that is settled already keeps its status, so a repeated report is harmless.

    Raises:
        Conflict: the send is in hand, but not in a state that this outcome can follow.
    """
    chat = await lock_chat(session, await outbox.chat_of_send(session, send_id))
    send = await outbox.lock_send(session, send_id)
    _refuse_other_channel(send, caller)
    if send.status in (SendStatus.LEASED, SendStatus.ARMED, SendStatus.UNKNOWN):
        await _apply(session, chat, send, body)
        outbox.changed(session, send, chat)
    return SendReported(send_id=send.id, status=send.status)


async def _apply(session: AsyncSession, chat: Chat, send: Send, body: SendReport) -> None:
    match body.outcome:
        case SendOutcome.SENT:
            if body.external_id is None:
                raise Conflict(
                    "A sent report needs the bubble that was read back.",
                    code="no_evidence",
                    hint="Read the chat again.",
                )
            await record_sent(session, chat, send, body.external_id, body.tick)
        case SendOutcome.ABSENT if await surely_absent(session, send, body):
            move(send, SendStatus.QUEUED)
            send.epoch = send.installation_id = send.armed_at = send.click_deadline_at = send.lease_until = None
        case SendOutcome.ABSENT | SendOutcome.UNKNOWN:
            if send.status != SendStatus.UNKNOWN:
                move(send, SendStatus.UNKNOWN)
            send.error_code = body.code or "undecided"
            send.error_detail = body.detail or "The page did not show whether this message left."
        case SendOutcome.DISARMED | SendOutcome.RETURNED:
            await _hand_back(session, chat, send, body)
        case SendOutcome.FAILED:
            move(send, SendStatus.FAILED)
            send.error_code, send.error_detail = body.code or "failed", body.detail
            await outbox.give_back_rest(
                session, chat, send, code="part_failed", detail="The part before this one could not be sent."
            )


async def _hand_back(session: AsyncSession, chat: Chat, send: Send, body: SendReport) -> None:
    armed_elsewhere = send.status == SendStatus.ARMED and send.installation_id != body.installation_id
    if armed_elsewhere or (body.outcome == SendOutcome.RETURNED and send.status == SendStatus.ARMED):
        raise Conflict(
            "Only the bridge that armed this send may say that it did not click.",
            code="not_yours",
            hint="Report unknown.",
        )
    if send.status not in (SendStatus.LEASED, SendStatus.ARMED):
        raise Conflict(
            f"This send is {send.status}.",
            code="not_leased",
            hint="Ask for the next send.",
            current={"status": send.status},
        )
    await outbox.give_back(
        session, chat, send, code=body.code or str(body.outcome), detail=body.detail or "The bridge could not send it."
    )


async def _candidates(session: AsyncSession, channel: Channel, desk: DeskSettings) -> list[tuple[UUID, UUID]]:
    """Return sends that may go now, oldest first: leased ones again, queued ones whose chat has none in hand and whose part is next."""
    in_hand, earlier = aliased(Send), aliased(Send)
    blocked = exists().where(
        in_hand.tenant_id == Send.tenant_id,
        in_hand.chat_id == Send.chat_id,
        in_hand.id != Send.id,
        in_hand.status.in_((SendStatus.LEASED, SendStatus.ARMED, SendStatus.UNKNOWN)),
    )
    waits = exists().where(
        earlier.tenant_id == Send.tenant_id,
        earlier.draft_id == Send.draft_id,
        earlier.part < Send.part,
        earlier.status.in_((SendStatus.QUEUED, SendStatus.LEASED, SendStatus.ARMED, SendStatus.UNKNOWN)),
    )
    if await _sent_last_hour(session, Send.channel_id == channel.id) >= desk.sends_per_hour:
        return []
    rows = await session.execute(
        select(Send.id, Send.chat_id)
        .where(Send.channel_id == channel.id, Send.status.in_((SendStatus.QUEUED, SendStatus.LEASED)), ~blocked, ~waits)
        .order_by((Send.status == SendStatus.LEASED).desc(), Send.queued_at, Send.part, Send.id)
        .limit(20)
    )
    found: list[tuple[UUID, UUID]] = []
    for send_id, chat_id in rows:
        if await _sent_last_hour(session, Send.chat_id == chat_id) < desk.sends_per_chat_hour:
            found.append((send_id, chat_id))
    return found


async def _sent_last_hour(session: AsyncSession, where: ColumnElement[bool]) -> int:
    count = await session.scalar(
        select(func.count()).select_from(Send).where(where, Send.armed_at > func.now() - timedelta(hours=1))
    )
    return count or 0


async def _return_if_stale(session: AsyncSession, chat: Chat, send: Send) -> bool:
    if chat.version == send.chat_version:
        return False
    await outbox.give_back(
        session, chat, send, code="chat_moved", detail="The chat changed after this reply was approved."
    )
    return True


def _refuse_other_channel(send: Send, caller: Principal) -> None:
    """Epochs count within a channel, so an equal one proves nothing about another's sends."""
    if send.channel_id != caller.channel_id:
        raise Conflict("This send belongs to another channel.", code="not_leased", hint="Ask for the next send.")


async def _compare_tail(session: AsyncSession, chat: Chat, send: Send, body: Arm) -> None:
    newest = await newest_external_ids(session, chat.id, 1)
    expected = newest[0] if newest else None
    if send.part > 0:
        expected = await _previous_external_id(session, send)
    if body.tail_external_id is None or body.tail_external_id != expected:
        raise Conflict(
            "The page's newest message is not the one that the desk knows.",
            code="tail_unknown",
            hint="Report what the page shows, then ask for the send again.",
            current={"expected_tail": expected},
        )


async def _previous_external_id(session: AsyncSession, send: Send) -> str | None:
    if send.part == 0:
        return None
    return await session.scalar(
        select(Send.external_id)
        .where(Send.draft_id == send.draft_id, Send.part == send.part - 1, Send.status.in_(LEFT))
        .limit(1)
    )


def _armed_again(send: Send, body: Arm, now: datetime) -> Armed:
    """Answer a repeated request whose first answer was lost: the time that is left, never a new window."""
    same = (
        send.epoch == body.epoch
        and send.installation_id == body.installation_id
        and send.tail_external_id == body.tail_external_id
        and send.text_sha256 == body.text_sha256
    )
    left = ((send.click_deadline_at or now) - now).total_seconds() * 1000
    if not same or left <= 0:
        raise Conflict("This send was armed before.", code="armed_before", hint="Settle it by reading the chat.")
    return Armed(send_id=send.id, click_within_ms=int(left), deadline_at=send.click_deadline_at or now)


async def _order(session: AsyncSession, chat: Chat, send: Send, epoch: int, *, settle_only: bool) -> SendOrder:
    return SendOrder(
        send_id=send.id,
        epoch=epoch,
        chat_id=chat.id,
        title=chat.title,
        kind=ChatKind(chat.kind),
        text=send.text,
        text_sha256=send.text_sha256,
        part=send.part,
        parts_total=send.parts_total,
        known_external_ids=await newest_external_ids(session, chat.id, KNOWN_IDS),
        previous_part_external_id=await _previous_external_id(session, send),
        settle_only=settle_only,
        armed_tail_external_id=send.tail_external_id if settle_only else None,
        armed_by_installation=send.installation_id if settle_only else None,
        click_deadline_at=send.click_deadline_at if settle_only else None,
    )
