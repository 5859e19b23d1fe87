"""The middle pane: both sides of a chat, who or what wrote each message, and what is still on its way out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from core.contracts.chats import Message
from core.contracts.drafts import Send
from core.contracts.states import MessageKind, MessageOrigin, SendStatus, Tick
from ui.views import labels
from ui.views.faults import Words, words_for

_IN_FLIGHT = frozenset({SendStatus.QUEUED, SendStatus.LEASED, SendStatus.ARMED, SendStatus.SENT})
_STUCK = frozenset({SendStatus.UNKNOWN, SendStatus.FAILED, SendStatus.RETURNED, SendStatus.EXPIRED})
_TICKS: dict[Tick, str] = {
    Tick.PENDING: "Waiting to leave",
    Tick.SENT: "Sent",
    Tick.DELIVERED: "Delivered",
    Tick.READ: "Read",
    Tick.FAILED: "Not delivered",
}


@dataclass(frozen=True, slots=True)
class Bubble:
    """One message as the template shows it; `day` is set on the first one of a day."""

    message: Message
    day: str | None
    author: str
    kind: str | None
    tick: str | None
    tick_label: str | None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One send that has no message yet. `state` is queued, leaving, unknown or failed."""

    send: Send
    state: str
    label: str
    can_cancel: bool
    can_retry: bool
    wait: str | None
    words: Words | None
    """What happened and what to do next, for one that is in doubt or did not leave; once for parts that came back together."""
    picture: str | None
    """Where the panel shows the picture that the bridge took of the chat."""
    behind: bool
    """Parts behind it still wait."""


def bubbles(messages: Sequence[Message], tz: ZoneInfo) -> list[Bubble]:
    """Return the messages in their order, with the days between them."""
    shown: list[Bubble] = []
    last: object = None
    for message in sorted(messages, key=lambda m: m.seq):
        day = message.received_at.astimezone(tz).date()
        shown.append(
            Bubble(
                message=message,
                day=_day_name(message.received_at, tz) if day != last else None,
                author=_author(message),
                kind=labels.KINDS.get(message.kind) if message.kind is not MessageKind.TEXT else None,
                tick=message.tick.value if message.tick else None,
                tick_label=_TICKS[message.tick] if message.tick else None,
            )
        )
        last = day
    return shown


def outgoing(sends: Sequence[Send], messages: Sequence[Message]) -> list[Outgoing]:
    """Return the sends that the thread does not show as messages and that a person should see, oldest first."""
    seen = {m.send_id for m in messages if m.send_id} | {s.retry_of for s in sends if s.retry_of}
    latest = max((m.received_at for m in messages), default=None)
    shown = [
        send
        for send in sorted(sends, key=lambda s: (s.queued_at, s.part))
        if send.id not in seen and send.message_id is None and _is_shown(send, latest)
    ]
    return [
        Outgoing(
            send=send,
            state=_state(send),
            label=labels.SENDS[send.status],
            can_cancel=_can_cancel(send),
            can_retry=send.status is SendStatus.FAILED,
            wait=labels.WAITS[send.wait_code] if send.wait_code else None,
            words=_words(send, shown),
            picture=f"/pictures/{send.id}" if send.has_picture else None,
            behind=any(s.draft_id == send.draft_id and s.part > send.part and s.status in _IN_FLIGHT for s in shown),
        )
        for send in shown
    ]


def _words(send: Send, shown: Sequence[Send]) -> Words | None:
    if send.status not in _STUCK:
        return None
    first = next(one for one in shown if (one.draft_id, one.status) == (send.draft_id, send.status))
    return words_for(send.error_code, send.error_detail) if send is first else None


def _is_shown(send: Send, latest: datetime | None) -> bool:
    if send.status in _IN_FLIGHT or send.status is SendStatus.UNKNOWN:
        return True
    # What failed stays until the chat has gone on.
    return send.status in _STUCK and (latest is None or send.queued_at >= latest)


def _state(send: Send) -> str:
    if send.status is SendStatus.UNKNOWN:
        return "unknown"
    if send.status in _STUCK:
        return "failed"
    return "queued" if send.status is SendStatus.QUEUED else "leaving"


def _can_cancel(send: Send) -> bool:
    return send.status in {SendStatus.QUEUED, SendStatus.LEASED}


def _day_name(at: datetime, tz: ZoneInfo) -> str:
    days = (datetime.now(tz).date() - at.astimezone(tz).date()).days
    if days in {0, 1}:
        return "Today" if days == 0 else "Yesterday"
    return at.astimezone(tz).strftime("%A" if 1 < days < 7 else "%d %B %Y")


def _author(message: Message) -> str:
    match message.origin:
        case MessageOrigin.CUSTOMER:
            return message.author or ""
        case MessageOrigin.DESK:
            return f"{message.author}, from the desk" if message.author else "From the desk"
        case MessageOrigin.AUTO:
            return "WAXOS, automatic"
        case MessageOrigin.PHONE:
            return "From the phone"
        case MessageOrigin.AUTOMATION:
            return "WhatsApp Business, automatic"
        case _:
            return ""
