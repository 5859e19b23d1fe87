"""The drafter that needs no model: it answers with the business's own sentences, each cited, or says what is not known.

A false answer is worse than none: what the evidence does not carry goes into `missing`, and a person answers.
"""

from collections.abc import Sequence

from agents.drafter.compose import Piece, compose, within_limit
from agents.drafter.evidence import Candidate, candidates, matches
from agents.ports import Previous
from agents.text.questions import Ask, asks
from agents.text.similarity import cosine
from agents.text.words import fold
from core.aal.language import base_of
from core.aal.ports import Embedder
from core.contracts.reasoning import AiCall, Claim, Conversation, DraftProposal, Passage, Retrieval, ToneProfile

ANSWERS = 0.38
"""Least evidence for an answer, set on the development questions of the tests and held on others."""

ANSWERS_LIVE = 0.65
"""The same for the state of things now ("is my order ready?"): only what comes very near answers that."""

_CURATED = 0.62


class ExtractiveDrafter:
    """Composes replies from passages; deterministic for the same passages."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    async def draft(
        self,
        conversation: Conversation,
        retrieval: Retrieval,
        tone: ToneProfile,  # noqa: ARG002 - the voice is the humanizer's; the port is the same for all drafters
        previous: Previous | None = None,
    ) -> tuple[DraftProposal, list[AiCall]]:
        """Return the answer to each question that the passages carry; a repaired draft leaves out what was found at fault."""
        wanted = asks(conversation)
        language = conversation.language
        usable = [passage for passage in retrieval.passages if _same_language(passage, language)]
        pool = [c for c in candidates(usable, language) if not _at_fault(c, previous)]
        said: list[Piece] = []
        missing: list[str] = []
        sure: list[float] = []
        for ask in wanted:
            answer, evidence = await self._answer(ask, usable, pool, language)
            sure.append(evidence)
            if not answer:
                missing.append(ask.text)
            said += [piece for piece in answer if all(piece.text != other.text for other in said)]
        kept = within_limit(said)
        return _proposal(kept, missing, conversation, min(sure, default=0.0)), []

    async def _answer(
        self, ask: Ask, passages: Sequence[Passage], pool: Sequence[Candidate], language: str | None
    ) -> tuple[list[Piece], float]:
        curated = await self._curated(ask, passages)
        if curated is not None:
            return [curated], 1.0
        ranked = await matches(ask, pool, self._embedder, language)
        best = next((match for match in ranked if match.fits), None)
        if best is None or best.score < (ANSWERS_LIVE if ask.live else ANSWERS):
            return [], 0.0
        return compose(ask, best, ranked, pool), min(1.0, best.score)

    async def _curated(self, ask: Ask, passages: Sequence[Passage]) -> Piece | None:
        """Return the answer that staff wrote for this very question."""
        written = [passage for passage in passages if passage.curated_answer]
        if not written:
            return None
        query, *vectors = await self._embedder.embed([ask.query, *(passage.text for passage in written)])
        likeness, best = max(((cosine(query, v), i) for i, v in enumerate(vectors)), default=(0.0, 0))
        answer = written[best].curated_answer
        if likeness < _CURATED or answer is None:
            return None
        return Piece(answer, written[best].id)


def _same_language(passage: Passage, language: str | None) -> bool:
    if passage.language is None or language is None:
        return True
    return base_of(passage.language) == base_of(language)


def _at_fault(candidate: Candidate, previous: Previous | None) -> bool:
    """A sentence that a check objected to is not said again."""
    if previous is None or not previous.reasons:
        return False
    return any(fold(candidate.unit.text) in fold(reason) for reason in previous.reasons)


def _proposal(
    pieces: Sequence[Piece], missing: list[str], conversation: Conversation, confidence: float
) -> DraftProposal:
    text = ""
    for piece in pieces:
        text += ("\n" if "\n" in piece.text or text.endswith("\n") else " ") * bool(text) + piece.text
    return DraftProposal(
        parts=[text] if text else [],
        claims=[Claim(text=piece.text, passage_ids=[piece.passage_id]) for piece in pieces],
        missing=missing,
        language=conversation.language,
        confidence=0.0 if missing else confidence,
    )
