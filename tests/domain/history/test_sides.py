"""Telling the business from the customer: by the caller's word, else by what the file shows, else not at all."""

import pytest

from core.contracts.history import SideReason
from core.contracts.states import Direction
from domain.history.export import read_export
from domain.history.sides import BusinessUnclear, take_sides
from domain.knowledge.documents import Unreadable
from tests.domain.history.rendering import LRM


def _lines(*said: str) -> str:
    return "\n".join(f"[13.05.24, 10:{number:02}:00] {line}" for number, line in enumerate(said))


@pytest.mark.parametrize(
    ("said", "business", "other", "ours", "reason"),
    [
        (["Ana: hi", "Tea Shop: hello"], "tea  shop", "Tea Shop", "Tea Shop", SideReason.NAMED),
        (["Ana: hi", "Tea Shop: hello"], None, "ana", "Tea Shop", SideReason.FILE_NAME),
        (
            [f"Ana: {LRM}Messages are end-to-end encrypted.", "Tea: hello", "Ana: hi"],
            None,
            None,
            "Tea",
            SideReason.NOTICE,
        ),
        (["Ana: hi", "Você: olá"], None, None, "Você", SideReason.ME),
        (["+351 912 345 678: hi", "Tea Shop: hello"], None, None, "Tea Shop", SideReason.NUMBER),
    ],
)
def test_each_rule_finds_the_business(
    said: list[str], business: str | None, other: str | None, ours: str, reason: SideReason
) -> None:
    sided = take_sides(read_export(_lines(*said)).messages, business, other)
    assert (sided.chat.business, sided.reason) == (ours, reason)
    for message in sided.chat.messages:
        if message.direction is not None:
            assert (message.direction is Direction.OUT) == (message.author == ours)
    assert ours not in sided.chat.names


def test_a_missed_call_is_not_the_notice() -> None:
    """Both are written by WhatsApp under a name; only the first says whose chat it is."""
    with pytest.raises(BusinessUnclear):
        take_sides(read_export(_lines(f"Tea: {LRM}Missed voice call", "Tea: hello", "Ana: hi")).messages, None, None)


def test_where_nothing_tells_the_names_are_given() -> None:
    messages = read_export(_lines("Ana: hi", "Bob: hello")).messages
    for business in (None, "Carla"):
        with pytest.raises(BusinessUnclear) as refused:
            take_sides(messages, business, None)
        assert refused.value.current == {"authors": ["Ana", "Bob"]}
        assert "Ana" not in str(refused.value)


def test_groups_and_monologues_are_refused() -> None:
    with pytest.raises(Unreadable, match="group"):
        take_sides(read_export(_lines("A: x", "B: y", "C: z")).messages, "A", None)
    with pytest.raises(Unreadable, match="one side"):
        take_sides(read_export(_lines("A: x", "A: y")).messages, "A", None)
