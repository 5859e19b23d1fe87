"""How well a piece of a passage answers a question, without a model: meaning, words, and the kind of fact that was asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log

from agents.drafter.fitting import fitting
from agents.text.lexicon import lexicon
from agents.text.lists import common
from agents.text.questions import Ask
from agents.text.reading import Read, read
from agents.text.similarity import cosine
from agents.text.units import Unit
from agents.text.words import covered, partly, stem, terms, vocabulary, words
from core.aal.ports import Embedder, Vector
from core.contracts.reasoning import Passage

_MOST_EMBEDDED = 16
_LACKS = -0.9
_LEAST_COVER, _SURE_MEANING = 0.34, 0.68
_WEAK = 0.35
_LEANT = 0.6
_PART = 0.6
_JOINED = 1.3
_LEAST_RARITY = 0.25
_MOST_COMPARED = 6
_OTHER_WORD, _SAME_WORD = 0.66, 0.82


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A unit of a passage that was found; `rank` is the passage's place."""

    passage: Passage
    rank: int
    read: Read

    @property
    def unit(self) -> Unit:
        """The unit itself."""
        return self.read.unit


@dataclass(frozen=True, slots=True)
class Match:
    """The evidence that a candidate answers an ask; `score` is their sum, 0..1 and a little beyond."""

    candidate: Candidate
    meaning: float
    own_cover: float
    cover: float
    fitting: float
    score: float

    @property
    def fits(self) -> bool:
        """Whether it can be an answer at all: it holds the kind of fact that was asked for, and speaks of what was asked."""
        return self.fitting > _LACKS and (self.cover >= _LEAST_COVER or self.meaning >= _SURE_MEANING)


def candidates(passages: Sequence[Passage], tag: str | None) -> list[Candidate]:
    """Return the units of all passages, those of the best passage first, each text once."""
    found: list[Candidate] = []
    seen: set[tuple[str, str]] = set()
    for rank, passage in enumerate(passages):
        for one in read(passage.text, passage.heading, tag):
            key = (one.unit.context, one.unit.text)
            if key not in seen:
                seen.add(key)
                found.append(Candidate(passage, rank, one))
    return found


async def matches(ask: Ask, pool: Sequence[Candidate], embedder: Embedder, tag: str | None) -> list[Match]:
    """Return the most promising candidates with their evidence, best first."""
    near = sorted(pool, key=lambda c: _promise(ask, c, tag), reverse=True)[:_MOST_EMBEDDED]
    if not near:
        return []
    texts = [ask.query, ask.alone]
    for candidate in near:
        texts += [candidate.unit.text, candidate.read.with_context, candidate.unit.question]
    whole, alone, *vectors = await embedder.embed(texts)
    asked = (whole, alone) if ask.stands else (whole,)
    weights = _weights(ask, pool, tag)
    synonyms = await _Synonyms.of(ask, near, embedder, tag)
    scored = [
        _match(ask, candidate, _meaning(asked, vectors[3 * i : 3 * i + 3]), weights, synonyms, tag)
        for i, candidate in enumerate(near)
    ]
    return sorted(scored, key=lambda match: match.score, reverse=True)


def _promise(ask: Ask, candidate: Candidate, tag: str | None) -> float:
    wanted = (*ask.terms, *ask.lean_terms)
    shared = sum(covered(term, candidate.read.around, tag) for term in wanted) / (len(wanted) or 1)
    return shared + 0.3 * fitting(ask, candidate.read, lexicon(tag)) + 0.5 / (2 + candidate.rank)


def _meaning(asked: Sequence[Vector], vectors: Sequence[Vector]) -> float:
    return max(0.0, *(cosine(query, vector) for query in asked for vector in vectors))


class _Synonyms:
    """Which words of the candidates mean nearly the same as a term, and how nearly, 0..1."""

    def __init__(self, likeness: Mapping[str, Mapping[str, float]]) -> None:
        self._likeness = likeness

    def credit(self, term: str, offered: frozenset[str]) -> float:
        """Return how well an offered stem stands for the term."""
        return max(
            (likeness for other, likeness in self._likeness.get(term, {}).items() if other in offered), default=0.0
        )

    @classmethod
    async def of(cls, ask: Ask, near: Sequence[Candidate], embedder: Embedder, tag: str | None) -> "_Synonyms":
        """Compare the ask's uncovered terms with the words of the candidates; names and numbers have no synonyms."""
        spelled = {stem(word, tag): word for word in words(ask.query)}
        open_terms = [
            term
            for term in (*ask.terms, *ask.lean_terms)
            if term in spelled
            and spelled[term] not in ask.names
            and not any(char.isdigit() for char in term)
            and not all(covered(term, candidate.read.around, tag) for candidate in near)
        ]
        offered = _words_of(near, tag) if open_terms else {}
        vectors = await embedder.embed([*(spelled[term] for term in open_terms), *offered.values()])
        asked, found = vectors[: len(open_terms)], vectors[len(open_terms) :]
        return cls(
            {
                term: {
                    other: likeness
                    for other, v in zip(offered, found, strict=True)
                    if not _contains(term, other) and (likeness := _same_word(cosine(vector, v))) > 0
                }
                for term, vector in zip(open_terms, asked, strict=True)
            }
        )


