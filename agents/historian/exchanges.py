"""A past chat as exchanges: what the customer wrote in one go, and what the business replied to it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from core.contracts.history import PastKind, PastMessage
from core.contracts.states import Direction

_ONE_GO = timedelta(hours=6)
_ANSWERED_WITHIN = timedelta(days=3)
_SAME_REPLY = timedelta(hours=1)
_BEFORE = 4
_AUTOMATIC_FROM = 3
_AT_ONCE = timedelta(minutes=1)
"""Some exports tell no seconds."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """`before` are the last few messages before `burst`, `reply` what followed it. `seen` says that each was readable text."""

    before: Sequence[PastMessage]
    burst: Sequence[PastMessage]
    reply: Sequence[PastMessage]
    seen: bool


def exchanges(messages: Sequence[PastMessage]) -> Iterator[Exchange]:
    """Yield the exchanges of a chat. What WhatsApp sent by itself is no reply."""
    said = [m for m in messages if m.direction is not None and m.kind in {PastKind.TEXT, PastKind.MEDIA}]
    automatic = automatic_texts(said)
    kept = [m for m in said if m.direction is Direction.IN or m.text not in automatic]
    at = 0
    while at < len(kept):
        burst_end = _run(kept, at, Direction.IN, _ONE_GO)
        if burst_end == at:
            at += 1
            continue
        reply_end = burst_end
        if burst_end < len(kept) and kept[burst_end].at - kept[burst_end - 1].at <= _ANSWERED_WITHIN:
            reply_end = _run(kept, burst_end, Direction.OUT, _SAME_REPLY)
        if reply_end > burst_end:
            both = kept[at:reply_end]
            seen = all(message.kind is PastKind.TEXT for message in both)
            before = [m for m in kept[max(0, at - _BEFORE) : at] if m.text]
            yield Exchange(before, _texts(kept[at:burst_end]), _texts(kept[burst_end:reply_end]), seen)
        at = max(reply_end, burst_end)


def automatic_texts(messages: Sequence[PastMessage]) -> frozenset[str]:
    """Return what the business sent word for word three times or more, each time at once: nobody types so fast."""
    at_once: Counter[str] = Counter()
    typed: set[str] = set()
    asked = None
    for message in messages:
        if message.direction is Direction.IN:
            asked = message.at
        elif message.text:
            if asked is not None and message.at - asked <= _AT_ONCE:
                at_once[message.text] += 1
            else:
                typed.add(message.text)
    return frozenset(text for text, count in at_once.items() if count >= _AUTOMATIC_FROM and text not in typed)


def _run(messages: Sequence[PastMessage], start: int, direction: Direction, pause: timedelta) -> int:
    """Return where the run of one side's messages that begins at `start` ends: at the other side or at a pause."""
    end = start
    while end < len(messages) and messages[end].direction is direction:
        if end > start and messages[end].at - messages[end - 1].at > pause:
            break
        end += 1
    return end


def _texts(messages: Sequence[PastMessage]) -> list[PastMessage]:
    return [replace(message, kind=PastKind.TEXT) for message in messages if message.text]
