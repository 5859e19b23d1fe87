"""Hybrid search over one tenant's knowledge: vectors and words, fused by rank, with a relevance that a floor can be set on."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final
from uuid import UUID

from core.aal.language import LanguageDetector
from core.contracts.reasoning import Passage, Retrieval
from core.db.session import Database
from domain.knowledge import words
from domain.knowledge.embedding import EmbedderSource, TenantEmbedding
from domain.knowledge.nearness import Found, NearnessRepository
from domain.knowledge.spaces import SpaceRepository

FLOOR: Final = 0.5
"""Relevance below which a passage is not used. Fitted by `evals.quality.retrieval.calibrate` on 145 hard questions over three
businesses, each judged by weights of the other two: 82 % of those without an answer are turned away, 59 % of the others keep it.
"""

SAME_QUESTION_COSINE: Final = 0.8
"""Questions of the same words that are nearer than this are one question; `where do you deliver` and `when do you deliver` are not."""

_BIAS, _COSINE, _COVERAGE, _CONTRAST = -5.85, 2.3, 3.5, 1.45
_NEIGHBOURS: Final = 20
_USUAL_COSINE, _USUAL_VARIANCE, _USUAL_WEIGHT = 0.09, 0.006, 2
"""What a question has in common with any passage of a business, for tenants with too few chunks to tell."""

_RANK_OFFSET: Final = 5
_CANDIDATES: Final = 40


@dataclass(frozen=True, slots=True)
class KnowledgeSearch:
    """Search bound to a tenant, embedders and units of work; holds nothing between calls."""

    db: Database
    tenant_id: UUID
    embedders: EmbedderSource
    detector: LanguageDetector = field(default_factory=LanguageDetector)
    floor: float = FLOOR

    async def search(self, query: str, limit: int) -> Retrieval:
        """Return at most `limit` passages above the floor, best first; how many fell below it is counted, not shown."""
        rated = ranked(await self.found(query, limit))
        good = [_passage(row, relevance) for row, relevance in rated if relevance >= self.floor]
        return Retrieval(query=query, passages=good[:limit], floor=self.floor, below_floor=len(rated) - len(good))

    async def candidates(self, query: str, limit: int) -> list[Passage]:
        """Return the best passages whatever their score, best first: for the page that shows why something was found or not."""
        return [_passage(row, relevance) for row, relevance in ranked(await self.found(query, limit))[:limit]]

    async def found(self, query: str, least: int) -> list[Found]:
        """Return what either search named for a question, at least `least` of each where there are so many, in no order.

        Raises:
            ProviderError: the embedding model does not answer.
            SetupError: the knowledge is searched by a model that this process has no key for.
        """
        if not query.strip():
            return []
        language = self.detector.detect(query).tag
        config = words.search_config(language) if language else None
        async with self.db.unit_of_work(self.tenant_id) as session:
            space = await SpaceRepository(session).active()
        while True:
            embedding = TenantEmbedding(self.db, self.embedders, self.tenant_id)
            [vector] = await embedding.embed(space.model, [words.embedded(query)])
            async with self.db.unit_of_work(self.tenant_id) as session:
                repository = NearnessRepository(session, self.tenant_id, space)
                total = await repository.total()
                found = await repository.find(query, vector, config, total, max(_CANDIDATES, least)) if total else []
                now = await SpaceRepository(session).active()
            if now.name == space.name:
                return [replace(row, cosine=space.likeness(row.cosine)) for row in found]
            space = now  # the knowledge moved to another model meanwhile: what was found may lack what is new


def ranked(found: Sequence[Found]) -> list[tuple[Found, float]]:
    """Return candidates with their relevance 0..1, best first: the prepared answer to the same question, then by rank fusion."""
    cosines = [row.cosine for row in found if row.near_rank is not None]
    rated = [(row, relevance_of(row, cosines)) for row in found]
    return sorted(rated, key=lambda pair: (is_same_question(pair[0]), fused(pair[0]), pair[1]), reverse=True)


def fused(row: Found) -> float:
    """Return the reciprocal rank fusion of the two searches; the words count as far as they cover the question, since the best of
    many chunks that share one common word is no evidence.
    """
    near = 1 / (_RANK_OFFSET + row.near_rank) if row.near_rank else 0.0
    said = row.coverage / (_RANK_OFFSET + row.said_rank) if row.said_rank else 0.0
    return near + said


def relevance_of(row: Found, cosines: Sequence[float]) -> float:
    """Return how likely a chunk answers the question, 0..1: a logistic regression over the evidence."""
    if is_same_question(row):
        return 1.0
    evidence = _BIAS + _COSINE * row.cosine + _COVERAGE * row.coverage + _CONTRAST * contrast(row, cosines)
    return 1 / (1 + math.exp(-evidence))


def contrast(row: Found, cosines: Sequence[float]) -> float:
    """Return by how many standard deviations a chunk is nearer than its neighbours, whose cosines with its own are `cosines`: a
    bare cosine says little, since some questions are near to everything.
    """
    others = sorted(cosines, reverse=True)
    if row.near_rank is not None:
        others.remove(row.cosine)
    others = others[:_NEIGHBOURS]
    weight = len(others) + _USUAL_WEIGHT
    mean = (sum(others) + _USUAL_COSINE * _USUAL_WEIGHT) / weight
    variance = (sum((other - mean) ** 2 for other in others) + _USUAL_VARIANCE * _USUAL_WEIGHT) / weight
    return (row.cosine - mean) / math.sqrt(variance)


def is_same_question(row: Found) -> bool:
    """Say whether a chunk is a prepared answer to the question that was asked."""
    return row.same_words and row.cosine >= SAME_QUESTION_COSINE


def _passage(row: Found, relevance: float) -> Passage:
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
        score=round(relevance, 4),
        vector_score=round(max(row.cosine, 0.0), 4),
        text_score=round(row.coverage, 4),
        valid_until=row.valid_until,
        stale=row.stale,
        curated_answer=row.curated_answer if is_same_question(row) else None,
    )
