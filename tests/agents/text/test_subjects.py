"""What only the business's own systems know: which questions mean that, which numbers and days they name."""

import tomllib
from datetime import date
from importlib.resources import files

import pytest

from agents.text.subjects import SUBJECTS, named_days, order_numbers, subjects
from core.aal.language import known_languages
from core.contracts.states import Tier

TUESDAY = date(2026, 11, 24)


@pytest.mark.parametrize(
    ("text", "tag", "found"),
    [
        ("where is my parcel??", "en", {"orders"}),
        ("¿Dónde está mi pedido?", "es", {"orders"}),
        ("Wo bleibt meine Bestellung 4711?", "de", {"orders"}),
        ("Do you have an appointment tomorrow?", "en", {"calendar"}),
        ("ma commande n'est pas arrivée, et avez-vous un créneau lundi ?", "fr", {"orders", "calendar"}),
        ("我的订单到哪里了", "zh", {"orders"}),
        ("How long does delivery take?", "en", set()),
        ("Can I order online?", "en", set()),
        ("Wie lange dauert eine Lieferung?", "de", set()),
        ("Is the pool free for guests?", "en", set()),
    ],
)
def test_subjects(text: str, tag: str, found: set[str]) -> None:
    assert subjects(text, tag) == found


def test_order_numbers_are_told_from_amounts_phones_dates_and_times() -> None:
    said = [
        "order A-20311 please",
        "call me at +351 912 345 678",
        "it cost 1200 EUR on 2026-11-20 at 18:30",
        "or was it #88412?",
    ]
    assert order_numbers(said) == ["88412", "A-20311"]


@pytest.mark.parametrize(
    ("text", "tag", "found"),
    [
        ("tomorrow", "en", [date(2026, 11, 25)]),
        ("the day after tomorrow or on Friday", "en", [date(2026, 11, 26), date(2026, 11, 27)]),
        ("übermorgen", "de", [date(2026, 11, 26)]),
        ("¿pasado mañana?", "es", [date(2026, 11, 26)]),
        ("on 3.12.2026", "en", [date(2026, 12, 3)]),
        ("on 3.12.2025", "en", []),
        ("on Tuesday", "en", [TUESDAY]),
        ("any time", "en", []),
    ],
)
def test_named_days(text: str, tag: str, found: list[date]) -> None:
    assert named_days(text, tag, TUESDAY) == found


@pytest.mark.parametrize("tag", sorted(tag for tag, one in known_languages().items() if one.tier is Tier.ONE))
def test_every_tier_1_language_has_phrases_of_its_own(tag: str) -> None:
    spoken = tomllib.loads(files("agents.text").joinpath("subjects.toml").read_text("utf-8"))[tag]
    for subject in SUBJECTS:
        assert subject in subjects(f"... {spoken[subject][0]} ...", tag)
