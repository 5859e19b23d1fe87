"""The last exchanges of a chat, out of its rows: only what customers really wrote and what of ours really left.

Left out are messages from before the desk read the chat, deleted ones, texts that WhatsApp Business sends by itself, and sends
without proof.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.history import PastChat, PastKind, PastMessage
from core.contracts.learning import DeskChat, DeskExchange
from core.contracts.proposals import SourceName
from core.contracts.states import (
    AutomationState,
    ChatKind,
    ChatMode,
    Direction,
    DraftOrigin,
    MessageKind,
    MessageOrigin,
)
from domain.accounts.models import Tenant
from domain.channels.models import Channel
from domain.chats.models import AutomationSighting, AutomationText, Chat, Message
from domain.chats.pausing import NO_ANSWER
from domain.contacts.models import Contact
from domain.drafts.models import Draft, DraftPassage
from domain.sends.models import Send
from domain.sends.transitions import LEFT

_MOST_MESSAGES = 200
_DAYS = timedelta(days=14)
_ONE_GO = timedelta(hours=6)
_ANSWERED_WITHIN = timedelta(days=3)
_OURS = (MessageOrigin.DESK, MessageOrigin.AUTO, MessageOrigin.PHONE)


@dataclass(frozen=True, slots=True)
class _Said:
    """One message that counts, or the text of a send that a person saw arrive."""

    id: UUID
    at: datetime
    shown_at: datetime
    direction: Direction
    text: str
    readable: bool
    draft_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Talk:
    """A chat to learn from, and when something was last said in it."""

    chat: DeskChat
    last_at: datetime


async def read_talk(session: AsyncSession, chat_id: UUID, now: datetime) -> Talk | None:
    """Return what a chat teaches from; None where it is not one person's, the desk is off there, or nothing was said."""
    row = (
        await session.execute(
            select(Chat, Channel, Tenant, Contact)
            .join(Channel, and_(Channel.tenant_id == Chat.tenant_id, Channel.id == Chat.channel_id))
            .join(Tenant, Tenant.id == Chat.tenant_id)
            .outerjoin(Contact, and_(Contact.tenant_id == Chat.tenant_id, Contact.id == Chat.contact_id))
            .where(Chat.id == chat_id)
        )
    ).one_or_none()
    if row is None:
        return None
    chat, channel, tenant, contact = row
    if chat.kind != ChatKind.PERSON or (chat.mode or channel.mode) == ChatMode.OFF:
        return None
    sends = list(await session.scalars(select(Send).where(Send.chat_id == chat_id, Send.queued_at > now - _DAYS)))
    said = await _said(session, chat_id, now, sends)
    if not said:
        return None
    drafts = {
        draft.id: draft
        for draft in await session.scalars(
            select(Draft).where(Draft.chat_id == chat_id, Draft.created_at > now - _DAYS).order_by(Draft.id)
        )
    }
    cited = await _cited(session, drafts)
    zone = ZoneInfo(channel.timezone)
    exchanges = [_exchange(burst, reply, until, drafts, cited, sends, zone) for burst, reply, until in _cut(said)]
    names = dict.fromkeys(name for name in (contact.display_name if contact else None, chat.title) if name)
    past = PastChat([_past(one, zone) for one in said], tenant.name, list(names))
    return Talk(DeskChat(past, chat.language, exchanges), said[-1].at)


async def _said(session: AsyncSession, chat_id: UUID, now: datetime, sends: Sequence[Send]) -> list[_Said]:
    by_machine = (
        select(AutomationSighting.message_id)
        .outerjoin(
            AutomationText,
            and_(
                AutomationText.tenant_id == AutomationSighting.tenant_id,
                AutomationText.channel_id == AutomationSighting.channel_id,
                AutomationText.text_sha256 == AutomationSighting.text_sha256,
            ),
        )
        .where(AutomationSighting.chat_id == chat_id, AutomationText.state.is_distinct_from(AutomationState.PERSON))
    )
    rows = await session.scalars(
        select(Message)
        .where(
            Message.chat_id == chat_id,
            Message.history.is_(False),
            Message.deleted_at.is_(None),
            Message.kind.not_in(NO_ANSWER),
            Message.received_at > now - _DAYS,
            Message.id.not_in(by_machine),
        )
        .order_by(Message.seq.desc())
        .limit(_MOST_MESSAGES)
    )
    left = {send.id: send for send in sends if send.status in LEFT}
    said = [_of_message(row, left) for row in rows if _counts(row, left)]
    seen_by_people = [send for send in left.values() if send.message_id is None and send.sent_at is not None]
    said += [
        _Said(send.id, send.sent_at, send.sent_at, Direction.OUT, send.text, True, send.draft_id)
        for send in seen_by_people
        if send.sent_at is not None
    ]
    return sorted(said, key=lambda one: (one.at, one.id))


