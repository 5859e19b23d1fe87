"""Queries over AI calls."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.usage.models import AiInteraction


@dataclass(frozen=True, slots=True)
class UsageRepository:
    """Calls of the tenant of the session."""

    session: AsyncSession

    async def page(self, before: UUID | None, chat_id: UUID | None, limit: int) -> Sequence[AiInteraction]:
        """Return calls older than `before`, newest first: their ids are ordered by time."""
        query = select(AiInteraction).order_by(AiInteraction.id.desc()).limit(limit)
        if before is not None:
            query = query.where(AiInteraction.id < before)
        if chat_id is not None:
            query = query.where(AiInteraction.chat_id == chat_id)
        return (await self.session.scalars(query)).all()
