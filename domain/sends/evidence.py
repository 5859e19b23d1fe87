"""What counts as proof that a message left, or that it surely did not (design section 3.4)."""

from datetime import timedelta

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.bridge import ABSENCE_PROOF, NEVER_CLICKED, SendReport
from core.contracts.events import EventType
from core.contracts.faults import SendFault
from core.contracts.ids import new_id
from core.contracts.states import TICK_ORDER, ChatStatus, Direction, MessageKind, MessageOrigin, SendStatus, Tick
from core.contracts.texts import same_on_page
from core.errors import Conflict
from domain.chats.events import announce
from domain.chats.models import Chat, Message
from domain.chats.repository import database_now
from domain.proposals.soon import learn_soon
from domain.sends import outbox, repeats
from domain.sends.models import Send
from domain.sends.transitions import ON_ITS_WAY, move

_SETTLE_WAIT = timedelta(seconds=10)
_SLEEP = timedelta(hours=24)
_STATUS_OF_TICK = {Tick.DELIVERED: SendStatus.DELIVERED, Tick.READ: SendStatus.READ}


async def record_sent(session: AsyncSession, chat: Chat, send: Send, external_id: str, tick: Tick | None) -> Message:
    """Settle a send by the bubble that was read back; the bubble may have been observed before this report.

    Raises:
        Conflict: the bubble belongs to another send, to another chat, or is not ours.
    """
    now = await database_now(session)
    message = await session.scalar(
        select(Message)
        .where(Message.channel_id == send.channel_id, Message.external_id == external_id)
        .with_for_update()
    )
    if message is None:
        message = _bubble(chat, send, external_id)
        message.received_at = now
        session.add(message)
        chat.next_seq += 1
    elif message.send_id not in (None, send.id):
        raise Conflict(
            "That bubble is the proof of another send.", code=SendFault.BUBBLE_TAKEN, hint="Read the chat again."
        )
    elif message.chat_id != chat.id or message.direction != Direction.OUT:
        raise Conflict(
            "That bubble is not ours, or not in this chat.", code=SendFault.NO_EVIDENCE, hint="Read the chat again."
        )
    message.send_id, message.origin = send.id, _origin(send)
    given_up = send.status == SendStatus.ABANDONED
    move(send, SendStatus.SENT)
    send.external_id, send.message_id, send.sent_at = external_id, message.id, now
    send.error_code = send.error_detail = None
    chat.last_message_at = chat.last_outbound_at = now
    chat.answered_seq = max(chat.answered_seq, message.seq)
    if not await _more_to_come(session, send) and chat.status == ChatStatus.OPEN:
        chat.status = ChatStatus.PENDING
    await session.flush()
    await apply_tick(session, chat, message, tick or Tick.SENT)
    if message.tick in _STATUS_OF_TICK:  # a tick may have been seen before this report tied the bubble to the send
        await _tick_send(session, chat, send, Tick(message.tick))
    announce(session, chat, EventType.MESSAGE_NEW, message_id=message.id)
    if given_up:
        await repeats.withdraw(session, chat, send)
    if not send.automatic:
        await learn_soon(session, send.tenant_id, chat.id)
    return message


async def own_send_of(session: AsyncSession, chat: Chat, message: Message) -> bool:
    """Tell whether an own bubble that was just stored is one of our sends and not a reply from the phone.

    It settles a send that was in doubt: anyone may conclude "found". An armed one is left to its bridge's report. A message from
    before the chat was first read proves nothing: the same words may have been there already.
    """
    rows = await session.scalars(
        select(Send).where(Send.chat_id == chat.id, _may_turn_up()).order_by(Send.armed_at, Send.part).with_for_update()
    )
    text = message.text or ""
    send = next((one for one in rows if same_on_page(one.text, text)), None)
    if send is None and not message.history:
        send = await _given_up(session, chat, text)
    if send is None:
        return False
    if message.history or message.external_id is None:
        return True
    if send.status in (SendStatus.UNKNOWN, SendStatus.ABANDONED):
        await record_sent(session, chat, send, message.external_id, Tick(message.tick) if message.tick else None)
        outbox.changed(session, send, chat)
    elif send.status == SendStatus.SENT:
        message.send_id = send.id
        send.external_id, send.message_id = message.external_id, message.id
    return True


