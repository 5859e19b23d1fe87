"""Greeting and away texts that WhatsApp Business sends by itself. On the page they look like a reply typed on the phone.

What tells them apart is that the same text stands at once below customers' messages in several chats. Times are weak witnesses:
WhatsApp shows minutes, and a bridge that was away sees an hour at once. So for a new text
- where the bridge was there when the customer wrote, ten seconds by the time of observation, and no later than the next minute shown;
- where it was not, the very same minute shown.
A text that is known needs the same or the next minute only. An owner has the last word on each text.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, case, delete, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.bridge import MessageSeen
from core.contracts.channels import AutomationText as WireAutomationText
from core.contracts.channels import JudgeAutomation
from core.contracts.events import EventType
from core.contracts.ids import new_id
from core.contracts.principal import Principal
from core.contracts.states import AutomationState, Direction, MessageKind, MessageOrigin, PauseReason
from core.contracts.texts import comparable
from core.db.session import Ring, after_commit
from core.errors import InvalidInput, NotFound
from core.settings import DeskSettings
from domain.audit.service import record, record_machine
from domain.channels.models import Channel
from domain.channels.service import changed as channel_changed
from domain.chats import pausing
from domain.chats.events import announce
from domain.chats.models import AutomationSighting, AutomationText, Chat, Message
from domain.chats.repository import database_now, lock_chat
from domain.drafts import returned, runs
from domain.due import service as due
from domain.sends import outbox

SETTLE_TASK = "automation.settle"
CHATS = 3
"""In so many chats a text is seen before it counts as automatic."""
WINDOW = timedelta(days=7)
AT_ONCE = timedelta(seconds=10)
_MINUTE = timedelta(minutes=1)
_WATCHED = timedelta(seconds=90)
"""A message that is observed so soon after the minute that it shows was seen as it came in: a minute, and a page that is read."""
_LOOK_ABOVE = 4
_AUTOMATIC = Message.origin == literal_column(f"'{MessageOrigin.AUTOMATION}'")
"""Spelled out and not bound, so that every plan may use the index of just these."""


async def is_automatic(session: AsyncSession, channel: Channel, row: Message, seen: MessageSeen) -> bool:
    """Tell whether an own bubble that was just stored was sent by WhatsApp Business itself, and note what speaks for it.

    The chat and the channel are locked. The third chat with the same text makes it known: the owner is warned, and a task
    takes back what followed from it in the first two.
    """
    plain = comparable(row.text or "")
    if row.kind != MessageKind.TEXT or row.history or not plain:
        return False
    above = await _inbound_above(session, row, seen)
    if above is None:
        return False
    sha256 = hashlib.sha256(plain.encode()).hexdigest()
    known = await session.scalar(
        select(AutomationText)
        .where(AutomationText.channel_id == channel.id, AutomationText.text_sha256 == sha256)
        .with_for_update(read=True)
    )
    if known is not None and known.state == AutomationState.PERSON:
        return False
    if not _at_once(above, row, known=known is not None):
        return False
    if known is None:
        await _forget_old(session, row)
    await _note_sighting(session, row, sha256)
    if known is not None:
        channel_changed(session, channel)
        return True
    if await _chats_with(session, channel.id, sha256) < CHATS:
        return False
    await _recognise(session, channel, row, sha256)
    return True


async def automation_answered(session: AsyncSession, chat_id: UUID, since: datetime) -> datetime | None:
    """Return when WhatsApp Business last answered a chat by itself since a moment; then a notice of ours would be a second one."""
    return await session.scalar(
        select(func.max(Message.received_at)).where(
            Message.chat_id == chat_id, _AUTOMATIC, Message.received_at >= since
        )
    )


async def list_automations(session: AsyncSession) -> list[WireAutomationText]:
    """Return the texts that were recognised on all channels, those that no owner has judged first."""
    seen = (
        select(
            AutomationSighting.channel_id,
            AutomationSighting.text_sha256,
            func.min(AutomationSighting.seen_at).label("first"),
            func.max(AutomationSighting.seen_at).label("last"),
            func.count(AutomationSighting.chat_id.distinct()).label("chats"),
        )
        .group_by(AutomationSighting.channel_id, AutomationSighting.text_sha256)
        .subquery()
    )
    rows = await session.execute(
        select(AutomationText, seen.c.first, seen.c.last, seen.c.chats)
        .outerjoin(
            seen,
            (seen.c.channel_id == AutomationText.channel_id) & (seen.c.text_sha256 == AutomationText.text_sha256),
        )
        .order_by((AutomationText.state == AutomationState.RECOGNISED).desc(), AutomationText.created_at.desc())
    )
    return [
        WireAutomationText(
            id=text.id,
            channel_id=text.channel_id,
            text=text.text,
            state=AutomationState(text.state),
            first_seen_at=first or text.created_at,
            last_seen_at=last or text.created_at,
            chats=chats or 0,
        )
        for text, first, last, chats in rows.all()
    ]


async def judge(session: AsyncSession, caller: Principal, text_id: UUID, body: JudgeAutomation) -> WireAutomationText:
    """Let an owner say what a text is. What followed from the judgement before is taken back by a task.

    Raises:
        NotFound: no such text in the tenant. InvalidInput: neither `kept` nor `person`.
    """
    if body.state not in (AutomationState.KEPT, AutomationState.PERSON):
        raise InvalidInput("A text is judged as kept or as a person's.", hint="Choose kept or person.")
    text = await _lock_text(session, text_id)
    if text is None:
        raise NotFound("There is no such automatic text.", hint="Reload the channels.")
    text.state, text.judged_by, text.judged_at = body.state, caller.subject_id, await database_now(session)
    record(session, caller, "automation.judged", "automation_text", text.id, {"state": str(body.state)})
    await _settle_soon(session, text)
    channel = (await session.execute(select(Channel).where(Channel.id == text.channel_id))).scalar_one()
    channel_changed(session, channel)
    await session.flush()
    return next(one for one in await list_automations(session) if one.id == text_id)


async def unsettled_chats(session: AsyncSession, text_id: UUID) -> Sequence[UUID]:
    """Return the chats in which a message with this text does not stand as the text is judged now."""
    rows = await session.scalars(
        select(AutomationSighting.chat_id)
        .join(AutomationText, _of_text())
        .join(Message, _of_message())
        .where(AutomationText.id == text_id, Message.origin != _origin())
        .distinct()
        .order_by(AutomationSighting.chat_id)
    )
    return list(rows)


async def settle_chat(session: AsyncSession, text_id: UUID, chat_id: UUID, desk: DeskSettings) -> None:
    """Bring one chat in line with the judgement of a text: whose the messages are, whether the machine rests, what is drafted."""
    chat = await lock_chat(session, chat_id)
    text = await _lock_text(session, text_id)
    messages = await session.scalars(
        select(Message)
        .join(AutomationSighting, _of_message())
        .join(AutomationText, _of_text())
        .where(AutomationText.id == text_id, Message.chat_id == chat_id, Message.origin != _origin())
        .order_by(Message.seq)
    )
    for message in list(messages):
        if text is not None and text.state == AutomationState.PERSON:
            await _give_to_person(session, chat, message, desk)
        else:
            message.origin = MessageOrigin.AUTOMATION
            await pausing.lift(session, chat, message.id)
        announce(session, chat, EventType.MESSAGE_UPDATED, message_id=message.id)
    await session.flush()
    await pausing.draft_if_unanswered(session, chat, desk)


async def finish(session: AsyncSession, text_id: UUID) -> None:
    """Take a text off the list of due work, unless a chat came in between or it was judged anew."""
    text = await _lock_text(session, text_id)
    if text is not None and not await unsettled_chats(session, text_id):
        await due.clear(session, text.tenant_id, SETTLE_TASK, text_id)


async def _give_to_person(session: AsyncSession, chat: Chat, message: Message, desk: DeskSettings) -> None:
    """Let follow what follows from a reply on the phone, as far as its time is not over and nothing came below it."""
    message.origin = MessageOrigin.PHONE
    await pausing.pause(session, chat, desk, PauseReason.PHONE, message_id=message.id, since=message.received_at)
    if not pausing.is_resting(chat, await database_now(session)):
        return
    chat.version += 1
    await returned.carry_over(session, chat, "a person answered on the phone")
    await outbox.recall_stale(session, chat)
    await runs.call_off(session, chat, "a person answered on the phone")


async def _inbound_above(session: AsyncSession, row: Message, seen: MessageSeen) -> Message | None:
    """Return the customer's message right above an own bubble; one own bubble between is a greeting that an away text follows."""
    above = list(
        await session.scalars(
            select(Message)
            .where(Message.chat_id == row.chat_id, Message.seq < row.seq)
            .order_by(Message.seq.desc())
            .limit(_LOOK_ABOVE)
        )
    )
    if above and seen.after is not None and seen.after != above[0].external_id:
        return None
    spoken = [one for one in above if one.kind not in pausing.NO_ANSWER]
    if spoken and spoken[0].origin in (MessageOrigin.PHONE, MessageOrigin.AUTOMATION):
        spoken = spoken[1:]
    if not spoken or spoken[0].direction != Direction.IN or spoken[0].history:
        return None
    return spoken[0]


