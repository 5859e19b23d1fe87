"""The two searches, vectors and words, as one statement over the tenant of the session."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Final
from uuid import UUID

from sqlalchemy import TextClause, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.knowledge import words
from domain.knowledge.models import KnowledgeSource
from domain.knowledge.spaces import VectorSpace

EXACT_CHUNKS = 4_000
"""Up to so many chunks a tenant's vectors are compared one by one; above, those whose signs are most alike. This is for 512 numbers
a vector: twice as wide, half as many (decision 26).
"""

RANK_OFFSET: Final = 5
"""What is added to each rank where the two searches are fused."""

_WIDTH = 512
_LEAST_COMPARED, _COMPARED_SHARE = 300, 100
"""So many vectors, and of a large tenant one in so many, are compared after their signs were."""

# `offset 0` has each row looked up by its key, where the planner would read all of the tenant's.
_EXACT = """
    select id, row_number() over (order by distance, id) as rank from (
        select id, embedding <=> (select vector from asked) as distance from {table} where tenant_id = :tenant
        order by distance, id limit :candidates
    ) as near
"""
_ALIKE = """
    select id, row_number() over (order by distance, id) as rank from (
        select alike.id, v.embedding <=> (select vector from asked) as distance from (
            select id from {table} where tenant_id = :tenant
            order by signs <~> (select binary_quantize(vector) from asked) limit :compared
        ) as alike
        cross join lateral (select embedding from {table} where tenant_id = :tenant and id = alike.id offset 0) as v
        order by distance, id limit :candidates
    ) as near
"""
_BY_WORDS = "select null::uuid as id, null::bigint as rank where false"
_FOUND = """
with asked as materialized (select cast(:vector as halfvec) as vector),
near as materialized ({near}),
said as materialized (
    select id, coverage, row_number() over (order by coverage desc, id) as rank
    from search_chunks(cast(:terms as text[]), :config, :total, :said)
),
named as materialized (
    select coalesce(near.id, said.id) as id, coalesce(said.coverage, 0) as coverage, near.rank as near_rank, said.rank as said_rank
    from near full join said on said.id = near.id
),
best as materialized (
    select c.id, c.source_id, s.title, s.url, c.version, c.text, c.heading, c.language, c.page, c.position, c.curated_answer,
        c.valid_until, named.coverage, named.near_rank, named.said_rank,
        case when c.curated_answer is null then false else
            tsvector_to_array(to_tsvector(cast(c.search_config as regconfig), split_part(c.text, e'\n', 1)))
            = tsvector_to_array(to_tsvector(cast(c.search_config as regconfig), :question))
        end as same_words
    from named
    cross join lateral (select * from knowledge_chunks where tenant_id = :tenant and id = named.id offset 0) as c
    cross join lateral (
        select title, url from knowledge_sources
        where tenant_id = :tenant and id = c.source_id and live_version = c.version offset 0
    ) as s
    where coalesce(c.valid_from <= now(), true) and coalesce(c.review = 'allowed', true)
    order by same_words desc,
        coalesce(cast(1 as float8) / (:rank_offset + named.near_rank), 0)
        + coalesce(named.coverage / (:rank_offset + named.said_rank), 0) desc
    limit cast(:kept as bigint)
)
select best.id, source_id, title, url, version, text, heading, language, page, position, curated_answer, valid_until,
    coalesce(valid_until < now(), false) as stale, coalesce(1 - (v.embedding <=> (select vector from asked)), 0) as cosine,
    coverage, near_rank, said_rank, same_words
from best
cross join lateral (select embedding from {table} where tenant_id = :tenant and id = best.id offset 0) as v
"""


@dataclass(frozen=True, slots=True)
class Found:
    """A chunk that one search or both found. `cosine` is -1..1, `coverage` 0..1 (the share of the question's words, weighed by
    how rare they are); ranks count from 1 and are none where that search did not name the chunk.
    `same_words` says that a prepared answer's question has the very words of the question asked, inflection and stop words apart.
    """

    id: UUID
    source_id: UUID
    title: str
    url: str | None
    version: int
    text: str
    heading: str | None
    language: str | None
    page: int | None
    position: int
    curated_answer: str | None
    valid_until: datetime | None
    stale: bool
    cosine: float
    coverage: float
    near_rank: int | None
    said_rank: int | None
    same_words: bool


@dataclass(frozen=True, slots=True)
class NearnessRepository:
    """Search over the chunks of one tenant, in a unit of work of that tenant."""

    session: AsyncSession
    tenant_id: UUID
    space: VectorSpace

    async def total(self) -> int:
        """Return how many chunks search may find."""
        live = KnowledgeSource.live_version.is_not(None)
        count = await self.session.scalar(select(func.sum(KnowledgeSource.live_chunks)).where(live))
        return int(count or 0)

    async def find(
        self,
        question: str,
        vector: Sequence[float] | None,
        config: str | None,
        total: int,
        candidates: int,
        kept: int | None = None,
    ) -> list[Found]:
        """Return what is near in meaning or shares words, `candidates` of each at most, in no order; with no vector only the latter.

        `config` is the text search configuration of the question's language, none where that is not known; `total` is the tenant's
        count of chunks, which also decides how vectors are compared. Of all that was named only the `kept` best by fusion are returned.
        """
        exact = total * self.space.model.width <= EXACT_CHUNKS * _WIDTH
        values = {
            "tenant": self.tenant_id,
            "vector": None if vector is None else str(list(vector)),
            "question": question,
            "terms": words.terms(question),
            "config": config,
            "total": total,
            "candidates": candidates,
            "said": 2 * candidates,
            "rank_offset": RANK_OFFSET,
            "kept": kept,
        }
        if vector is not None and not exact:
            values["compared"] = max(_LEAST_COMPARED, total // _COMPARED_SHARE, candidates)
        near = _BY_WORDS if vector is None else _EXACT if exact else _ALIKE
        rows = await self.session.execute(_statement(self.space.table, near), values)
        return [Found(*row) for row in rows]


@cache
def _statement(table: str, near: str) -> TextClause:
    return text(_FOUND.format(table=table, near=near.format(table=table)))