def _counts(row: Message, left: Mapping[UUID, Send]) -> bool:
    if row.direction == Direction.IN:
        return True
    return row.origin in _OURS and (row.origin == MessageOrigin.PHONE or row.send_id in left)


def _of_message(row: Message, left: Mapping[UUID, Send]) -> _Said:
    send = left.get(row.send_id) if row.send_id is not None else None
    return _Said(
        id=row.id,
        at=row.received_at,
        shown_at=row.wa_at or row.received_at,
        direction=Direction(row.direction),
        text=row.text or "",
        readable=row.kind == MessageKind.TEXT and bool(row.text),
        draft_id=send.draft_id if send is not None else None,
    )


def _cut(said: Sequence[_Said]) -> Iterator[tuple[Sequence[_Said], Sequence[_Said], datetime | None]]:
    """Yield what was written in one go, what was replied to it, and when the next one began."""
    at = 0
    while at < len(said):
        if said[at].direction is Direction.OUT:
            at += 1
            continue
        burst_end = _run(said, at, Direction.IN)
        reply_end = burst_end
        if burst_end < len(said) and said[burst_end].at - said[burst_end - 1].at <= _ANSWERED_WITHIN:
            reply_end = _run(said, burst_end, Direction.OUT)
        yield said[at:burst_end], said[burst_end:reply_end], said[reply_end].at if reply_end < len(said) else None
        at = reply_end


def _run(said: Sequence[_Said], start: int, direction: Direction) -> int:
    end = start
    while end < len(said) and said[end].direction is direction:
        if end > start and said[end].at - said[end - 1].at > _ONE_GO:
            break
        end += 1
    return end


def _exchange(
    burst: Sequence[_Said],
    reply: Sequence[_Said],
    until: datetime | None,
    drafts: Mapping[UUID, Draft],
    cited: Mapping[UUID, Sequence[SourceName]],
    sends: Sequence[Send],
    zone: ZoneInfo,
) -> DeskExchange:
    draft = _draft_behind(burst, reply, until, drafts)
    sent = {one.draft_id for one in reply if one.draft_id is not None}
    whole = all(_left_whole(draft_id, sends) for draft_id in sent)
    return DeskExchange(
        burst=[_past(one, zone) for one in burst],
        reply=[_past(one, zone) for one in reply],
        drafted=list(draft.parts) if draft is not None else None,
        missing=list(draft.missing) if draft is not None else [],
        cited=cited.get(draft.id, ()) if draft is not None else (),
        seen=whole and all(one.readable for one in (*burst, *reply)),
        sighting=str(burst[0].id),
    )


def _draft_behind(
    burst: Sequence[_Said], reply: Sequence[_Said], until: datetime | None, drafts: Mapping[UUID, Draft]
) -> Draft | None:
    """Return the machine's draft that was revised into the reply, else the newest that lay before staff when they replied."""
    for one in reply:
        draft = drafts.get(one.draft_id) if one.draft_id is not None else None
        while draft is not None:
            if draft.origin == DraftOrigin.MACHINE:
                return draft
            draft = drafts.get(draft.parent_id) if draft.parent_id is not None else None
    end = reply[0].at if reply else until
    lay = [
        draft
        for draft in drafts.values()
        if draft.origin == DraftOrigin.MACHINE
        and draft.created_at >= burst[0].at
        and (end is None or draft.created_at <= end)
    ]
    return max(lay, key=lambda draft: draft.created_at, default=None)


def _left_whole(draft_id: UUID, sends: Sequence[Send]) -> bool:
    own = [send for send in sends if send.draft_id == draft_id]
    return len({send.part for send in own if send.status in LEFT}) == own[0].parts_total


async def _cited(session: AsyncSession, drafts: Mapping[UUID, Draft]) -> dict[UUID, list[SourceName]]:
    rows = await session.execute(
        select(DraftPassage.draft_id, DraftPassage.source_id, DraftPassage.source_title)
        .where(DraftPassage.draft_id.in_(list(drafts)), DraftPassage.cited)
        .order_by(DraftPassage.draft_id, DraftPassage.rank)
    )
    found: dict[UUID, list[SourceName]] = {}
    for draft_id, source_id, title in rows:
        name = SourceName(source_id=source_id, title=title)
        if name not in found.setdefault(draft_id, []):
            found[draft_id].append(name)
    return found


def _past(one: _Said, zone: ZoneInfo) -> PastMessage:
    return PastMessage(
        at=one.shown_at.astimezone(zone).replace(tzinfo=None),
        author=None,
        text=one.text,
        kind=PastKind.TEXT if one.readable else PastKind.MEDIA,
        direction=one.direction,
    )
