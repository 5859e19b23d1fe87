"""Questions that only the business's own systems can answer: about the customer's order, about free time on a day."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Literal

from agents.text.days import days
from agents.text.facts import facts
from agents.text.lexicon import FALLBACK
from agents.text.words import fold, phrase_in
from core.aal.language import base_of

Subject = Literal["orders", "calendar"]
SUBJECTS: tuple[Subject, ...] = ("orders", "calendar")

_MOST_NUMBERS = 3
_NUMBER = re.compile(r"(?<![\w.,:/+-])#?([A-Z]{0,4}-?\d{4,12}(?:-\d{1,6})?)(?![\w.,:/%€$£-]*\d)", re.I)
_RELATIVE = {"today": 0, "tomorrow": 1, "after_tomorrow": 2}
_WEEK = 7


@cache
def _phrases() -> Mapping[str, Mapping[str, Sequence[str]]]:
    data = tomllib.loads(files("agents.text").joinpath("subjects.toml").read_text("utf-8"))
    return {tag: {name: [fold(one) for one in said] for name, said in entry.items()} for tag, entry in data.items()}


def subjects(text: str, tag: str | None) -> frozenset[Subject]:
    """Return what a question is about that no document says; empty for most questions."""
    folded = fold(text)
    return frozenset(subject for subject in SUBJECTS if phrase_in(_of(tag)[subject], folded))


def order_numbers(texts: Sequence[str]) -> list[str]:
    """Return the numbers in a chat's texts that may be an order's, the newest first; `texts` are in order, amounts and phones left out."""
    found: dict[str, None] = {}
    for text in reversed(texts):
        taken = [
            (fact.start, fact.end)
            for fact in facts(text)
            if fact.kind in {"phone", "date", "money", "link", "email", "time"}
        ]
        for match in _NUMBER.finditer(text):
            if not any(start < match.end() and match.start() < end for start, end in taken):
                found[match[1].upper()] = None
    return list(found)[:_MOST_NUMBERS]


def named_days(text: str, tag: str | None, today: date) -> list[date]:
    """Return the days that a text asks for, from today on: dates, days of the week, "tomorrow"; empty where it names none."""
    found = {day for day in (_date(fact.value) for fact in facts(text) if fact.kind == "date") if day and day >= today}
    found |= {today + timedelta(days=(weekday - today.weekday()) % _WEEK) for weekday in days(text)}
    folded = fold(text)
    for name in sorted(_RELATIVE, key=_RELATIVE.__getitem__, reverse=True):
        said = [phrase for phrase in _of(tag)[name] if phrase_in((phrase,), folded)]
        if said:
            found.add(today + timedelta(days=_RELATIVE[name]))
        for phrase in said:  # "tomorrow" stands in "the day after tomorrow"
            folded = folded.replace(phrase, " ")
    return sorted(found)


def _of(tag: str | None) -> Mapping[str, Sequence[str]]:
    return _phrases().get(base_of(tag) if tag else FALLBACK) or _phrases()[FALLBACK]


def _date(value: str) -> date | None:
    try:
        return date.fromisoformat(value)
    except ValueError:
        return None
