"""A search over one text in memory, with the port of the real one: cosine and shared words, fused by rank."""

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID, uuid5

from agents.text.similarity import cosine
from agents.text.words import overlap, terms, vocabulary
from core.aal.ports import Embedder
from core.contracts.reasoning import Passage, Retrieval
from domain.knowledge.chunking import chunk
from domain.knowledge.reading_child import read

_SPACE = UUID("6f0c1df2-5a0e-4a52-9a0b-0c1f1f9f8a11")
_RANK_OFFSET = 5


def passages(path: Path, language: str | None) -> list[Passage]:
    """Read and cut a file as the desk does, with stable ids."""
    source = uuid5(_SPACE, path.name)
    mime = "text/markdown" if path.suffix == ".md" else "text/plain"
    return [
        Passage(
            id=uuid5(source, str(position)),
            source_id=source,
            source_title=path.name,
            text=piece.text,
            heading=piece.heading,
            language=language,
            position=position,
        )
        for position, piece in enumerate(chunk(read(path.read_bytes(), mime).blocks))
    ]


def _searched(passage: Passage) -> str:
    return f"{passage.heading or ''}\n{passage.text}"


class MemorySearch:
    """Satisfies `PassageSearch`."""

    def __init__(self, found: Sequence[Passage], embedder: Embedder, language: str | None) -> None:
        self._passages = list(found)
        self._embedder = embedder
        self._language = language

    async def search(self, query: str, limit: int) -> Retrieval:
        """Return the passages by reciprocal rank fusion of meaning and words; nothing is below the floor."""
        asked, *vectors = await self._embedder.embed([query, *(_searched(p) for p in self._passages)])
        meaning = [cosine(asked, vector) for vector in vectors]
        wanted = terms(query, self._language)
        shared = [overlap(wanted, vocabulary(_searched(p), self._language), self._language) for p in self._passages]
        fused = [
            1 / (_RANK_OFFSET + _rank(meaning, i)) + shared[i] / (_RANK_OFFSET + _rank(shared, i))
            for i in range(len(self._passages))
        ]
        order = sorted(range(len(fused)), key=fused.__getitem__, reverse=True)
        found = [self._passages[i].model_copy(update={"score": min(1.0, fused[i] * 3)}) for i in order[:limit]]
        return Retrieval(query=query, passages=found, floor=0.0, below_floor=len(order) - len(found))


def _rank(scores: Sequence[float], at: int) -> int:
    return sum(score > scores[at] for score in scores)
