"""Characters as people read them: folded for comparing, with the way back to the text; and those that people do not see at all."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\U000e0000-\U000e01ef]"
)
_FLAG: Final = re.compile("\U0001f3f4[\U000e0020-\U000e007e]{1,8}\U000e007f")
"""England, Scotland and Wales are written with tag characters; nothing else honest is."""
_HIDDEN: Final = (
    re.compile("[\U000e0000-\U000e007f]+"),
    re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{2,}"),
    re.compile("[\u202d\u202e]"),
    re.compile("[\u200b-\u200d\u2060-\u2064\u180e\u3164\ufeff]{5,}"),
)
"""Tags, selectors in a row, text turned round, and runs of characters without width; one alone is a soft break of some editor."""
_BLANK: Final = re.compile(r"\s+")
_MIXED: Final = re.compile(r"\b(?=\w*[a-zA-Z])(?=\w*[\u0370-\u03ff\u0400-\u04ff])\w+\b")
_LOOKALIKES: Final = str.maketrans(
    "аеіјорсухѕԁԛԝһАВЕІЈКМНОРСТУХЅαεικνορτυχΑΒΕΙΚΜΝΟΡΤΥΧ", "aeijopcyxsdqwhABEIJKMHOPCTYXSaeikvoptuxABEIKMNOPTYX"
)
_SAME: Final = {
    "\u2019": "'",
    "\u2018": "'",
    "\u02bc": "'",
    "\u0131": "i",
    "\u2010": "-",
    "\u2011": "-",
    "\u2013": "-",
    "\u2014": "-",
}


@dataclass(frozen=True, slots=True)
class Folded:
    """Text in lower case, without accents, invisible characters and doubled blanks; `origin` says where each character was."""

    text: str
    origin: Sequence[int]

    def place(self, start: int, end: int) -> tuple[int, int]:
        """Return where a slice of the folded text stands in the text itself, blanks at its ends left out."""
        while start < end and self.text[start].isspace():
            start += 1
        while end > start and self.text[end - 1].isspace():
            end -= 1
        return self.origin[start], self.origin[end - 1] + 1 if end > start else self.origin[start]


def fold(text: str) -> Folded:
    """Return a text as it is compared."""
    read = _MIXED.sub(lambda word: word.group().translate(_LOOKALIKES), text)  # as long as before
    if read.isascii():
        letters, origin = read.lower(), list(range(len(read)))
    else:
        letters, origin = _letters(read)
    kept: list[str] = []
    places: list[int] = []
    last = 0
    for blank in _BLANK.finditer(letters):
        kept += [letters[last : blank.start()], "\n" if "\n" in blank.group() else " "]
        places += origin[last : blank.start() + 1]
        last = blank.end()
    return Folded("".join([*kept, letters[last:]]), [*places, *origin[last:]])


def without_marks(text: str) -> str:
    """Return text in lower case without accents, as `fold` does, for phrases that are compared with folded text."""
    return "".join(_letter(char) for char in text)


def hidden(text: str) -> list[tuple[int, int]]:
    """Return where text holds what a person does not see and a model reads."""
    shown = _FLAG.sub(lambda flag: " " * len(flag.group()), text)
    return [found.span() for pattern in _HIDDEN for found in pattern.finditer(shown)]


def _letters(text: str) -> tuple[str, list[int]]:
    letters: list[str] = []
    origin: list[int] = []
    for index, char in enumerate(text):
        if _INVISIBLE.match(char):
            continue
        letter = _letter(char)
        letters.append(letter)
        origin += [index] * len(letter)
    return "".join(letters), origin


@lru_cache(maxsize=8192)
def _letter(char: str) -> str:
    if char.isascii():
        return char.lower()
    folded = unicodedata.normalize("NFKC", char).casefold()
    bare = "".join(c for c in unicodedata.normalize("NFD", folded) if unicodedata.category(c) != "Mn")
    return "".join(_SAME.get(c, c) for c in bare)
