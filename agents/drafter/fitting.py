"""Whether a unit holds the kind of fact that a question asks for: a price for "how much", a clock time for "when do you open"."""

import re
from collections.abc import Callable, Mapping

from agents.text.facts import is_address
from agents.text.lexicon import Lexicon
from agents.text.lists import common
from agents.text.questions import Ask
from agents.text.reading import Read
from agents.text.units import Kind
from agents.text.words import fold, phrase_in

_OTHER_DAY = -0.5
_CENTS = re.compile(r"(?<![\d.,])\d+[.,]\d\d(?![\d.,])")


def fitting(ask: Ask, read: Read, words_of: Lexicon) -> float:
    """Return 1 when the unit holds what was asked for, -1 when it lacks it, 0 when any text may answer."""
    results = [_FITS[want](read, words_of) for want in ask.wants if want in _FITS]
    if ask.days:
        if read.days and not ask.days & read.days:
            return _OTHER_DAY
        results.append(1.0 if ask.days <= read.days else -0.3)
    return sum(results) / len(results) if results else 0.0


def _kinds(read: Read) -> frozenset[str]:
    return frozenset(fact.kind for fact in read.facts)


def _price(read: Read, words_of: Lexicon) -> float:
    """A price is money; less so a bare number in a price list or beside a word for a price, and least "free"."""
    if "money" in _kinds(read):
        return 1.0
    text = fold(read.unit.text)
    listed = read.unit.kind in {Kind.ITEM, Kind.ROW}
    named = phrase_in(words_of.wants["price"], fold(read.with_context) if listed else text)
    if any(char.isdigit() for char in text) and (named or _CENTS.search(text)):
        return 0.9
    return 0.4 if phrase_in(common().free, text) else -1.0


def _hours(read: Read, words_of: Lexicon) -> float:
    spoken = "time" in _kinds(read) or read.days or phrase_in(words_of.wants["hours"], fold(read.unit.text))
    return 1.0 if spoken else -1.0


def _time(read: Read, _: Lexicon) -> float:
    return 1.0 if _kinds(read) & {"time", "number", "date"} or read.days else -0.2


def _way(read: Read, _: Lexicon) -> float:
    return 1.0 if _kinds(read) & {"phone", "email", "link"} else 0.0


def _age(read: Read, _: Lexicon) -> float:
    return 1.0 if "number" in _kinds(read) else -0.5


def _place(read: Read, _: Lexicon) -> float:
    return 1.0 if is_address(read.unit.text) else -0.1


def _contact(kind: str) -> Callable[[Read, Lexicon], float]:
    return lambda read, _: 1.0 if kind in _kinds(read) else -1.0


_FITS: Mapping[str, Callable[[Read, Lexicon], float]] = {
    "price": _price,
    "hours": _hours,
    "time": _time,
    "way": _way,
    "age": _age,
    "place": _place,
    "phone": _contact("phone"),
    "email": _contact("email"),
    "link": _contact("link"),
}
