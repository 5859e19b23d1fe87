"""The retriever: from what was written to what the business says about it. Deterministic, uses no language model."""

from collections.abc import Sequence

from agents.ports import Lookup, PassageSearch, Retriever
from agents.retriever.retriever import SearchingRetriever


def build_retriever(search: PassageSearch, *, limit: int = 6, lookups: Sequence[Lookup] = ()) -> Retriever:
    """Return the retriever over one tenant's search, `limit` passages for each question, and over its own systems."""
    return SearchingRetriever(search, limit, lookups)
