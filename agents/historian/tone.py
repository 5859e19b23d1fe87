"""How the business spoke in a past chat, in counts that can be added to those of other chats."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta

from agents.historian.answers import phrases
from agents.historian.exchanges import automatic_texts
from agents.text.lexicon import lexicon
from agents.text.words import fold, phrase_in, starts_with
from core.aal.language import base_of
from core.contracts.history import MARKS, PastKind, PastMessage, ToneSample
from core.contracts.states import Direction

_EMOJI = re.compile("[\U0001f1e6-\U0001faff\u2600-\u27bf\u2b50\u2764\ufe0f]")
_NEW_TALK = timedelta(hours=12)
_BUCKET = 20
_LONGEST_CLOSING = 60
_MOST_KEPT = 10


def tone_of(messages: Sequence[PastMessage], language: str | None) -> ToneSample:
    """Return how the business spoke; `messages` are redacted. Its automatic texts are left out: a machine spoke there."""
    automatic = automatic_texts(messages)
    told = [m for m in messages if m.kind is PastKind.TEXT and m.text not in automatic]
    ours = [m for m in told if m.direction is Direction.OUT]
    tag = base_of(language) if language else ""
    greetings = [_greeting(message.text, language) for message in _openings(told)]
    lines = Counter(line for message in ours if (line := _last_line(message.text)) is not None)
    return ToneSample(
        messages=len(ours),
        with_emoji=sum(_EMOJI.search(message.text) is not None for message in ours),
        formal=_speaking(ours, phrases()["formal"].get(tag, ())),
        casual=_speaking(ours, phrases()["casual"].get(tag, ())),
        openings=len(greetings),
        greetings=dict(Counter(filter(None, greetings)).most_common(_MOST_KEPT)),
        closings=dict(lines.most_common(_MOST_KEPT)),
        lengths=dict(sorted(Counter(-(-len(message.text) // _BUCKET) * _BUCKET for message in ours).items())),
    )


def _openings(messages: Sequence[PastMessage]) -> Iterator[PastMessage]:
    """Yield the first thing that the business said after each long silence."""
    last = None
    answered = False
    for message in messages:
        if last is None or message.at - last > _NEW_TALK:
            answered = False
        last = message.at
        if message.direction is Direction.OUT and not answered:
            answered = True
            yield message


def _greeting(text: str, language: str | None) -> str | None:
    return starts_with(lexicon(language).greetings, fold(text))


def _last_line(text: str) -> str | None:
    first, newline, last = text.rstrip().rpartition("\n")
    if not newline or not first.strip() or len(last) > _LONGEST_CLOSING or any(mark in last for mark in MARKS):
        return None
    return last.strip() or None


def _speaking(messages: Sequence[PastMessage], said: Sequence[str]) -> int:
    return sum(bool(phrase_in(said, fold(message.text))) for message in messages)
