"""How passages and bursts are read: facts that compare, days spelled out, units, questions."""

import pytest

from agents.text.days import days
from agents.text.facts import facts, is_address
from agents.text.questions import asks
from agents.text.sentences import sentences
from agents.text.units import Kind, units
from agents.text.words import covered, stem, vocabulary
from tests.agents.conversations import conversation


@pytest.mark.parametrize(
    ("said", "other"),
    [
        ("9 am", "09:00"),
        ("5 pm", "17:00"),
        ("18 Uhr", "18:00"),
        ("14 h", "14:00"),
        ("€1,250.50", "1.250,50 EUR"),
        ("45 €", "EUR 45"),
        ("R$ 55", "55 reais"),
        ("20 %", "20 percent"),
        ("31/12/2026", "2026-12-31"),
        ("www.fern.example/help", "https://fern.example/help/"),
        ("12.000", "12,000"),
        ("three", "3"),
    ],
)
def test_the_same_fact_has_the_same_value(said: str, other: str) -> None:
    (a,), (b,) = facts(said), facts(other)
    assert (a.kind, a.value) == (b.kind, b.value)


@pytest.mark.parametrize(
    ("said", "other"), [("45 €", "45 $"), ("9 am", "9 pm"), ("20 %", "20"), ("4.90 EUR", "49 EUR")]
)
def test_different_facts_differ(said: str, other: str) -> None:
    (a,), (b,) = facts(said), facts(other)
    assert (a.kind, a.value) != (b.kind, b.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mon-Fri 9:00-17:00", {0, 1, 2, 3, 4}),
        ("So haben wir Mo-Fr 9-18 Uhr auf", {0, 1, 2, 3, 4}),
        ("lunes a viernes", {0, 1, 2, 3, 4}),
        ("from Friday to Monday", {4, 5, 6, 0}),
        ("closed at the weekend", {5, 6}),
        ("täglich", set(range(7))),
        ("周六和周日", {5, 6}),
        ("I sat in the sun", set()),
        ("Öğlen pizza var mı?", set()),
    ],
)
def test_days(text: str, expected: set[int]) -> None:
    assert days(text) == expected


@pytest.mark.parametrize(
    "text",
    ["14 Linden Street", "calle Olmo 22", "Gartenstraße 5", "3 place du Marché", "via Roma 7", "Rua das Acácias, 310"],
)
def test_addresses(text: str) -> None:
    assert is_address(text)
    assert not is_address("We take 5 days for delivery.")


def test_abbreviations_end_no_sentence() -> None:
    text = "Dr. Miller is in on Mon. and Tue. Prices start at 4.50 EUR. Visit 3 Main St. We love it."
    assert [s.text for s in sentences(text)] == [
        "Dr. Miller is in on Mon. and Tue.",
        "Prices start at 4.50 EUR.",
        "Visit 3 Main St.",
        "We love it.",
    ]
    assert all(text[s.start : s.end] == s.text for s in sentences(text))


def test_units_know_what_stands_over_them() -> None:
    text = (
        "Service: Haircut; Price: 24 EUR; Duration: 30 min\n"
        "We accept:\n- cash\n- Visa\n"
        "PARKING\nThere is a car park behind the house. It closes at 20:00.\n"
        "Do you treat children?\nYes, from the age of three.\n"
        "Flat tyre ....... 15 EUR"
    )
    found = units(text, ["Bright Shop", "Prices"])
    assert [(u.kind, u.text) for u in found] == [
        (Kind.ROW, "Haircut – Price: 24 EUR, Duration: 30 min"),
        (Kind.ITEM, "cash"),
        (Kind.ITEM, "Visa"),
        (Kind.SENTENCE, "There is a car park behind the house."),
        (Kind.SENTENCE, "It closes at 20:00."),
        (Kind.ANSWER, "Yes, from the age of three."),
        (Kind.ANSWER, "Flat tyre: 15 EUR"),
    ]
    assert found[0].context == "Bright Shop Prices Service Price Duration"
    assert found[1].lead == "We accept"
    assert "PARKING" in found[3].context
    assert found[4].before == "There is a car park behind the house."
    assert found[5].question == "Do you treat children?"


@pytest.mark.parametrize(
    ("term", "text", "tag"),
    [
        ("cleanings", "We offer cleaning", "en"),
        ("saterday", "open on saturday", "en"),
        ("e-bike", "We repair e-bikes", "en"),
        ("Reinigung", "Die Zahnreinigung kostet", "de"),
        ("mitbringen", "Bitte bringen Sie ein Handtuch mit", "de"),
        ("absagen", "kann abgesagt werden", "de"),
        ("tartas", "la tarta", "es"),
    ],
)
def test_forms_of_a_word_meet(term: str, text: str, tag: str) -> None:
    word = term.replace("-", "").lower()
    assert covered(stem(word, tag), vocabulary(text, tag), tag)


@pytest.mark.parametrize(("term", "text"), [("implant", "We place crowns"), ("2024", "in 2025"), ("cat", "the dog")])
def test_other_words_do_not(term: str, text: str) -> None:
    assert not covered(stem(term, "en"), vocabulary(text, "en"), "en")


def test_a_burst_is_cut_into_its_questions() -> None:
    found = asks(conversation("Hi! How much is a cleaning and do you open on Saturdays?", "thanks"))
    assert [(ask.text, ask.wants, ask.days) for ask in found] == [
        ("How much is a cleaning", {"price"}, frozenset()),
        ("do you open on Saturdays?", {"hours"}, {5}),
    ]


def test_a_statement_before_the_question_is_its_background() -> None:
    (ask,) = asks(conversation("I'm allergic to perfume, do you have fragrance-free soap?"))
    assert ask.text == "do you have fragrance-free soap?"
    assert ask.leans_on == "I'm allergic to perfume"
    assert ask.stands


def test_the_state_of_things_now_is_told_from_a_rule() -> None:
    assert asks(conversation("Is my order ready?"))[0].live
    assert not asks(conversation("Can I change my order?"))[0].live
