"""The second look at what the searches found."""

from dataclasses import replace
from uuid import uuid4

import pytest

from domain.knowledge.evidence import SecondLook, beside, fitted, weighed
from domain.knowledge.nearness import Found

_AROUND = (
    "Our house was built in 1911 by two brothers. It has three floors. The garden is open to all guests in summer."
)


def passage(text: str, heading: str | None = None, **more: object) -> Found:
    """Return what a search found."""
    row = Found(
        id=uuid4(),
        source_id=uuid4(),
        title="house.md",
        url=None,
        version=1,
        text=text,
        heading=heading,
        language="en",
        page=None,
        position=0,
        curated_answer=None,
        valid_until=None,
        stale=False,
        cosine=0.3,
        coverage=0.0,
        near_rank=1,
        said_rank=None,
        same_words=False,
    )
    return replace(row, **more)  # type: ignore[arg-type]


async def test_one_sentence_counts_whatever_stands_around_it() -> None:
    rows = [passage(_AROUND), passage(f"{_AROUND} Dogs may not come along."), passage("Breakfast is at eight.")]
    judged = await SecondLook().judge("can I bring my puppy?", "en", rows)
    assert judged[0].row is rows[1]
    assert judged[0].signs["sentence"] > max(judged[1].signs["sentence"], judged[2].signs["sentence"])


async def test_a_heading_counts() -> None:
    rows = [passage("From 7:00 to 10:30.", "House › Pool"), passage("From 7:00 to 10:30.", "House › Breakfast")]
    judged = await SecondLook().judge("when can we eat in the morning", "en", rows)
    assert [one.row.heading for one in judged] == ["House › Breakfast", "House › Pool"]


@pytest.mark.parametrize(("language", "written"), [("de", "en"), ("en", "de")])
async def test_the_model_for_english_judges_nothing_else(language: str, written: str) -> None:
    [seen] = await SecondLook().signs("wann gibt es Frühstück?", language, [passage("Breakfast.", language=written)])
    assert "english" not in seen
    [seen] = await SecondLook().signs("when is breakfast?", "en", [passage("Breakfast.")])
    assert seen["english"] > 0.5


async def test_the_prepared_answer_to_the_same_question_is_first_and_sure() -> None:
    near = passage("Breakfast is at eight.", cosine=0.9)
    known = passage("When is breakfast?\nAt eight.", cosine=0.85, curated_answer="At eight.", same_words=True)
    first, second = await SecondLook().judge("When is breakfast?", "en", [near, known])
    assert (first.row, first.relevance) == (known, 1.0)
    assert second.relevance < 1.0


async def test_no_weight_is_for_a_sign_that_does_not_exist() -> None:
    [seen] = await SecondLook().signs("when is breakfast?", "en", [passage("Breakfast.")])
    for weights in fitted().values():
        score = weighed(weights.rank, seen)
        assert set(weights.rank) <= set(seen)
        assert set(weights.relevance) <= set(seen) | set(beside(seen, score, [seen], [score]))
