"""Answers that staff wrote for a question: they come before everything else, word for word, and no model is asked."""

from collections.abc import Sequence

from agents.drafter.compose import Piece, within_limit
from agents.text.questions import Ask
from agents.text.similarity import cosine
from core.aal.language import base_of
from core.aal.ports import Embedder
from core.contracts.reasoning import Claim, Conversation, DraftProposal, Passage

_SAME_QUESTION = 0.62


async def prepared_answer(ask: Ask, passages: Sequence[Passage], embedder: Embedder) -> Piece | None:
    """Return the answer that staff wrote for this very question; none where there is none."""
    written = [passage for passage in passages if passage.curated_answer]
    if not written:
        return None
    query, *vectors = await embedder.embed([ask.query, *(passage.text for passage in written)])
    likeness, best = max((cosine(query, vector), i) for i, vector in enumerate(vectors))
    answer = written[best].curated_answer
    return Piece(answer, written[best].id) if answer and likeness >= _SAME_QUESTION else None


async def prepared_reply(
    wanted: Sequence[Ask], passages: Sequence[Passage], embedder: Embedder, conversation: Conversation
) -> DraftProposal | None:
    """Return a reply of prepared answers alone; none where a question of the burst has none of its own, or
    they are too long together.
    """
    usable = [passage for passage in passages if in_language(passage, conversation.language)]
    said: list[Piece] = []
    for ask in wanted:
        piece = await prepared_answer(ask, usable, embedder)
        if (
            piece is None or piece in said
        ):  # a question that leans on the one before it would get that one's answer again
            return None
        said.append(piece)
    if not said or within_limit(said) != said:
        return None
    return proposed(said, [], conversation.language, 1.0).model_copy(update={"verbatim": True})


def in_language(passage: Passage, language: str | None) -> bool:
    """Tell whether a passage can be said as it stands to somebody who writes in `language`."""
    if passage.language is None or language is None:
        return True
    return base_of(passage.language) == base_of(language)


def proposed(pieces: Sequence[Piece], missing: list[str], language: str | None, confidence: float) -> DraftProposal:
    """Return pieces as one text, each of them a claim with its passage."""
    text = ""
    for piece in pieces:
        text += ("\n" if "\n" in piece.text or text.endswith("\n") else " ") * bool(text) + piece.text
    return DraftProposal(
        parts=[text] if text else [],
        claims=[Claim(text=piece.text, passage_ids=[piece.passage_id]) for piece in pieces],
        missing=missing,
        language=language,
        confidence=0.0 if missing else confidence,
    )