async def _given_up(session: AsyncSession, chat: Chat, text: str) -> Send | None:
    """Return a send of the last day that a person called not sent although its click may have been under way in a browser that slept."""
    since = await database_now(session) - _SLEEP
    rows = await session.scalars(
        select(Send)
        .where(Send.chat_id == chat.id, Send.status == SendStatus.ABANDONED, Send.armed_at > since)
        .order_by(Send.armed_at, Send.part)
        .with_for_update()
    )
    return next((one for one in rows if same_on_page(one.text, text)), None)


def _may_turn_up() -> ColumnElement[bool]:
    """A send whose bubble may still turn up: in doubt, or called sent by a person who saw it on the phone."""
    in_doubt = Send.status.in_((SendStatus.ARMED, SendStatus.UNKNOWN))
    return or_(in_doubt, and_(Send.status == SendStatus.SENT, Send.message_id.is_(None)))


async def apply_tick(session: AsyncSession, chat: Chat, message: Message, tick: Tick) -> bool:
    """Move a message of ours, and its send, forward to `tick`; an older tick changes nothing. Returns whether it moved."""
    if message.direction != Direction.OUT:
        return False
    if message.tick is not None and TICK_ORDER[tick] <= TICK_ORDER[Tick(message.tick)]:
        return False
    message.tick = tick
    if message.send_id is not None and tick in _STATUS_OF_TICK:
        send = await outbox.lock_send(session, message.send_id)
        await _tick_send(session, chat, send, tick)
    announce(session, chat, EventType.MESSAGE_UPDATED, message_id=message.id)
    return True


async def surely_absent(session: AsyncSession, send: Send, body: SendReport) -> bool:
    """Return whether a report proves that an armed send never left; only the installation that armed it can know.

    Either its journal shows that it stopped before it could click, or it has seen the whole page, its old browser dead, after
    the deadline and ten seconds more by the database's clock.
    """
    if (
        send.status != SendStatus.ARMED
        or send.arming != body.arming
        or send.installation_id != body.installation_id
        or send.click_deadline_at is None
    ):
        return False
    if body.evidence.get(NEVER_CLICKED) is True:
        return True
    waited = await database_now(session) > send.click_deadline_at + _SETTLE_WAIT
    return waited and all(body.evidence.get(name) is True for name in ABSENCE_PROOF)


async def _tick_send(session: AsyncSession, chat: Chat, send: Send, tick: Tick) -> None:
    target = _STATUS_OF_TICK[tick]
    if send.status in (SendStatus.SENT, SendStatus.DELIVERED) and send.status != target:
        now = await database_now(session)
        move(send, target)
        send.delivered_at = send.delivered_at or now
        send.read_at = now if target == SendStatus.READ else send.read_at
        outbox.changed(session, send, chat)


async def _more_to_come(session: AsyncSession, send: Send) -> bool:
    row = await session.scalar(
        select(Send.id)
        .where(Send.draft_id == send.draft_id, Send.part > send.part, Send.status.in_(ON_ITS_WAY))
        .limit(1)
    )
    return row is not None


def _origin(send: Send) -> MessageOrigin:
    return MessageOrigin.AUTO if send.automatic else MessageOrigin.DESK


def _bubble(chat: Chat, send: Send, external_id: str) -> Message:
    return Message(
        tenant_id=send.tenant_id,
        id=new_id(),
        chat_id=chat.id,
        channel_id=send.channel_id,
        seq=chat.next_seq,
        external_id=external_id,
        direction=Direction.OUT,
        origin=_origin(send),
        kind=MessageKind.TEXT,
        text=send.text,
        send_id=send.id,
        wa_precision="minute",
        history=False,
    )
