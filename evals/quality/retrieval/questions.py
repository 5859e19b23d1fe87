"""The question set: nine small businesses, what each of them knows, and what people ask it, with and without an answer there.

`data/<business>.md` or `.csv` is the knowledge. `data/<business>.toml` has `answered`: groups with `has`, words that the one right
passage holds and no other, and what asks for it, English under `ask` and other languages under their tag; and `unanswered`, near
misses of the same trade. Nothing was tuned on it but what `calibrate` fits, which never sees the business that it is judged on.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from agents.text.words import terms
from domain.knowledge.chunking import Chunk, chunk
from domain.knowledge.reading_child import read

BUSINESSES = ("shop", "clinic", "hotel", "garage", "school", "restaurant", "software", "flats", "bikes")
KNOWLEDGE_LANGUAGE = "en"
"""All knowledge is in English; questions in another language are the cross-lingual ones."""

_KINDS = {"md": "text/markdown", "csv": "text/csv"}


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody asks a business; `has` is none where its knowledge has no answer."""

    business: str
    text: str
    language: str
    has: str | None

    @property
    def cross_lingual(self) -> bool:
        """Whether the passage is in another language than the question."""
        return self.language != KNOWLEDGE_LANGUAGE

    def is_answered_by(self, heading: str | None, text: str) -> bool:
        """Say whether a passage is the right one."""
        return self.has is not None and self.has.lower() in f"{heading}\n{text}".lower()


@dataclass(frozen=True, slots=True)
class Overlap:
    """What the words of a question have in common with its passage: the share of its content words that the passage has, and how many
    stand in a row in both."""

    share: float
    in_a_row: int


def knowledge(business: str) -> tuple[str, str, bytes]:
    """Return the name, the type and the bytes of a business's file."""
    found = next(entry for entry in _data().iterdir() if entry.name in {f"{business}.{kind}" for kind in _KINDS})
    return found.name, _KINDS[found.name.rpartition(".")[2]], found.read_bytes()


def questions(businesses: Sequence[str] = BUSINESSES) -> list[Question]:
    """Return all questions, business by business."""
    return [question for business in businesses for question in _of(business)]


@cache
def passages(business: str) -> tuple[Chunk, ...]:
    """Return a business's passages as the desk cuts them."""
    _, mime, content = knowledge(business)
    return tuple(chunk(read(content, mime).blocks))


def overlap(question: Question) -> Overlap:
    """Return what a question's words share with its passages; the highest where there are several."""
    asked = terms(question.text, question.language)
    right = [
        terms(piece.searched_text(), KNOWLEDGE_LANGUAGE)
        for piece in passages(question.business)
        if question.is_answered_by(piece.heading, piece.text)
    ]
    shares = [sum(term in set(said) for term in asked) / max(1, len(asked)) for said in right]
    return Overlap(max(shares, default=0.0), max((_in_a_row(asked, said) for said in right), default=0))


def _in_a_row(a: Sequence[str], b: Sequence[str]) -> int:
    """Return the length of the longest run that both have."""
    best, above = 0, [0] * (len(b) + 1)
    for x in a:
        row = [0] * (len(b) + 1)
        for at, y in enumerate(b):
            if x == y:
                row[at + 1] = above[at] + 1
        best, above = max(best, *row), row
    return best


def _of(business: str) -> Iterator[Question]:
    data = tomllib.loads(_data().joinpath(f"{business}.toml").read_text("utf-8"))
    for group in data["answered"]:
        for language, asked in _by_language(group):
            for text in asked:
                yield Question(business, text, language, group["has"])
    for entry in data["unanswered"]:
        for language, text in _by_language(entry) if isinstance(entry, dict) else [(KNOWLEDGE_LANGUAGE, entry)]:
            yield Question(business, text, language, None)


def _by_language(group: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in group.items():
        if key != "has":
            yield (KNOWLEDGE_LANGUAGE if key == "ask" else key), value


def _data() -> Traversable:
    return files("evals.quality.retrieval").joinpath("data")