def _words_of(near: Sequence[Candidate], tag: str | None) -> dict[str, str]:
    """Return the content words of the candidates by their stem."""
    offered: dict[str, str] = {}
    for candidate in near:
        for word in words(candidate.read.with_context):
            if len(word) > 2 and not any(char.isdigit() for char in word) and terms(word, tag):
                offered.setdefault(stem(word, tag), word)
    return offered


def _same_word(likeness: float) -> float:
    """Single words: "delivery" and "shipping" 0.84, "hire" and "rent" 0.74, but "tea" and "coffee" 0.61, "dog" and "cat" 0.67."""
    return min(1.0, max(0.0, (likeness - _OTHER_WORD) / (_SAME_WORD - _OTHER_WORD)))


def _contains(a: str, b: str) -> bool:
    """A compound is another thing than its part: a teapot is no tea, but a payment is what is paid."""
    short, long = sorted((a, b), key=len)
    return short in long and len(long) - len(short) > 2 and long.removeprefix(short) not in common().endings


def _match(
    ask: Ask,
    candidate: Candidate,
    meaning: float,
    weights: Sequence[Mapping[str, float]],
    synonyms: _Synonyms,
    tag: str | None,
) -> Match:
    fits = fitting(ask, candidate.read, lexicon(tag))
    own, cover = (
        max(
            (_cover(w, candidate.read.own, synonyms, tag), _cover(w, candidate.read.around, synonyms, tag))
            for w in weights
        )
        if weights
        else ((1.0, 1.0) if fits > 0 else (0.0, 0.0))
    )
    strange = any(not covered(stem(name, tag), candidate.read.around, tag) for name in ask.names)
    score = (
        0.32 * meaning
        + 0.21 * cover
        + 0.21 * own
        + 0.13 * fits
        + 0.11 * _precision(weights, candidate, tag)
        + 0.07 / (1 + candidate.rank)
        - 0.09 * strange
        - 0.10 * (not weights)
    )
    return Match(candidate, meaning, own, cover, fits, score)


def _precision(weights: Sequence[Mapping[str, float]], candidate: Candidate, tag: str | None) -> float:
    """Return the share of the unit's own content words that the question speaks of: short and to the point is better."""
    content = frozenset(terms(candidate.unit.text, tag))
    asked = frozenset().union(*weights)
    return sum(covered(term, asked, tag) for term in content) / len(content) if content else 0.0


def _cover(weights: Mapping[str, float], offered: frozenset[str], synonyms: _Synonyms, tag: str | None) -> float:
    """Return the weighted share of the terms that are offered, spelled, in part or by a word of the same meaning."""

    def credit(term: str) -> float:
        if covered(term, offered, tag):
            return 1.0
        return max(synonyms.credit(term, offered), _PART if partly(term, offered, tag) else 0.0)

    return sum(weight * credit(term) for term, weight in weights.items()) / sum(weights.values())


def _weights(ask: Ask, pool: Sequence[Candidate], tag: str | None) -> list[dict[str, float]]:
    """Weigh each term by how rare it is in what was found: the word that every line has, or the title, tells nothing.

    A question that leans on something is weighed with it, and by itself too where it stands alone: the better one counts.
    """
    titles = frozenset().union(*(_title(candidate, tag) for candidate in pool)) if pool else frozenset()

    def weight(term: str) -> float:
        seen = sum(covered(term, candidate.read.around, tag) for candidate in pool)
        rarity = log((len(pool) + 1) / (seen + 0.5)) / log(len(pool) + 2)
        return min(1.0, max(_LEAST_RARITY, rarity)) * (_WEAK if term in ask.weak or term in titles else 1.0)

    own = {term: weight(term) for term in ask.terms}
    for joined, halves in ask.joined.items():
        if any(joined in candidate.read.whole for candidate in pool):
            own = {term: value for term, value in own.items() if term not in halves} | {joined: _JOINED}
    leant = {term: _LEANT * weight(term) for term in ask.lean_terms if term not in own}
    found = [own, own | leant] if ask.stands else [own | leant]
    return [weights for weights in found if weights]


@lru_cache(maxsize=1024)
def _title_stems(title: str, tag: str | None) -> frozenset[str]:
    return vocabulary(title, tag)


def _title(candidate: Candidate, tag: str | None) -> frozenset[str]:
    top = candidate.unit.headings[0] if len(candidate.unit.headings) > 1 else ""
    return _title_stems(f"{candidate.passage.source_title} {top}", tag)
