"""Hybrid search over one tenant's knowledge: vectors and words, fused by rank; the best get a second look, which orders them and gives a
relevance that a floor can be set on.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

import structlog

from core.aal.embedding import EmbeddingModel
from core.aal.language import LanguageDetector
from core.aal.ports import Vector
from core.contracts.reasoning import Passage, Retrieval
from core.db.session import Database
from core.errors import ProviderError, SetupError
from domain.knowledge import words
from domain.knowledge.embedding import EmbedderSource, TenantEmbedding
from domain.knowledge.evidence import Judged, SecondLook, is_same_question
from domain.knowledge.nearness import RANK_OFFSET, Found, NearnessRepository
from domain.knowledge.spaces import SpaceRepository

_log = structlog.get_logger(__name__)

FLOOR: Final = 0.5
"""Relevance below which a passage is not used."""

CANDIDATES: Final = 40
LOOKED_AT: Final = 20
"""So many of what the searches found get a second look: 97 % of the right passages are among them."""


@dataclass(frozen=True, slots=True)
class KnowledgeSearch:
    """Search bound to a tenant, embedders and units of work; holds nothing between calls."""

    db: Database
    tenant_id: UUID
    embedders: EmbedderSource
    detector: LanguageDetector = field(default_factory=LanguageDetector)
    floor: float = FLOOR
    second_look: SecondLook = field(default_factory=SecondLook)

    async def search(self, query: str, limit: int) -> Retrieval:
        """Return at most `limit` passages above the floor, best first; how many fell below it is counted, not shown."""
        judged = await self.judged(query, limit)
        good = [_passage(one) for one in judged if one.relevance >= self.floor]
        return Retrieval(query=query, passages=good[:limit], floor=self.floor, below_floor=len(judged) - len(good))

    async def candidates(self, query: str, limit: int) -> list[Passage]:
        """Return the best passages whatever their score, best first: for the page that shows why something was found or not."""
        return [_passage(one) for one in (await self.judged(query, limit))[:limit]]

    async def judged(self, query: str, least: int) -> list[Judged]:
        """Return the best of what was found, judged, best first. Raises like `found`."""
        kept = max(LOOKED_AT, least)
        first = ranked(await self.found(query, least, kept))[:kept]
        return await self.second_look.judge(query, self.detector.detect(query).tag, first)

    async def found(self, query: str, least: int, kept: int | None = None) -> list[Found]:
        """Return what either search named for a question, at least `least` of each where there are so many, in no order; of all that
        only the `kept` best by fusion.

        While the provider of the vectors does not answer, or this process has no key for it, what shares words is found, and how near
        it is in meaning is said by the bundled model.
        """
        if not query.strip():
            return []
        language = self.detector.detect(query).tag
        config = words.search_config(language) if language else None
        async with self.db.unit_of_work(self.tenant_id) as session:
            space = await SpaceRepository(session).active()
        while True:
            vector = await self._vector(space.model, query)
            async with self.db.unit_of_work(self.tenant_id) as session:
                repository = NearnessRepository(session, self.tenant_id, space)
                total = await repository.total()
                wanted = max(CANDIDATES, least)
                found = await repository.find(query, vector, config, total, wanted, kept) if total else []
                now = await SpaceRepository(session).active()
            if vector is None:
                return await self.second_look.near(query, found)
            if now.name == space.name:
                return [replace(row, cosine=space.likeness(row.cosine)) for row in found]
            space = now  # the knowledge moved to another model meanwhile: what was found may lack what is new

    async def _vector(self, model: EmbeddingModel, query: str) -> Vector | None:
        """Return the vector of a question, none where nobody makes one now."""
        try:
            embedding = TenantEmbedding(self.db, self.embedders, self.tenant_id)
            [vector] = await embedding.embed(model, [words.embedded(query)])
        except (ProviderError, SetupError) as error:
            _log.warning("knowledge.searched_by_words", tenant_id=str(self.tenant_id), code=error.reason_code)
            return None
        return vector


def ranked(found: Sequence[Found]) -> list[Found]:
    """Return candidates best first: the prepared answer to the same question, then by rank fusion."""
    return sorted(found, key=lambda row: (is_same_question(row), fused(row), row.cosine), reverse=True)


def fused(row: Found) -> float:
    """Return the reciprocal rank fusion of the two searches; the words count as far as they cover the question, since the best of
    many chunks that share one common word is no evidence.
    """
    near = 1 / (RANK_OFFSET + row.near_rank) if row.near_rank else 0.0
    said = row.coverage / (RANK_OFFSET + row.said_rank) if row.said_rank else 0.0
    return near + said


def _passage(judged: Judged) -> Passage:
    row = judged.row
    return Passage(
        id=row.id,
        source_id=row.source_id,
        source_title=row.title,
        source_url=row.url,
        source_version=row.version,
        text=row.text,
        heading=row.heading,
        language=row.language,
        page=row.page,
        position=row.position,
        score=round(judged.relevance, 4),
        vector_score=round(max(row.cosine, 0.0), 4),
        text_score=round(row.coverage, 4),
        valid_until=row.valid_until,
        stale=row.stale,
        curated_answer=row.curated_answer if is_same_question(row) else None,
    )
