"""Giving out sends and allowing the click: one in hand a chat, armed by comparison (design section 3.4). Outcomes are in `reports`.

Lock order: channel → chat → draft → send. All times are the database's.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from core.contracts.bridge import (
    CLICK_WINDOW_MS,
    Arm,
    Armed,
    NextSend,
    SendOrder,
)
from core.contracts.principal import Principal
from core.contracts.states import ChatKind, SendStatus
from core.errors import Conflict
from core.settings import DeskSettings
from domain.channels.health import takes_sends
from domain.channels.models import Channel
from domain.chats.models import Chat
from domain.chats.repository import database_now, lock_chat, lock_chat_after, newest_external_ids, proving_external_ids
from domain.due import service as due
from domain.sends import limits, outbox
from domain.sends.models import Send
from domain.sends.transitions import LEFT, WAITING, move
from domain.sends.watch import ring_when_open

KNOWN_IDS = 8


async def lock_channel(session: AsyncSession, caller: Principal, *, to_change: bool = False) -> Channel | None:
    """Return the caller's channel, locked so that it passes to nobody else before the transaction ends.

    Its key stays free: a chat that is written twice in one transaction has its channel's key looked at, with the chat locked already.
    """
    return await session.scalar(
        select(Channel)
        .where(Channel.id == caller.channel_id)
        .with_for_update(read=not to_change, key_share=to_change)
        .execution_options(populate_existing=True)
    )


def is_holder(channel: Channel, caller: Principal, epoch: int, now: datetime) -> bool:
    """Tell whether the caller holds a locked channel under `epoch` at this moment."""
    return (
        channel.holder_device_id == caller.subject_id
        and channel.epoch == epoch
        and channel.lease_until is not None
        and channel.lease_until > now
    )


async def hold_channel(session: AsyncSession, caller: Principal, epoch: int, *, to_change: bool = False) -> Channel:
    """Return the caller's channel, locked, if the caller holds it now under `epoch`: the fence before every act.

    Raises:
        Conflict: another bridge holds the channel, or the lease has run out.
    """
    channel = await lock_channel(session, caller, to_change=to_change)
    if channel is None or not is_holder(channel, caller, epoch, await database_now(session)):
        raise Conflict(
            "This bridge does not hold the channel any more.",
            hint="Take the lease again; what is armed is settled by reading the chat.",
            code="lease_lost",
            current={"epoch": channel.epoch if channel else None},
        )
    return channel


async def lease_next(session: AsyncSession, caller: Principal, body: NextSend, desk: DeskSettings) -> SendOrder | None:
    """Give the holder the one send to work on now, or None.

    An armed send comes first and only to be settled; a leased one is given again, since the answer may have been lost. What is
    found changed once its chat is locked is passed over, and the next one is looked for as things are by then.
    """
    channel = await hold_channel(session, caller, body.epoch)
    passed: set[UUID] = set()
    while (found := await _next_one(session, channel, desk, passed)) is not None:
        send_id, chat_id = found
        chat = await lock_chat_after(session, chat_id, free=bool(passed))
        passed.add(send_id)
        if chat is None:
            continue
        send = await outbox.lock_send(session, send_id)
        if send.status == SendStatus.ARMED:
            return await _order(session, chat, send, body.epoch, settle_only=True)
        if send.status not in WAITING or await _return_if_stale(session, chat, send) or await _postponed(session, send):
            continue
        if send.status == SendStatus.QUEUED:
            move(send, SendStatus.LEASED)
        send.epoch, send.device_id = body.epoch, caller.subject_id
        send.lease_until = channel.lease_until
        send.wait_code = send.wait_until = None
        outbox.changed(session, send, chat)
        return await _order(session, chat, send, body.epoch, settle_only=False)
    if not takes_sends(channel) and not passed:
        await _put_back(session, channel)
        return None
    await ring_when_open(session, channel, desk)
    return None


async def arm(
    session: AsyncSession, caller: Principal, send_id: UUID, body: Arm, desk: DeskSettings
) -> Armed | Conflict:
    """Allow one click, if everything is still as it was approved.

    A chat that moved on gives the send back to staff; one over a limit of the hour, or of a channel that was stopped, waits: those
    refusals (`chat_moved`, `over_limit`, `channel_stopped`) are returned, not raised, so that they are committed.

    Raises:
        Conflict: `lease_lost`, `text_differs`, `tail_unknown`, `armed_before`, `not_leased`.
    """
    channel = await hold_channel(session, caller, body.epoch, to_change=True)
    chat = await lock_chat(session, await outbox.chat_of_send(session, send_id))
    send = await outbox.lock_send(session, send_id)
    now = await database_now(session)
    refuse_other_channel(send, caller)
    if send.status == SendStatus.ARMED:
        return _armed_again(send, body, now)
    if send.status == SendStatus.RETURNED and send.error_code in outbox.MOVED:
        return _chat_moved(chat, send)
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
        return _chat_moved(chat, send)
    held_up = await _held_up(session, channel, send, desk)
    if held_up is not None:
        outbox.queue_again(send)
        outbox.changed(session, send, chat)
        return held_up
    await _compare_tail(session, chat, send, body)
    move(send, SendStatus.ARMED)
    send.arming, send.installation_id = body.arming, body.installation_id
    send.armed_at, send.tail_external_id = now, body.tail_external_id
    send.click_deadline_at = now + timedelta(milliseconds=CLICK_WINDOW_MS)
    until = now + timedelta(seconds=desk.armed_guard_seconds)
    channel.guard_until = max(channel.guard_until or until, until)
    await due.schedule(session, send.tenant_id, outbox.WATCH_TASK, send.id, until)
    outbox.changed(session, send, chat)
    return Armed(send_id=send.id, click_within_ms=CLICK_WINDOW_MS, deadline_at=send.click_deadline_at)


async def _put_back(session: AsyncSession, channel: Channel) -> None:
    """Queue again what the holder was given and, as it asks for the next, has not begun."""
    given = select(Send.id, Send.chat_id).where(Send.channel_id == channel.id, Send.status == SendStatus.LEASED)
    for send_id, chat_id in list(await session.execute(given.order_by(Send.chat_id))):
        chat = await lock_chat(session, chat_id)
        send = await outbox.lock_send(session, send_id)
        if send.status == SendStatus.LEASED:
            outbox.queue_again(send)
            outbox.changed(session, send, chat)


async def _held_up(session: AsyncSession, channel: Channel, send: Send, desk: DeskSettings) -> Conflict | None:
    """Return why a send that was taken must wait after all."""
    if not takes_sends(channel):
        return Conflict(
            "Sending was stopped on this channel; this reply waits.",
            code="channel_stopped",
            hint="Empty the box; it is offered again when the channel sends again.",
        )
    if await limits.full_until(session, send, desk) is not None:
        return Conflict(
            "The limit of messages an hour is reached; this one waits.",
            code="over_limit",
            hint="Empty the box; it is offered again when the limit allows it.",
        )
    return None


async def _next_one(
    session: AsyncSession, channel: Channel, desk: DeskSettings, passed: set[UUID]
) -> tuple[UUID, UUID] | None:
    """Return send and chat of the oldest armed one, else of the oldest that may go now: a leased one again, or a queued one whose
    chat has none in hand and whose part is next.
    """
    armed = await session.execute(
        select(Send.id, Send.chat_id)
        .where(Send.channel_id == channel.id, Send.status == SendStatus.ARMED, Send.id.not_in(passed))
        .order_by(Send.armed_at)
        .limit(1)
    )
    if (unsettled := armed.one_or_none()) is not None:
        return unsettled.id, unsettled.chat_id
    if not takes_sends(channel):
        return None
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
    if await limits.channel_full_until(session, channel.id, desk) is not None:
        return None
    rows = await session.execute(
        select(Send.id, Send.chat_id)
        .where(
            Send.channel_id == channel.id,
            Send.status.in_(WAITING),
            Send.id.not_in(passed),
            ~blocked,
            ~waits,
            ~limits.chat_is_full(Send.chat_id, desk),
            or_(Send.wait_until.is_(None), Send.wait_until <= func.clock_timestamp()),
        )
        .order_by((Send.status == SendStatus.LEASED).desc(), Send.queued_at, Send.part, Send.id)
        .limit(1)
    )
    waiting = rows.one_or_none()
    return None if waiting is None else (waiting.id, waiting.chat_id)


async def _postponed(session: AsyncSession, send: Send) -> bool:
    """Tell whether a locked send waits for its bridge's own limit: the report that says so may have come since it was chosen."""
    return send.wait_until is not None and send.wait_until > await database_now(session)


