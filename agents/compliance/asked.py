"""What the customer asked, and whether the evidence speaks of it: a reply may be true in each word and yet answer nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from agents.drafter.evidence import candidates, matches
from agents.text.questions import Ask, asks
from agents.text.similarity import cosine
from agents.text.words import overlap, vocabulary
from core.aal.language import base_of
from core.aal.ports import Embedder
from core.contracts.reasoning import Conversation, Passage

_SPOKEN_OF = 0.3
"""Least evidence: on the tests' questions it marks one right answer in twenty, and finds four in five that their passage does not carry."""

_SPOKEN_OF_ABROAD = 0.14
"""The same for evidence in another language, where words seldom meet: unfounded answers stay under it, right ones come from 0.15 up."""

_WORDS_SPOKEN_OF = 0.34
_CONTACTS = frozenset({"phone", "email", "link"})


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, whether the evidence speaks of it, and the piece of evidence that comes nearest, with its language."""

    text: str
    carried: bool
    nearest: str = ""
    language: str | None = None


async def asked_of(
    conversation: Conversation, passages: Sequence[Passage], embedder: Embedder | None
) -> tuple[Asked, ...]:
    """Return the questions of the burst, each held against `passages`; without an embedder by their words alone."""
    tag = conversation.language
    found = []
    for ask in asks(conversation):
        if embedder is None:
            found.append(Asked(ask.text, _words_carried(ask, passages, tag)))
        else:
            found.append(await _held(ask, passages, embedder, tag))
    return tuple(found)


def _words_carried(ask: Ask, passages: Sequence[Passage], tag: str | None) -> bool:
    offered = vocabulary("\n".join(f"{p.heading or ''} {p.text} {p.curated_answer or ''}" for p in passages), tag)
    return overlap((*ask.terms, *ask.lean_terms), offered, tag) >= _WORDS_SPOKEN_OF


async def _held(ask: Ask, passages: Sequence[Passage], embedder: Embedder, tag: str | None) -> Asked:
    ranked = await matches(ask, candidates(passages, tag), embedder, tag)
    if not ranked:
        return Asked(ask.text, carried=False)
    best = ranked[0]
    written = [passage.text for passage in passages if passage.curated_answer]
    query, *vectors = await embedder.embed([ask.query, *written])
    score = max(best.score, *(cosine(query, vector) for vector in vectors), 0.0)
    unit, language = best.candidate.unit, best.candidate.passage.language
    foreign = language is not None and tag is not None and base_of(language) != base_of(tag)
    # Who asks for a number or an address is answered by one, in whatever words it stands.
    given = best.fitting >= 1.0 and bool(ask.wants & _CONTACTS)
    carried = given or score >= (_SPOKEN_OF_ABROAD if foreign else _SPOKEN_OF)
    return Asked(ask.text, carried, unit.text, language)
