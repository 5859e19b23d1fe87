"""Finds what the business says: one search for each question of the burst, merged best first, beside what its own systems know."""

import asyncio
from collections.abc import Sequence
from zoneinfo import ZoneInfo

from agents.ports import LookedUp, Lookup, PassageSearch, Wanted
from agents.text.questions import asks
from agents.text.subjects import named_days, order_numbers, subjects
from core.contracts.reasoning import Conversation, Passage, Retrieval

_MOST_SEARCHES = 3


class SearchingRetriever:
    """Asks the search for each question with the bit of history that it leans on; greetings and thanks are not searched."""

    def __init__(self, search: PassageSearch, limit: int, lookups: Sequence[Lookup] = ()) -> None:
        self._search = search
        self._limit = limit
        self._lookups = lookups

    async def retrieve(self, conversation: Conversation) -> Retrieval:
        """Return the passages for all questions; an empty `query` means that nothing was asked."""
        queries = list(dict.fromkeys(ask.query for ask in asks(conversation)))
        if not queries:
            return Retrieval(query="", passages=[], floor=0.0)
        if len(queries) > _MOST_SEARCHES:
            queries = [*queries[: _MOST_SEARCHES - 1], " ".join(queries[_MOST_SEARCHES - 1 :])]
        found, looked_up = await asyncio.gather(
            asyncio.gather(*(self._search.search(query, self._limit) for query in queries)), self._look_up(conversation)
        )
        live = [passage for one in looked_up for passage in one.passages]
        return Retrieval(
            query="\n".join(queries),
            passages=[*live, *_merged([retrieval.passages for retrieval in found])],
            floor=max(retrieval.floor for retrieval in found),
            below_floor=sum(retrieval.below_floor for retrieval in found),
            unsettled=[line for one in looked_up for line in one.unsettled],
        )

    async def _look_up(self, conversation: Conversation) -> list[LookedUp]:
        """Ask the systems that the burst speaks of; order numbers may have been named before it."""
        burst, tag = conversation.burst_text(), conversation.language
        meant = [lookup for lookup in self._lookups if lookup.subject in subjects(burst, tag)]
        if not meant:
            return []
        said = [turn.text for turn in (*conversation.history, *conversation.burst) if turn.text]
        today = conversation.burst[-1].at.astimezone(ZoneInfo(conversation.timezone)).date()
        wanted = Wanted(order_numbers(said), named_days(burst, tag, today) or [today], conversation.timezone)
        return list(await asyncio.gather(*(lookup.look_up(wanted) for lookup in meant)))


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