async def _return_if_stale(session: AsyncSession, chat: Chat, send: Send) -> bool:
    if chat.version == send.chat_version:
        return False
    await outbox.recall(session, chat, send)
    return True


def _chat_moved(chat: Chat, send: Send) -> Conflict:
    return Conflict(
        "The chat changed after this reply was approved; it went back to staff.",
        code="chat_moved",
        hint="Empty the box and ask for the next send.",
        current={"chat_version": chat.version, "approved_at_version": send.chat_version},
    )


def refuse_other_channel(send: Send, caller: Principal) -> None:
    """Epochs count within a channel, so an equal one proves nothing about another's sends."""
    if send.channel_id != caller.channel_id:
        raise Conflict("This send belongs to another channel.", code="not_leased", hint="Ask for the next send.")


async def _compare_tail(session: AsyncSession, chat: Chat, send: Send, body: Arm) -> None:
    newest = await newest_external_ids(session, chat.id, 1)
    expected = newest[0] if newest else None
    if _follows_a_part(send):
        expected = await _previous_external_id(session, send)
    if body.tail_external_id is None or body.tail_external_id != expected:
        raise Conflict(
            "The page's newest message is not the one that the desk knows.",
            code="tail_unknown",
            hint="Report what the page shows, then ask for the send again.",
            current={"expected_tail": expected},
        )


def _follows_a_part(send: Send) -> bool:
    """Tell whether the part before it must be the newest message. One sent again stands by itself: a person looked at the chat."""
    return send.part > 0 and send.retry_of is None


async def _previous_external_id(session: AsyncSession, send: Send) -> str | None:
    if not _follows_a_part(send):
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
        and send.arming == body.arming
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
        known_external_ids=await proving_external_ids(session, chat.id, KNOWN_IDS),
        previous_part_external_id=await _previous_external_id(session, send),
        settle_only=settle_only,
        armed_tail_external_id=send.tail_external_id if settle_only else None,
        armed_by_installation=send.installation_id if settle_only else None,
        arming=send.arming if settle_only else None,
        click_deadline_at=send.click_deadline_at if settle_only else None,
    )
