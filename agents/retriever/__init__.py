"""The retriever: from what was written to what the business says about it. Deterministic, uses no language model."""

from agents.ports import PassageSearch, Retriever
from agents.retriever.retriever import SearchingRetriever


def build_retriever(search: PassageSearch, *, limit: int = 6) -> Retriever:
    """Return the retriever over one tenant's search; `limit` passages for each question."""
    return SearchingRetriever(search, limit)
