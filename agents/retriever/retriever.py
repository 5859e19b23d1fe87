"""Finds what the business says: one search for each question of the burst, merged best first."""

import asyncio
from collections.abc import Sequence

from agents.ports import PassageSearch
from agents.text.questions import asks
from core.contracts.reasoning import Conversation, Passage, Retrieval

_MOST_SEARCHES = 3


class SearchingRetriever:
    """Asks the search for each question with the bit of history that it leans on; greetings and thanks are not searched."""

    def __init__(self, search: PassageSearch, limit: int) -> None:
        self._search = search
        self._limit = limit

    async def retrieve(self, conversation: Conversation) -> Retrieval:
        """Return the passages for all questions; an empty `query` means that nothing was asked."""
        queries = list(dict.fromkeys(ask.query for ask in asks(conversation)))
        if not queries:
            return Retrieval(query="", passages=[], floor=0.0)
        if len(queries) > _MOST_SEARCHES:
            queries = [*queries[: _MOST_SEARCHES - 1], " ".join(queries[_MOST_SEARCHES - 1 :])]
        found = await asyncio.gather(*(self._search.search(query, self._limit) for query in queries))
        return Retrieval(
            query="\n".join(queries),
            passages=_merged([retrieval.passages for retrieval in found]),
            floor=max(retrieval.floor for retrieval in found),
            below_floor=sum(retrieval.below_floor for retrieval in found),
        )


def _merged(lists: Sequence[Sequence[Passage]]) -> list[Passage]:
    """Take turns among the lists, so that no question's passages push another's away; each passage once, with its best score."""
    best: dict[object, Passage] = {}
    for rank in range(max((len(passages) for passages in lists), default=0)):
        for passages in lists:
            if rank < len(passages):
                passage = passages[rank]
                known = best.get(passage.id)
                if known is None or passage.score > known.score:
                    best[passage.id] = passage
    return list(best.values())
