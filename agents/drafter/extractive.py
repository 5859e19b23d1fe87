"""The drafter that needs no model: it answers with the business's own sentences, each cited, or says what is not known.

A false answer is worse than none: what the evidence does not carry goes into `missing`, and a person answers.
"""

from collections.abc import Sequence

from agents.drafter.compose import Piece, compose, within_limit
from agents.drafter.evidence import Candidate, candidates, matches
from agents.drafter.prepared import in_language, prepared_answer, prepared_reply, proposed
from agents.ports import Previous
from agents.text.questions import Ask, asks
from agents.text.subjects import subjects
from agents.text.words import fold
from core.aal.ports import Embedder
from core.contracts.reasoning import AiCall, Conversation, DraftProposal, Passage, Retrieval, ToneProfile

ANSWERS = 0.38
"""Least evidence for an answer, set on the development questions of the tests and held on others."""

ANSWERS_LIVE = 0.65
"""The same for the state of things now ("is my order ready?"): only what comes very near answers that."""


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
        prepared = await prepared_reply(wanted, retrieval.passages, self._embedder, conversation)
        if prepared is not None:
            return prepared, []
        usable = [passage for passage in retrieval.passages if in_language(passage, language)]
        written = [passage for passage in usable if passage.live is None]
        pool = [c for c in candidates(written, language) if not _at_fault(c, previous)]
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
        return proposed(kept, missing, language, min(sure, default=0.0)), []

    async def _answer(
        self, ask: Ask, passages: Sequence[Passage], pool: Sequence[Candidate], language: str | None
    ) -> tuple[list[Piece], float]:
        curated = await prepared_answer(ask, passages, self._embedder)
        if curated is not None:
            return [curated], 1.0
        meant = subjects(ask.query, language)
        live = [Piece(passage.text, passage.id) for passage in passages if passage.live in meant]
        if live:
            return live, 1.0
        ranked = await matches(ask, pool, self._embedder, language)
        best = next((match for match in ranked if match.fits), None)
        if best is None or best.score < (ANSWERS_LIVE if ask.live else ANSWERS):
            return [], 0.0
        return compose(ask, best, ranked, pool), min(1.0, best.score)


def _at_fault(candidate: Candidate, previous: Previous | None) -> bool:
    """A sentence that a check objected to is not said again."""
    if previous is None or not previous.reasons:
        return False
    return any(fold(candidate.unit.text) in fold(reason) for reason in previous.reasons)
