"""The two searches, vectors and words, as one statement over the tenant of the session."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.knowledge import words
from domain.knowledge.models import KnowledgeSource
from domain.knowledge.spaces import VectorSpace

EXACT_CHUNKS = 100_000
"""Up to so many chunks a tenant's vectors are compared one by one, which is exact; above, the HNSW index is walked. This is for 512
numbers a vector: twice as wide, half as many. To reach a recall of 0.94 among 80,000 the walk takes as long as comparing all (decision 22).
"""

_WIDTH = 512
_WALK = "select set_config('hnsw.iterative_scan', 'relaxed_order', true), set_config('hnsw.ef_search', '1000', true)"

# `offset 0` keeps the planner from taking the index for a small tenant: among all tenants' rows the index finds too few of it,
# and comparing all of a small tenant's is faster. In the last step it has each named row looked up by its key.
_EXACT = """
    select id, row_number() over (order by distance, id) as rank from (
        select id, distance from (
            select id, embedding <=> cast(:vector as halfvec) as distance from {table} where tenant_id = :tenant offset 0
        ) as mine order by distance, id limit :candidates
    ) as near
"""
_INDEXED = """
    select id, row_number() over (order by distance, id) as rank from (
        select id, embedding <=> cast(:vector as halfvec) as distance from {table} where tenant_id = :tenant
        order by embedding <=> cast(:vector as halfvec) limit :candidates
    ) as near
"""
_FOUND = """
with near as materialized ({near}),
said as materialized (
    select id, coverage, row_number() over (order by coverage desc, id) as rank
    from search_chunks(cast(:terms as text[]), :config, :total, :said)
),
named as materialized (
    select coalesce(near.id, said.id) as id, said.coverage, near.rank as near_rank, said.rank as said_rank
    from near full join said on said.id = near.id
)
select c.id, c.source_id, s.title, s.url, c.version, c.text, c.heading, c.language, c.page, c.position, c.curated_answer, c.valid_until,
    coalesce(c.valid_until < now(), false) as stale, 1 - (v.embedding <=> cast(:vector as halfvec)) as cosine,
    coalesce(named.coverage, 0) as coverage, named.near_rank, named.said_rank,
    case when c.curated_answer is null then false else
        tsvector_to_array(to_tsvector(cast(c.search_config as regconfig), split_part(c.text, e'\n', 1)))
        = tsvector_to_array(to_tsvector(cast(c.search_config as regconfig), :question))
    end as same_words, (select count(*) from near) as walked
from named
cross join lateral (select * from knowledge_chunks where tenant_id = :tenant and id = named.id offset 0) as c
cross join lateral (select embedding from {table} where tenant_id = :tenant and id = named.id offset 0) as v
join knowledge_sources s on s.tenant_id = :tenant and s.id = c.source_id and s.live_version = c.version
where coalesce(c.valid_from <= now(), true)
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
        self, question: str, vector: Sequence[float], config: str | None, total: int, candidates: int
    ) -> list[Found]:
        """Return what is near in meaning or shares words, `candidates` of each at most, in no order.

        `config` is the text search configuration of the question's language, none where that is not known; `total` is the tenant's
        count of chunks, which also decides how vectors are compared.
        """
        values = {
            "tenant": self.tenant_id,
            "vector": str(list(vector)),
            "question": question,
            "terms": words.terms(question),
            "config": config,
            "total": total,
            "candidates": candidates,
            "said": 2 * candidates,
        }
        if total * self.space.model.width > EXACT_CHUNKS * _WIDTH:
            await self.session.execute(text(_WALK))
            walked = await self._found(_INDEXED, values)
            # The walk gives up after so many rows of other tenants; that must not cost a row that exists.
            if walked and walked[0]["walked"] >= min(candidates, total):
                return [_row(row) for row in walked]
        return [_row(row) for row in await self._found(_EXACT, values)]

    async def _found(self, near: str, values: Mapping[str, object]) -> Sequence[RowMapping]:
        statement = _FOUND.format(table=self.space.table, near=near.format(table=self.space.table))
        return (await self.session.execute(text(statement), values)).mappings().all()


def _row(row: RowMapping) -> Found:
    return Found(**{name: value for name, value in row.items() if name != "walked"})
