"""Sentences with their place in the text, so that a finding can be marked."""

import re
from dataclasses import dataclass

from agents.text.lists import common

_END = re.compile(r"[.!?…]+[\"”’')\]]*(?=\s|$)|[。！？]+[”’」』]*|؟|\n+")
_LAST_WORD = re.compile(r"([^\s(]+)$")
_OPENER = re.compile(r"\s*[\"“‘'(\[¿¡]*([^\W\d_])")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence and where it stands in its text."""

    text: str
    start: int
    end: int


def sentences(text: str) -> list[Sentence]:
    """Return the sentences of a text in order; a line break ends one too."""
    found: list[Sentence] = []
    start = 0
    for match in _END.finditer(text):
        if match.start() < start or not _ends_here(text, start, match):
            continue
        _add(found, text, start, match.end())
        start = match.end()
    _add(found, text, start, len(text))
    return found


def _ends_here(text: str, start: int, match: re.Match[str]) -> bool:
    if match.group()[0] != "." or match.end() >= len(text):
        return True
    said = text[start : match.start()].strip()
    last = _LAST_WORD.search(said)
    word = last[1].lower() if last else ""
    if word in common().titles or said.isdigit() or (len(word) == 1 and word.isalpha()):
        return False
    after = text[match.end() :].lstrip()[:1]
    if word in common().abbreviations and (after.islower() or after.isdigit()):
        return False
    follows = _OPENER.match(text, match.end())
    return follows is None or not follows[1].islower()


def _add(found: list[Sentence], text: str, start: int, end: int) -> None:
    piece = text[start:end]
    stripped = piece.strip()
    if stripped:
        offset = start + len(piece) - len(piece.lstrip())
        found.append(Sentence(stripped, offset, offset + len(stripped)))
