"""A passage read once: its units with their stems, facts and days. The same passages come back in every chat, so the last ones are kept."""

from dataclasses import dataclass
from functools import lru_cache

from agents.text.days import days
from agents.text.facts import Fact, facts
from agents.text.units import Unit, units
from agents.text.words import joined, stem, vocabulary, words

_KEPT_PASSAGES = 2048
_PATH = " › "


@dataclass(frozen=True, slots=True, eq=False)
class Read:
    """A unit with what is read off it: `own` are the stems of its text, `around` those with what stands over it, `whole` those
    of its words as written."""

    unit: Unit
    own: frozenset[str]
    around: frozenset[str]
    whole: frozenset[str]
    facts: tuple[Fact, ...]
    days: frozenset[int]

    @property
    def with_context(self) -> str:
        """The unit under what stands over it."""
        text = f"{self.unit.before} {self.unit.text}".strip()
        return f"{self.unit.context}: {text}" if self.unit.context else text


@lru_cache(maxsize=_KEPT_PASSAGES)
def read(text: str, heading: str | None, tag: str | None) -> tuple[Read, ...]:
    """Return the units of a passage under its path of headings ("Prices › Dogs"), as read in a language."""
    found = []
    for unit in units(text, heading.split(_PATH) if heading else ()):
        own = vocabulary(unit.text, tag)
        around = own | vocabulary(f"{unit.context} {unit.before}", tag)
        whole = frozenset(stem(joined(word), tag) for word in words(f"{unit.context} {unit.text}"))
        found.append(Read(unit, own, around, whole, facts(unit.text), days(unit.text)))
    return tuple(found)
