"""What a space lacks of a tenant's chunks, and adding it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.states import PassageReview
from domain.knowledge.chunking import Chunk
from domain.knowledge.models import KnowledgeChunk, KnowledgeSource
from domain.knowledge.spaces import VectorSpace

_IS_FOUND = or_(KnowledgeChunk.review.is_(None), KnowledgeChunk.review == PassageReview.ALLOWED)
"""What is held for review has no vector on purpose."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A chunk without a vector."""

    id: UUID
    source_id: UUID
    heading: str | None
    text: str
    curated_answer: str | None

    def embedded_text(self) -> str:
        """Return what its vector stands for, as when it was cut: a stored answer has its question before it in the text."""
        answer = self.curated_answer
        question = self.text[: -len(answer) - 1] if answer else None
        return Chunk(self.text, self.heading, None, question, answer).embedded_text()


@dataclass(frozen=True, slots=True)
class MissingRepository:
    """Chunks of the tenant of the session, held against one space."""

    session: AsyncSession
    space: VectorSpace

    async def counts(self) -> tuple[int, int]:
        """Return how many chunks have a vector, and how many there are."""
        lacking = await self.session.scalar(select(func.count()).select_from(self._lacking().subquery()))
        total = await self.session.scalar(select(func.count()).select_from(KnowledgeChunk).where(_IS_FOUND))
        return (total or 0) - (lacking or 0), total or 0

    async def page(self, after: UUID | None, limit: int, source_id: UUID | None = None) -> list[Missing]:
        """Return chunks without a vector, in the order of their ids; with `source_id` those of one source."""
        query = self._lacking().order_by(KnowledgeChunk.id).limit(limit)
        if after is not None:
            query = query.where(KnowledgeChunk.id > after)
        if source_id is not None:
            query = query.where(KnowledgeChunk.source_id == source_id)
        return [
            Missing(chunk_id, source_id, heading, words, answer)
            for chunk_id, source_id, heading, words, answer in await self.session.execute(query)
        ]

    async def add(self, tenant_id: UUID, batch: Sequence[Missing], vectors: Sequence[list[float]]) -> int:
        """Store vectors of those chunks that are still there, and return how many."""
        # Whoever removes or replaces a source holds it: a vector must never outlive its chunk.
        sources = select(KnowledgeSource.id).where(KnowledgeSource.id.in_({piece.source_id for piece in batch}))
        await self.session.execute(sources.order_by(KnowledgeSource.id).with_for_update(read=True))
        there = set(
            await self.session.scalars(
                select(KnowledgeChunk.id).where(KnowledgeChunk.id.in_([piece.id for piece in batch]), _IS_FOUND)
            )
        )
        rows = [
            {"tenant_id": tenant_id, "id": piece.id, "source_id": piece.source_id, "embedding": vector}
            for piece, vector in zip(batch, vectors, strict=True)
            if piece.id in there
        ]
        if rows:
            await self.session.execute(insert(self.space.rows).on_conflict_do_nothing(), rows)
        return len(rows)

    def _lacking(self) -> Select[UUID, UUID, str | None, str, str | None]:
        vectors = self.space.rows.c
        return (
            select(
                KnowledgeChunk.id,
                KnowledgeChunk.source_id,
                KnowledgeChunk.heading,
                KnowledgeChunk.text,
                KnowledgeChunk.curated_answer,
            )
            .outerjoin(
                self.space.rows,
                and_(vectors.tenant_id == KnowledgeChunk.tenant_id, vectors.id == KnowledgeChunk.id),
            )
            .where(vectors.id.is_(None), _IS_FOUND)
        )
