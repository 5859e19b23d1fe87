"""When two questions, and two answers, are the same."""

import pytest

from domain.proposals.merging import same_answer, same_question


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (["deliv", "island"], ["deliv", "island"], True),
        (["deliv", "island", "cup", "want:price"], ["deliv", "island", "cup"], True),
        (["deliv", "island"], ["deliv", "sunday"], False),
        (["open", "day:6"], ["open", "day:0"], False),
        ([], [], False),
    ],
)
def test_same_question(one: list[str], other: list[str], same: bool) -> None:
    assert same_question(one, other) is same
    assert same_question(other, one) is same


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (["dog", "welcom"], ["dog", "welcom", "too"], True),
        (["deliveri", "fact:money:4 EUR"], ["deliveri", "fact:money:4 EUR"], True),
        (["deliveri", "fact:money:4 EUR"], ["deliveri", "fact:money:5 EUR"], False),
        (["dog", "welcom"], ["dog", "welcom", "fact:denies"], False),
        (["dog", "welcom"], ["leash", "need"], False),
    ],
)
def test_same_answer(one: list[str], other: list[str], same: bool) -> None:
    assert same_answer(one, other) is same
