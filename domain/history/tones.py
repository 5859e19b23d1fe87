"""What samples of how the business speaks are together, and the tone that they show."""

from collections import Counter
from collections.abc import Mapping

from core.contracts.history import ToneSample
from core.contracts.proposals import ProposedTone
from core.contracts.reasoning import ToneProfile

_LEAST_MESSAGES = 20
"""Fewer messages of the business say nothing of how it speaks."""
_OFTEN = 0.3
_CLEARLY = 3
_MOST_KEPT = 10


def together(one: ToneSample, other: ToneSample) -> ToneSample:
    """Return two samples as one."""
    return ToneSample(
        messages=one.messages + other.messages,
        with_emoji=one.with_emoji + other.with_emoji,
        formal=one.formal + other.formal,
        casual=one.casual + other.casual,
        openings=one.openings + other.openings,
        greetings=_most(one.greetings, other.greetings),
        closings=_most(one.closings, other.closings),
        lengths=dict(sorted((Counter(one.lengths) + Counter(other.lengths)).items())),
    )


def tone_of(sample: ToneSample) -> ProposedTone | None:
    """Return the tone that a sample shows; none where it is too small."""
    if sample.messages < _LEAST_MESSAGES:
        return None
    greeted = sum(sample.greetings.values())
    greeting = max(sample.greetings, key=lambda said: sample.greetings[said], default=None)
    closing = next((line for line, count in sample.closings.items() if count >= _OFTEN * sample.messages), "")
    share = sample.with_emoji / sample.messages
    chars = _median(sample.lengths)
    return ProposedTone(
        profile=ToneProfile(
            greeting=greeted >= _OFTEN * max(1, sample.openings),
            closing=closing,
            formality=_formality(sample),
            emoji=share >= _OFTEN,
            notes=f"Messages of about {chars} characters." + (f' Usual greeting: "{greeting}".' if greeting else ""),
        ),
        typical_greeting=greeting,
        typical_chars=chars,
        emoji_share=round(share, 3),
        messages=sample.messages,
    )


def _formality(sample: ToneSample) -> str:
    if sample.formal >= _CLEARLY and sample.formal > _CLEARLY * sample.casual:
        return "formal"
    if sample.casual >= _CLEARLY and sample.casual > _CLEARLY * sample.formal:
        return "casual"
    return "neutral"


def _median(lengths: Mapping[int, int]) -> int:
    middle, passed = sum(lengths.values()) / 2, 0
    for length, count in sorted(lengths.items()):
        passed += count
        if passed >= middle:
            return length
    return 0


def _most(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return dict((Counter(one) + Counter(other)).most_common(_MOST_KEPT))
