"""The one rule about rows of the list, over every combination of what can be known of a row."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import pytest

from core.contracts.states import ReadingChoice
from desktop_bridge.inbound.judgement import RowFacts, Verdict, is_authored, judge
from desktop_bridge.journal.choice import Choice, fold_title

FLAGS = ("included", "repeated", "ours", "person", "group_title", "marked", "authored", "news")


def every_row() -> Iterator[RowFacts]:
    for mode, *flags in product(ReadingChoice, *[(False, True)] * len(FLAGS)):
        yield RowFacts(mode, *flags)


def test_nothing_outside_the_choice_and_no_group_is_ever_opened() -> None:
    for row in every_row():
        verdict = judge(row)
        if not row.included or row.marked or not row.news:
            assert verdict is Verdict.LEAVE, row
        if row.mode is ReadingChoice.ONLY and row.repeated:
            assert verdict is Verdict.LEAVE, row
        if verdict is Verdict.OPEN:
            assert row.ours or row.person, row
            assert (row.group_title, row.repeated, row.authored) == (False, False, False), row


def test_no_person_with_news_is_left_for_good() -> None:
    """Whatever a person's row looks like, it is opened or the page is asked; only an undecidable title is left."""
    for row in every_row():
        if not (row.included and row.news) or row.marked:
            continue
        if row.repeated and row.mode is ReadingChoice.ONLY:
            continue
        if not row.group_title:
            assert judge(row) is not Verdict.LEAVE, row
        elif row.ours or row.repeated or not row.authored:
            assert judge(row) is Verdict.ASK, row


def test_what_is_known_in_addition_against_a_row_never_opens_it() -> None:
    for row in every_row():
        for doubt in ("marked", "group_title", "repeated", "authored"):
            if judge(row) is not Verdict.OPEN:
                assert judge(replace(row, **{doubt: True})) is not Verdict.OPEN, (row, doubt)


@pytest.mark.parametrize(
    ("preview", "authored"),
    [("Ana: olá", True), ("Note: call me", True), ("10:15 works", False), ("", False), ("a" * 80 + ": b", False)],
)
def test_previews_that_begin_as_those_of_groups_do(preview: str, authored: bool) -> None:
    assert is_authored(preview) is authored


def test_modes_take_in_what_they_say() -> None:
    named = frozenset({b"mum"})
    assert Choice().includes(b"mum")
    assert not Choice(ReadingChoice.ALL_BUT, named).includes(b"mum")
    assert Choice(ReadingChoice.ALL_BUT, named).includes(b"anna")
    assert Choice(ReadingChoice.ONLY, named).includes(b"mum")
    assert not Choice(ReadingChoice.ONLY, named).includes(b"anna")


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("mãe", "Ma\u0303e"),
        ("  Aunt   Rosa ", "AUNT\u00a0Rosa"),
        ("أم", "\u2068أم\u2069"),
        ("Heart \u2764", "heart \u2764\ufe0f"),
        ("+49 170 555-0101", "\u202a+491705550101\u202c"),
    ],
)
def test_a_title_is_known_however_it_is_typed(typed: str, shown: str) -> None:
    assert fold_title(typed) == fold_title(shown)


TITLES = ("Ana", "Anna", "Ana 2", "+1 22", "+1 23", "22", ".", "-", "...", "1-1", "11")


def test_titles_that_differ_stay_apart() -> None:
    assert len({fold_title(title) for title in TITLES}) == len(TITLES)
