"""The humanizer without a model: a greeting once, the closing line, natural parts, and not one fact more."""

import pytest

from agents.humanizer.rules import RuleHumanizer, first_name
from core.contracts.reasoning import Claim, Conversation, DraftProposal, ToneProfile
from core.contracts.states import Direction
from tests.agents.conversations import conversation, turn


async def _said(talk: Conversation, *pieces: str, tone: ToneProfile | None = None) -> list[str]:
    proposal = DraftProposal(parts=[" ".join(pieces)], claims=[Claim(text=piece, passage_ids=[]) for piece in pieces])
    reply, calls = await RuleHumanizer().humanize(talk, proposal, tone or ToneProfile())
    assert calls == []
    return reply.parts


async def test_the_first_reply_greets_by_name_and_later_ones_do_not() -> None:
    assert await _said(conversation("Hi"), "We open at nine.") == ["Hi Ana! We open at nine."]
    later = conversation("And on Sunday?", history=[turn("Hi"), turn("We open at nine.", Direction.OUT)])
    assert await _said(later, "Closed.") == ["Closed."]


@pytest.mark.parametrize("language", ["en", "es", "pt", "de", "fr", "it", "ar", "tr", "ru", "zh"])
async def test_every_tier_one_language_greets_in_its_own_words(language: str) -> None:
    (part,) = await _said(conversation("?", language=language), "42.")
    assert "Ana" in part
    assert part.endswith("42.")
    assert language == "en" or not part.startswith("Hi Ana!") or language == "de"


async def test_a_language_without_manners_gets_none() -> None:
    assert await _said(conversation("?", language="sw"), "42.") == ["42."]
    assert await _said(conversation("?", language=None), "42.") == ["42."]


async def test_tone() -> None:
    tone = ToneProfile(greeting=False, closing="Your Comb team")
    assert await _said(conversation("?"), "42.", tone=tone) == ["42.\n\nYour Comb team"]
    again = conversation("?", history=[turn("41.\n\nYour Comb team", Direction.OUT)])
    assert await _said(again, "42.", tone=tone) == ["42."]


async def test_a_long_answer_is_sent_in_parts_cut_between_claims() -> None:
    pieces = [
        f"Fact {n} is told in a sentence that is long enough to fill a line on a small phone screen." for n in range(6)
    ]
    parts = await _said(conversation("?"), *pieces, tone=ToneProfile(greeting=False))
    assert 2 <= len(parts) <= 3
    assert " ".join(parts) == " ".join(pieces)


@pytest.mark.parametrize(
    ("contact", "name"),
    [
        ("Ana Silva", "Ana"),
        ("JOHN", "John"),
        ("~Li 🌸", "Li"),
        ("+49 151 2345", None),
        ("Shop 24", None),
        (None, None),
        ("Dr. Weber", None),
        ("Jean-Luc", "Jean-Luc"),
        ("Мария", "Мария"),
    ],
)
def test_names_that_people_are_called_by(contact: str | None, name: str | None) -> None:
    assert first_name(contact) == name
