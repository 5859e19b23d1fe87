"""A second look at what the searches found: each passage's sentences and heading held against the question, and for English by a
second model too. From that come the order and the relevance, by weights that a person can read.
"""

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from operator import mul
from typing import Final

from core.aal.embedding import BUNDLED, ENGLISH, build_embedder
from core.aal.language import base_of
from core.aal.ports import Embedder, Vector
from domain.knowledge import words
from domain.knowledge.nearness import Found

SAME_QUESTION_COSINE: Final = 0.8
"""Questions of the same words that are nearer than this are one question; `where do you deliver` and `when do you deliver` are not."""

_NEIGHBOURS: Final = 20
_USUAL_COSINE, _USUAL_VARIANCE, _USUAL_WEIGHT = 0.09, 0.006, 2
"""What a question has in common with any passage of a business, for tenants with too few chunks to tell."""

_SENTENCE_END = re.compile(r"(?<=[.!?…؟])\s+|(?<=[。！？])|\n+")
_MOST_SENTENCES = 12

Numbers = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Weights:
    """How the signs of one kind of question count: `rank` orders passages, `relevance` says how likely one answers the question."""

    rank: Numbers
    relevance: Numbers


@dataclass(frozen=True, slots=True)
class Judged:
    """A passage with its signs, its place in the order, and how likely it answers the question, 0..1."""

    row: Found
    signs: Numbers
    score: float
    relevance: float


@cache
def fitted() -> Mapping[bool, Weights]:
    """Return the weights that `evals.quality.retrieval.calibrate` wrote."""
    data = tomllib.loads(files("domain.knowledge").joinpath("relevance.toml").read_text("utf-8"))
    return {name == "english": Weights(entry["rank"], entry["relevance"]) for name, entry in data.items()}


@dataclass(frozen=True, slots=True)
class SecondLook:
    """Judges passages. `weights` by whether question and passage are both in English."""

    sentences: Embedder = field(default_factory=lambda: build_embedder(BUNDLED))
    english: Embedder = field(default_factory=lambda: build_embedder(ENGLISH))
    weights: Mapping[bool, Weights] = field(default_factory=fitted)

    async def warm(self) -> None:
        """Load both models, so that the first question need not wait for them."""
        for embedder in (self.sentences, self.english):
            await embedder.embed(["warm"])

    async def judge(self, query: str, language: str | None, rows: Sequence[Found]) -> list[Judged]:
        """Return what was found with its relevance, best first: the prepared answer to the same question before all else."""
        signs = await self.signs(query, language, rows)
        by_language = [self.weights["english" in seen] for seen in signs]
        scores = [weighed(weights.rank, seen) for weights, seen in zip(by_language, signs, strict=True)]
        judged = [
            Judged(row, seen, score, _relevance(row, weights, seen | beside(seen, score, signs, scores)))
            for row, seen, score, weights in zip(rows, signs, scores, by_language, strict=True)
        ]
        return sorted(judged, key=lambda one: (is_same_question(one.row), one.score), reverse=True)

    async def near(self, query: str, rows: Sequence[Found]) -> list[Found]:
        """Return passages with their nearness in meaning by the bundled model, for when the vectors of another cannot be compared."""
        if not rows:
            return []
        asked, *vectors = await self.sentences.embed(
            [words.embedded(text) for text in (query, *(row.text for row in rows))]
        )
        return [replace(row, cosine=_cosine(asked, vector)) for row, vector in zip(rows, vectors, strict=True)]

    async def signs(self, query: str, language: str | None, rows: Sequence[Found]) -> list[dict[str, float]]:
        """Return what speaks for each passage: `cosine` of the whole, of its best `sentence` and of its `heading`, `coverage` by words,
        and `english` and `english_sentence`, the same by the model for English, where both are in English.
        """
        if not rows:
            return []
        parts = [_parts(row) for row in rows]
        said = await self._likeness(self.sentences, words.embedded(query), [p.lowered() for p in parts])
        spoken = is_english(language, query)
        english = [
            place
            for place, row in enumerate(rows)
            if spoken and (row.language is None or base_of(row.language) == "en")
        ]
        seconds = await self._likeness(self.english, query, [parts[place].joined() for place in english])
        found = [
            {"cosine": row.cosine, "sentence": likeness[1], "heading": likeness[0], "coverage": row.coverage}
            for row, likeness in zip(rows, said, strict=True)
        ]
        for place, (whole, sentence) in zip(english, seconds, strict=True):
            found[place] |= {"english": whole, "english_sentence": sentence}
        return found

    async def _likeness(
        self, embedder: Embedder, query: str, parts: Sequence[tuple[str, Sequence[str]]]
    ) -> list[tuple[float, float]]:
        """Return for each pair of a text and sentences how near the text and the nearest sentence are to the question."""
        if not parts:
            return []
        texts = [text for whole, lines in parts for text in (whole, *lines)]
        asked, *vectors = await embedder.embed([query, *texts])
        near = iter([_cosine(asked, vector) for vector in vectors])
        return [(next(near), max([next(near) for _ in lines], default=0.0)) for _, lines in parts]


