"""How the business speaks over many chats."""

from functools import reduce

import pytest

from core.contracts.history import ToneSample
from domain.history.tones import together, tone_of


def _sample(**counts: object) -> ToneSample:
    return ToneSample.model_validate({"messages": 10, "openings": 4, "lengths": {40: 6, 120: 4}} | counts)


def test_many_chats_are_one_sample() -> None:
    """Counts add up, whatever order the chats come in."""
    samples = [
        _sample(greetings={"hi": 3}, formal=1),
        _sample(greetings={"hello": 1, "hi": 1}, with_emoji=5),
        _sample(closings={"The team": 9}),
    ]
    forth, back = (reduce(together, order, ToneSample()) for order in (samples, samples[::-1]))
    assert forth == back
    assert (forth.messages, forth.greetings, forth.lengths) == (30, {"hi": 4, "hello": 1}, {40: 18, 120: 12})
    tone = tone_of(forth)
    assert tone is not None
    assert (tone.typical_greeting, tone.typical_chars, tone.emoji_share) == ("hi", 40, 0.167)
    assert (tone.profile.greeting, tone.profile.closing, tone.profile.emoji) == (True, "The team", False)


def test_a_few_messages_are_no_tone() -> None:
    assert tone_of(_sample()) is None
    assert tone_of(_sample(messages=20)) is not None


@pytest.mark.parametrize(
    ("formal", "casual", "formality"), [(9, 1, "formal"), (1, 9, "casual"), (5, 4, "neutral"), (2, 0, "neutral")]
)
def test_formality_needs_clear_words(formal: int, casual: int, formality: str) -> None:
    tone = tone_of(_sample(messages=30, formal=formal, casual=casual))
    assert tone is not None
    assert tone.profile.formality == formality


def test_a_business_that_seldom_greets_is_not_made_to() -> None:
    tone = tone_of(_sample(messages=30, openings=20, greetings={"hi": 2}))
    assert tone is not None
    assert not tone.profile.greeting
