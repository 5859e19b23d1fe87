"""Passages for tests, and a search that returns them."""

from collections.abc import Sequence
from uuid import uuid4

from core.contracts.reasoning import Passage, Retrieval


def passage(text: str, *, language: str = "en", curated: str | None = None, title: str = "handbook.md") -> Passage:
    """Return a passage."""
    return Passage(
        id=uuid4(),
        source_id=uuid4(),
        source_title=title,
        text=text,
        language=language,
        score=0.9,
        curated_answer=curated,
    )


def retrieval(*passages: Passage, query: str = "asked") -> Retrieval:
    """Return what a search found."""
    return Retrieval(query=query, passages=list(passages), floor=0.0)


class RecordedSearch:
    """Answers every query with the same passages and remembers the queries."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self.passages = list(passages)
        self.queries: list[str] = []

    async def search(self, query: str, limit: int) -> Retrieval:
        """Note the query."""
        self.queries.append(query)
        return Retrieval(query=query, passages=self.passages[:limit], floor=0.0)
