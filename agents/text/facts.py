"""The hard facts in a text: numbers, money, percentages, times, dates, links, phones, e-mails, in a form that compares.

The same fact said in two ways ("9 am", "09:00") has the same value here; a fact whose kind is unsure is a plain number.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from agents.text.lists import common
from agents.text.words import fold

_NUMBER = r"\d{1,3}(?:[.,'\u00a0\u202f ]\d{3})+(?:[.,]\d{1,2})?|\d+(?:[.,]\d+)?"
_ENDINGS = "com|org|net|io|co|de|es|fr|it|pt|br|uk|eu|ch|at|ru|tr|cn|shop|store|app|info|me|ly|example|test"
_URL = re.compile(
    rf"(?:https?://|www\.)[^\s<>\"'）)]+|\b[a-z0-9][a-z0-9\-]*(?:\.[a-z0-9\-]+)*\.(?:{_ENDINGS})(?:/[^\s<>\"'）)]*)?(?![\w@])",
    re.I,
)
_EMAIL = re.compile(r"[\w.+\-]+@[\w\-]+(?:\.[\w\-]+)+")
_PHONE = re.compile(r"(?<![\w/.,:\-])(?:\+|00)?\(?\d{1,4}\)?(?:[\s./\-]?\(?\d{2,5}\)?){2,6}(?![\w%€$£])")
_PERCENT = re.compile(
    rf"({_NUMBER})\s?(?:%|％|٪|percent|per cent|por ciento|por cento|prozent|pour cent|процент\w*|yüzde)", re.I
)
_CLOCK = re.compile(
    r"(?<![\d.,])(?P<h>[01]?\d|2[0-4])(?:\s?(?P<sep>[:.h：])\s?(?P<m>[0-5]\d))?\s?"
    r"(?P<half>a\.?m\.?|p\.?m\.?|uhr|h\b|hs\b|heures?\b|點|点|ч\b|часов|o'clock)?(?![\d%€$£])",
    re.I,
)
_RANGE_AHEAD = re.compile(
    r"\s?(?:-|–|—|to|until|till|bis|a|à|às|al|alle|до)\s?(?:las\s|les\s)?(\d{1,2})(?:([:.h])(\d{2}))?\s?(a\.?m\.?|p\.?m\.?|uhr|h\b)?",
    re.I,
)
_DATE = re.compile(r"(?<!\d)(\d{4})-(\d{2})-(\d{2})(?!\d)|(?<!\d)(\d{1,2})[./](\d{1,2})[./](\d{2,4})(?!\d)")
_BARE = re.compile(rf"(?<![\w.,])(?:{_NUMBER})(?![\w]*\d)")
_WORD = re.compile(r"[^\W\d_]+")
_STREET = (
    r"street|st\.|road|rd\.?|avenue|ave\.?|lane|square|boulevard|blvd|drive|terrace|quay|platz|straße|strasse|str\.|weg|gasse|allee"
    r"|ufer|calle|c/|avenida|avda\.?|av\.|plaza|paseo|rua|praça|travessa|rue|place|quai|via|viale|piazza|corso|cadde\w*|cad\.|sokak"
    r"|sk\.|улиц\w*|ул\.|проспект\w*|شارع"
)
_ADDRESS = re.compile(
    rf"\b\d{{1,4}}\s?[a-z]?,?\s(?:[\w.'’-]+\s){{0,3}}?\w*(?:{_STREET})"
    rf"|\w*(?:{_STREET})\s(?:[\w.'’-]+[\s,]+){{0,4}}?(?:n[º°.]?\s?)?\d{{1,4}}\b|[路街道]\s?\d+\s?号",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact: its kind, a value that compares, and where it stands."""

    kind: str
    value: str
    text: str
    start: int
    end: int


@lru_cache(maxsize=4096)
def facts(text: str) -> tuple[Fact, ...]:
    """Return the facts of a text in order. What is read as one kind is not read again as another."""
    taken = [False] * len(text)
    found: list[Fact] = []
    for kind, value, start, end in _readings(text):
        if not any(taken[start:end]):
            taken[start:end] = [True] * (end - start)
            found.append(Fact(kind, value, text[start:end], start, end))
    return tuple(sorted(found, key=lambda fact: fact.start))


