"""Storage of audit entries: added and read, never changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.audit.models import AuditEntry


@dataclass(frozen=True, slots=True)
class AuditRepository:
    """Entries of the tenant of the session."""

    session: AsyncSession

    def add(self, entry: AuditEntry) -> None:
        """Write an entry with the transaction."""
        self.session.add(entry)

    async def about(self, subject_kind: str, subject_id: UUID) -> Sequence[AuditEntry]:
        """Return what was done to one thing, oldest first."""
        found = await self.session.scalars(
            select(AuditEntry)
            .where(AuditEntry.subject_kind == subject_kind, AuditEntry.subject_id == subject_id)
            .order_by(AuditEntry.at, AuditEntry.id)
        )
        return found.all()