def _at_once(inbound: Message, own: Message, *, known: bool) -> bool:
    observed = own.received_at - inbound.received_at <= AT_ONCE
    if inbound.wa_at is None or own.wa_at is None:
        return observed
    shown = own.wa_at - inbound.wa_at
    if known:
        return timedelta(0) <= shown <= _MINUTE
    if inbound.received_at - inbound.wa_at <= _WATCHED:
        return observed and timedelta(0) <= shown <= _MINUTE
    return shown == timedelta(0)


async def _forget_old(session: AsyncSession, row: Message) -> None:
    """Forget the sightings of the channel that are too old to count and led to nothing."""
    known = select(AutomationText.text_sha256).where(AutomationText.channel_id == row.channel_id)
    await session.execute(
        delete(AutomationSighting).where(
            AutomationSighting.channel_id == row.channel_id,
            AutomationSighting.seen_at < row.received_at - WINDOW,
            AutomationSighting.text_sha256.not_in(known),
        )
    )


async def _note_sighting(session: AsyncSession, row: Message, sha256: str) -> None:
    session.add(
        AutomationSighting(
            tenant_id=row.tenant_id,
            id=new_id(),
            channel_id=row.channel_id,
            text_sha256=sha256,
            chat_id=row.chat_id,
            message_id=row.id,
            seen_at=row.received_at,
        )
    )
    await session.flush()


