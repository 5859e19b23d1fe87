"""Storage of imports."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.history import ToneSample
from domain.history.models import ImportedHistory


@dataclass(frozen=True, slots=True)
class HistoryRepository:
    """Imports of the tenant of the session."""

    session: AsyncSession

    async def add(self, row: ImportedHistory) -> None:
        """Write a row."""
        self.session.add(row)
        await self.session.flush()

    async def imported(self, sha256: str) -> ImportedHistory | None:
        """Return the import of these bytes."""
        return await self.session.scalar(select(ImportedHistory).where(ImportedHistory.sha256 == sha256))

    async def tones(self, language: str | None, since: datetime | None) -> Sequence[ToneSample]:
        """Return how the business spoke in the chats of a language that were imported after a moment."""
        query = select(ImportedHistory.tone).where(ImportedHistory.language.is_not_distinct_from(language))
        if since is not None:
            query = query.where(ImportedHistory.created_at > since)
        return [ToneSample.model_validate(tone) for tone in await self.session.scalars(query)]
