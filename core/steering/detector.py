"""Where a text speaks to the assistant instead of to people, by phrases in the languages of tier 1 and by characters nobody sees.

It looks for marks, it understands nothing: what it misses must still be unable to act (law 11), and what it finds a person judges.
"""

import base64
import re
import tomllib
from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple
from urllib.parse import unquote_plus

from core.steering.characters import Folded, fold, hidden, without_marks

_GAP: Final = r"[\W_]{1,4}"
_FEW: Final = rf"(?:\w+{_GAP}){{0,3}}?"
_MORE: Final = rf"{_GAP}(?:\w+{_GAP}){{0,6}}?"
_LOOKBEHIND: Final = re.compile(r"(\(\?<[!=][^)]*\))")
_SPACED: Final = re.compile(r"(?<!\w)\w(?:[ ._*\-]\w(?!\w)){5,}")
"""Six single letters or more in a row: `i g n o r e` is read by people and models alike."""
_AFTER_SPACED: Final = 60
_ENCODED: Final = re.compile(r"[A-Za-z0-9+/_\-]{24,}={0,2}|(?:[^\s%]{0,40}%[0-9A-Fa-f]{2}){3,}\S{0,40}")
_WHOLE_WORDS_UNKNOWN: Final = frozenset({"zh", "all"})
_SCRIPTS: Final = {"ru": re.compile("[а-я]"), "ar": re.compile("[\u0621-\u064a]"), "zh": re.compile("[\u4e00-\u9fff]")}


class Sign(StrEnum):
    """What gives a text away."""

    OVERRIDE = "override"
    PERSONA = "persona"
    PROMPT = "prompt"
    ADDRESSED = "addressed"
    REPLY = "reply"
    SECRECY = "secrecy"
    LEAK = "leak"
    MARKERS = "markers"
    HIDDEN = "hidden"


_WHY: Final = {
    Sign.OVERRIDE: "tells the assistant to drop its instructions or gives it new ones",
    Sign.PERSONA: "gives the assistant another role",
    Sign.PROMPT: "asks for the assistant's own instructions",
    Sign.ADDRESSED: "speaks to an assistant, not to people",
    Sign.REPLY: "tells the assistant what to put in every reply",
    Sign.SECRECY: "asks to keep instructions from people",
    Sign.LEAK: "asks to send conversations or data elsewhere",
    Sign.MARKERS: "imitates the marks between messages of a model",
    Sign.HIDDEN: "holds text that people do not see",
}


class Mark(NamedTuple):
    """A place in a text, `start` and `end` as in a slice of it, and what is wrong there."""

    start: int
    end: int
    sign: Sign


def why(sign: Sign) -> str:
    """Return what a sign means, as the end of a sentence about a text."""
    return _WHY[sign]


def marks(text: str) -> tuple[Mark, ...]:
    """Return every place where a text tries to steer an assistant, in order; none in what people write to people."""
    found = [Mark(start, end, Sign.HIDDEN) for start, end in hidden(text)]
    found += _said(text)
    for code in _ENCODED.finditer(text):
        found += [Mark(code.start(), code.end(), mark.sign) for mark in _said(_decoded(code.group()))]
    return tuple(sorted(set(found)))


def _said(text: str) -> Iterator[Mark]:
    folded = fold(text)
    for language, patterns in _patterns().items():
        script = _SCRIPTS.get(language)
        if script is not None and not script.search(folded.text):
            continue
        for sign, pattern in patterns:
            for hit in pattern.finditer(folded.text):
                yield Mark(*folded.place(hit.start(), hit.end()), sign)
    yield from _spaced(folded)


def _decoded(code: str) -> str:
    """Return what percent signs or base64 stand for; nothing where that is no text."""
    if "%" in code:
        return unquote_plus(code)
    try:
        return base64.b64decode(
            code + "=" * (-len(code) % 4), altchars=b"-_" if set("-_") & set(code) else None
        ).decode()
    except ValueError:
        return ""


def _spaced(folded: Folded) -> Iterator[Mark]:
    for run in _SPACED.finditer(folded.text):
        joined = re.sub(r"[\W_]", "", folded.text[run.start() : run.end() + _AFTER_SPACED])
        for sign, pattern in _joined_patterns():
            if pattern.search(joined):
                yield Mark(*folded.place(run.start(), run.end()), sign)


@cache
def _phrases() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads(files("core.steering").joinpath("phrases.toml").read_text("utf-8"))


@cache
def _patterns() -> dict[str, Sequence[tuple[Sign, re.Pattern[str]]]]:
    """Return by language one pattern a sign."""
    found: dict[str, list[tuple[Sign, re.Pattern[str]]]] = {}
    for sign, languages in _phrases().items():
        for language, phrases in languages.items():
            either = "|".join(f"(?:{_expanded(phrase)})" for phrase in phrases)
            bounded = f"(?:{either})" if language in _WHOLE_WORDS_UNKNOWN else rf"(?<!\w)(?:{either})"
            found.setdefault(language, []).append((Sign(sign), re.compile(bounded)))
    return {language: tuple(patterns) for language, patterns in found.items()}


@cache
def _joined_patterns() -> Sequence[tuple[Sign, re.Pattern[str]]]:
    """Return the phrases that drop instructions, for text whose blanks are lost."""
    phrases = [
        without_marks(phrase) for phrase in _phrases()[Sign.OVERRIDE]["en"] if "…" not in phrase and "~" not in phrase
    ]
    joined = [re.sub(r"\(\?<[!=][^)]*\)|\\b", "", phrase).replace(" ?", "").replace(" ", "") for phrase in phrases]
    return ((Sign.OVERRIDE, re.compile("|".join(f"(?:{phrase})" for phrase in joined))),)


def _expanded(phrase: str) -> str:
    """Write out blanks and gaps; a lookbehind stays as it is, since folded text has single blanks."""
    parts = _LOOKBEHIND.split(without_marks(phrase.replace("…", "\0")))
    for index in range(0, len(parts), 2):
        part = parts[index].replace(" ?", r"[\W_]{0,4}").replace(" ", _GAP)
        parts[index] = part.replace("~", _FEW).replace("\0", _MORE)
    return "".join(parts)