async def _chats_with(session: AsyncSession, channel_id: UUID, sha256: str) -> int:
    count = await session.scalar(
        select(func.count(AutomationSighting.chat_id.distinct())).where(
            AutomationSighting.channel_id == channel_id,
            AutomationSighting.text_sha256 == sha256,
        )
    )
    return count or 0


async def _recognise(session: AsyncSession, channel: Channel, row: Message, sha256: str) -> None:
    text = AutomationText(
        tenant_id=row.tenant_id,
        id=new_id(),
        channel_id=channel.id,
        text_sha256=sha256,
        text=row.text,
        state=AutomationState.RECOGNISED,
    )
    session.add(text)
    record_machine(
        session, row.tenant_id, "automation.recognised", "automation_text", text.id, {"channel_id": str(channel.id)}
    )
    await session.flush()
    await _settle_soon(session, text)
    channel_changed(session, channel)


async def _settle_soon(session: AsyncSession, text: AutomationText) -> None:
    await due.schedule(session, text.tenant_id, SETTLE_TASK, text.id, await database_now(session))
    after_commit(session, Ring(SETTLE_TASK, text.tenant_id, text.id))


async def _lock_text(session: AsyncSession, text_id: UUID) -> AutomationText | None:
    return await session.scalar(
        select(AutomationText)
        .where(AutomationText.id == text_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def _of_text() -> ColumnElement[bool]:
    return (AutomationText.channel_id == AutomationSighting.channel_id) & (
        AutomationText.text_sha256 == AutomationSighting.text_sha256
    )


def _of_message() -> ColumnElement[bool]:
    return AutomationSighting.message_id == Message.id


def _origin() -> ColumnElement[str]:
    """The origin that a message should have by the judgement of its text."""
    return case((AutomationText.state == AutomationState.PERSON, MessageOrigin.PHONE), else_=MessageOrigin.AUTOMATION)
