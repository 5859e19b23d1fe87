"""`waxos bench knowledge` in small: what it counts, and that it judges the product's own search and drafter."""

import pytest

from evals.bench.knowledge import Outcome, figures, measure, table
from evals.quality.retrieval.questions import Question


def outcome(place: int | None, language: str = "en", *, missing: bool = False) -> Outcome:
    """Return a question whose passage has this place by each way, none for one without an answer."""
    question = Question("shop", "?", language, None if place is None else "x")
    where = 1000 if place is None else place
    places = {"vectors": where + 1, "text": 1000, "fusion": where, "hybrid": where}
    return Outcome(question, places, place == 0, missing)


def test_places_and_missing_ones_are_counted() -> None:
    found = figures(
        [
            outcome(0),
            outcome(2, missing=True),
            outcome(0, "de", missing=True),
            outcome(None, missing=True),
            outcome(None),
        ]
    )
    assert (found["hybrid_hit_at_1"], found["hybrid_hit_at_3"], found["hybrid_mrr"]) == (0.667, 1.0, 0.778)
    assert (found["vectors_hit_at_1"], found["text_hit_at_1"], found["hybrid_lead_points"]) == (0.0, 0.0, 66.7)
    assert (found["hybrid_hit_at_1_de"], found["hybrid_hit_at_1_cross_lingual"]) == (1.0, 1.0)
    assert (found["missing_unanswered"], found["missing_answered"]) == (0.5, 0.5)
    assert (found["passage_kept_same_language"], found["passage_kept_cross_lingual"]) == (0.5, 1.0)
    lines = table(found)
    assert any(line.startswith("hybrid de ") and "1.000" in line for line in lines)


@pytest.mark.slow
async def test_a_small_run_asks_every_question() -> None:
    found = await measure(("hotel", "clinic"))
    assert (found["questions_answered"], found["questions_unanswered"]) == (59, 27)
    assert found["hybrid_hit_at_3"] > found["text_hit_at_3"]
    assert found["missing_unanswered"] > found["missing_answered"]