def _readings(text: str) -> Iterator[tuple[str, str, int, int]]:
    """Yield what each pattern reads, the surest kinds first."""
    for match in _EMAIL.finditer(text):
        yield "email", fold(match.group()), *match.span()
    for match in _URL.finditer(text):
        yield "link", link_of(match.group()), *match.span()
    for match in _DATE.finditer(text):
        yield "date", _date(match), *match.span()
    for match in _money().finditer(text):
        code = common().currencies[fold(match["before"] or match["after"])]
        yield "money", f"{number(match['a'] or match['b'])} {code}", *match.span()
    for match in _PERCENT.finditer(text):
        yield "percent", number(match[1]), *match.span()
    yield from _times(text)
    for match in _PHONE.finditer(text):
        digits = re.sub(r"\D", "", match.group())
        if 7 <= len(digits) <= 15:
            yield "phone", digits, *match.span()
    yield from _numbers(text)


def _numbers(text: str) -> Iterator[tuple[str, str, int, int]]:
    for match in _BARE.finditer(text):
        yield "number", number(match.group()), *match.span()
    for match in _WORD.finditer(text):
        value = common().numbers.get(fold(match.group()))
        if value is not None:
            yield "number", value, *match.span()


@cache
def _money() -> re.Pattern[str]:
    marks = "|".join(sorted((re.escape(mark) for mark in common().currencies), key=len, reverse=True))
    return re.compile(
        rf"(?P<before>(?<![^\W\d_])(?:{marks}))\s?(?P<a>{_NUMBER})|(?P<b>{_NUMBER})\s?(?P<after>(?:{marks})(?![^\W\d_]))",
        re.I,
    )


def number(text: str) -> str:
    """Return a number in one form: no thousands marks, a point, no trailing zeros ("1.250,50" is "1250.5")."""
    bare = re.sub(r"[\s'\u00a0\u202f]", "", text)
    first, *rest = re.split(r"[.,]", bare)
    if rest and all(len(part) == 3 for part in rest) and len(first) <= 3 and first != "0":
        return str(int("".join((first, *rest))))
    if not rest:
        return str(int(first))
    whole, decimals = "".join((first, *rest[:-1])), rest[-1].rstrip("0")
    return f"{int(whole)}.{decimals}" if decimals else str(int(whole))


def link_of(text: str) -> str:
    """Return a link in one form: no scheme, no www, no trailing mark."""
    return re.sub(r"^(?:https?://)?(?:www\.)?", "", fold(text)).rstrip("/.,;:!?")


def is_address(text: str) -> bool:
    """Return whether a text holds what looks like a street address."""
    return _ADDRESS.search(text) is not None


def addresses(text: str) -> list[tuple[int, int]]:
    """Return where street addresses stand."""
    return [match.span() for match in _ADDRESS.finditer(text)]


def _date(match: re.Match[str]) -> str:
    if match[1]:
        return f"{match[1]}-{match[2]}-{match[3]}"
    year = match[6] if len(match[6]) == 4 else f"20{match[6]}"
    return f"{year}-{int(match[5]):02d}-{int(match[4]):02d}"


def _times(text: str) -> Iterator[tuple[str, str, int, int]]:
    for match in _CLOCK.finditer(text):
        value = _clock(match, text)
        if value is not None:
            yield "time", value, *match.span()


def _clock(match: re.Match[str], text: str) -> str | None:
    """Read a clock time; a bare number is one only where a range with a clock time follows ("9-5 pm")."""
    half = (match["half"] or "").lower().replace(".", "")
    hour = int(match["h"])
    if not half and match["sep"] in {None, "."}:
        ahead = _RANGE_AHEAD.match(text, match.end())
        sure = ahead is not None and bool(ahead[4] or ahead[2] in {":", "h"})
        return f"{hour:02d}:{match['m'] or '00'}" if sure else None
    if half == "pm" and hour < 12:
        hour += 12
    elif half == "am" and hour == 12:
        hour = 0
    return f"{hour:02d}:{match['m'] or '00'}"
