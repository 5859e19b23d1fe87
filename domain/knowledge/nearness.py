"""The two searches, vectors and words, as one statement over the tenant of the session."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.knowledge import words
from domain.knowledge.models import KnowledgeSource
from domain.knowledge.repository import VectorTable

EXACT_CHUNKS = 10_000
"""Up to so many chunks a tenant's vectors are compared one by one, which is exact; above, the HNSW index is walked."""

_WALK = "set local hnsw.iterative_scan = relaxed_order; set local hnsw.ef_search = 100"

# `offset 0` keeps the planner from taking the index for a small tenant: among all tenants' rows the index finds too few of it,
# and comparing all of a small tenant's is faster.
_EXACT = """
    select id, row_number() over (order by distance, id) as rank from (
        select id, embedding <=> cast(:vector as halfvec) as distance from {table} where tenant_id = :tenant offset 0
    ) as mine order by distance, id limit :candidates
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
)
select c.id, c.source_id, s.title, s.url, c.text, c.heading, c.language, c.page, c.position, c.curated_answer, c.valid_until,
    coalesce(c.valid_until < now(), false) as stale, 1 - (v.embedding <=> cast(:vector as halfvec)) as cosine,
    coalesce(said.coverage, 0) as coverage, near.rank as near_rank, said.rank as said_rank,
    case when c.curated_answer is null then false else
        tsvector_to_array(to_tsvector(cast(c.search_config as regconfig), split_part(c.text, e'\n', 1)))
        = tsvector_to_array(to_tsvector(cast(c.search_config as regconfig), :question))
    end as same_words
from near full join said on said.id = near.id
join knowledge_chunks c on c.tenant_id = :tenant and c.id = coalesce(near.id, said.id)
join {table} v on v.tenant_id = :tenant and v.id = c.id
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
    table: VectorTable

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
        exact = total <= EXACT_CHUNKS
        if not exact:
            for setting in _WALK.split(";"):
                await self.session.execute(text(setting))
        name = self.table.__tablename__
        near = (_EXACT if exact else _INDEXED).format(table=name)
        rows = await self.session.execute(
            text(_FOUND.format(table=name, near=near)),
            {
                "tenant": self.tenant_id,
                "vector": str(list(vector)),
                "question": question,
                "terms": words.terms(question),
                "config": config,
                "total": total,
                "candidates": candidates,
                "said": 2 * candidates,
            },
        )
        return [Found(**row) for row in rows.mappings()]
