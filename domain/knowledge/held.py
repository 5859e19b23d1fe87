"""Storage of passages that speak to the assistant, and of what was decided about their texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Text, bindparam, cast, delete, func, select, update
from sqlalchemy.dialects.postgresql import REGCONFIG, insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.ids import new_id
from core.contracts.states import PassageReview
from domain.knowledge import words
from domain.knowledge.chunking import Chunk
from domain.knowledge.models import KnowledgeChunk, KnowledgeDecision, KnowledgeSource
from domain.knowledge.spaces import SpaceRepository


@dataclass(frozen=True, slots=True)
class HeldRepository:
    """Held passages and decisions of the tenant of the session."""

    session: AsyncSession

    async def page(
        self, review: PassageReview, source_id: UUID | None, before: UUID | None, limit: int
    ) -> Sequence[tuple[KnowledgeChunk, KnowledgeSource]]:
        """Return passages of live versions with their sources, newest first."""
        live = (KnowledgeSource.tenant_id == KnowledgeChunk.tenant_id) & (
            KnowledgeSource.id == KnowledgeChunk.source_id
        )
        live &= KnowledgeSource.live_version == KnowledgeChunk.version
        query = (
            select(KnowledgeChunk, KnowledgeSource).join(KnowledgeSource, live).where(KnowledgeChunk.review == review)
        )
        if source_id is not None:
            query = query.where(KnowledgeChunk.source_id == source_id)
        if before is not None:
            query = query.where(KnowledgeChunk.id < before)
        rows = await self.session.execute(query.order_by(KnowledgeChunk.id.desc()).limit(limit))
        return [(chunk, source) for chunk, source in rows]

    async def text_of(self, chunk_id: UUID) -> str | None:
        """Return the fingerprint of a passage that is or was held."""
        query = select(KnowledgeChunk.text_sha256).where(
            KnowledgeChunk.id == chunk_id, KnowledgeChunk.review.is_not(None)
        )
        return await self.session.scalar(query)

    async def waiting_texts(self, source_id: UUID) -> list[str]:
        """Return the fingerprints of a source's passages that wait."""
        query = select(KnowledgeChunk.text_sha256).where(
            KnowledgeChunk.source_id == source_id, KnowledgeChunk.review == PassageReview.WAITING
        )
        return [text for text in await self.session.scalars(query.distinct()) if text is not None]

    async def places(self, texts: Sequence[str]) -> Sequence[tuple[UUID, UUID]]:
        """Return where texts stand: passage and source."""
        query = select(KnowledgeChunk.id, KnowledgeChunk.source_id).where(
            KnowledgeChunk.text_sha256.in_(texts), KnowledgeChunk.review.is_not(None)
        )
        return [
            (chunk_id, source_id)
            for chunk_id, source_id in await self.session.execute(query.order_by(KnowledgeChunk.id))
        ]

    async def keep(self, tenant_id: UUID, by: UUID, texts: Sequence[str], decision: PassageReview) -> None:
        """Remember a decision for every later reading of these texts."""
        rows = [
            {"tenant_id": tenant_id, "id": new_id(), "text_sha256": text, "decision": decision, "decided_by": by}
            for text in texts
        ]
        if rows:
            fresh = insert(KnowledgeDecision)
            changed = {"decision": fresh.excluded.decision, "decided_by": fresh.excluded.decided_by}
            named = [KnowledgeDecision.tenant_id, KnowledgeDecision.text_sha256]
            await self.session.execute(fresh.on_conflict_do_update(index_elements=named, set_=changed), rows)

    async def set(self, ids: Sequence[UUID], decision: PassageReview) -> None:
        """Write a decision on passages of a locked source: the words of allowed ones are found again, all of others goes."""
        chunks = (await self.session.scalars(select(KnowledgeChunk).where(KnowledgeChunk.id.in_(ids)))).all()
        allowed = decision is PassageReview.ALLOWED
        vector = func.to_tsvector(
            cast(bindparam("stemmed_as", type_=Text), REGCONFIG), bindparam("searched", type_=Text)
        )
        for chunk in chunks:
            searched = words.indexed(Chunk(chunk.text, chunk.heading).searched_text()) if allowed else ""
            statement = (
                update(KnowledgeChunk).where(KnowledgeChunk.id == chunk.id).values(review=decision, search=vector)
            )
            await self.session.execute(statement, {"stemmed_as": chunk.search_config, "searched": searched})
        if not allowed:
            for space in await SpaceRepository(self.session).kept():
                await self.session.execute(delete(space.rows).where(space.rows.c.id.in_(ids)))
