"""The question set is what `waxos bench knowledge` says of it."""

import statistics

import pytest

from evals.quality.retrieval.questions import BUSINESSES, Question, overlap, passages, questions

_TIER_1 = {"en", "es", "pt", "de", "fr", "it", "ar", "tr", "ru", "zh"}

ALL = questions()
ANSWERED = [question for question in ALL if question.has]


def test_there_are_enough_of_each_kind() -> None:
    assert len(ANSWERED) >= 500
    assert len(ALL) - len(ANSWERED) >= 200
    assert (len(ALL) - len(ANSWERED)) / len(ALL) >= 0.2
    assert {question.language for question in ANSWERED} == _TIER_1
    assert sum(25 <= len(passages(business)) <= 60 for business in BUSINESSES) >= 6


def test_each_question_has_one_right_passage_or_none() -> None:
    for question in ANSWERED:
        right = [p for p in passages(question.business) if question.is_answered_by(p.heading, p.text)]
        assert len(right) == 1, question


def test_no_question_repeats_its_passage() -> None:
    """Neither three content words in a row nor most of its words: who asks has not read the answer."""
    found = {question: overlap(question) for question in ANSWERED}
    assert [question for question, shared in found.items() if shared.in_a_row >= 3] == []
    assert statistics.fmean(shared.share for question, shared in found.items() if not question.cross_lingual) < 0.3


@pytest.mark.parametrize(
    ("text", "in_a_row"),
    [("do you weld exhaust sections where that is safe", 2), ("sections welded where safe?", 3), ("hello there", 0)],
)
def test_words_in_a_row_are_counted_by_their_stems(text: str, in_a_row: int) -> None:
    assert overlap(Question("garage", text, "en", "Sections are welded")).in_a_row == in_a_row