@dataclass(frozen=True, slots=True)
class _Parts:
    heading: str
    text: str
    sentences: tuple[str, ...]

    def lowered(self) -> tuple[str, Sequence[str]]:
        return words.embedded(self.heading), [words.embedded(sentence) for sentence in self.sentences]

    def joined(self) -> tuple[str, Sequence[str]]:
        return f"{self.heading}\n{self.text}".strip(), self.sentences


def _parts(row: Found) -> _Parts:
    """Cut a passage into its heading, or question, and its sentences."""
    text = row.curated_answer or row.text
    heading = row.text[: -len(text)].strip() if row.curated_answer else (row.heading or "").rsplit(" › ", 1)[-1]
    pieces = [piece.strip(" -*|") for piece in _SENTENCE_END.split(text)]
    return _Parts(heading, text, tuple([piece for piece in pieces if piece][:_MOST_SENTENCES]))


def is_english(language: str | None, query: str) -> bool:
    """Say whether a question is in English; one of few words whose language is not known is taken for it by its letters."""
    return base_of(language) == "en" if language else query.isascii()


def weighed(weights: Numbers, signs: Numbers) -> float:
    """Return the weighted sum of signs; one without weight counts nothing."""
    return sum(weight * signs.get(name, 0.0) for name, weight in weights.items())


def beside(seen: Numbers, score: float, signs: Sequence[Numbers], scores: Sequence[float]) -> dict[str, float]:
    """Return how a passage stands among all that were found: its `score`, by how much it `leads` the best other, and its `contrast`
    and `english_contrast`, by how many standard deviations it is nearer than the others: a bare cosine says little, since some
    questions are near to everything.
    """
    others = sorted(scores, reverse=True)
    others.remove(score)
    found = {
        "one": 1.0,
        "score": score,
        "leads": score - others[0] if others else 0.0,
        "contrast": contrast(seen["cosine"], [one["cosine"] for one in signs]),
    }
    if "english" in seen:
        found["english_contrast"] = contrast(seen["english"], [one["english"] for one in signs if "english" in one])
    return found


def contrast(cosine: float, all_cosines: Sequence[float]) -> float:
    """Return by how many standard deviations one cosine, which is among all, is above the next highest ones."""
    others = sorted(all_cosines, reverse=True)
    others.remove(cosine)
    others = others[:_NEIGHBOURS]
    weight = len(others) + _USUAL_WEIGHT
    mean = (sum(others) + _USUAL_COSINE * _USUAL_WEIGHT) / weight
    variance = (sum((other - mean) ** 2 for other in others) + _USUAL_VARIANCE * _USUAL_WEIGHT) / weight
    return (cosine - mean) / math.sqrt(variance)


def is_same_question(row: Found) -> bool:
    """Say whether a chunk is a prepared answer to the question that was asked."""
    return row.same_words and row.cosine >= SAME_QUESTION_COSINE


def _relevance(row: Found, weights: Weights, signs: Numbers) -> float:
    if is_same_question(row):
        return 1.0
    return 1 / (1 + math.exp(-weighed(weights.relevance, signs)))


def _cosine(a: Vector, b: Vector) -> float:
    return float(sum(map(mul, a, b)))
