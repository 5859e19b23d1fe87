"""Storage of due work. The table has no row-level security, so every statement names the tenant itself."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from domain.due.models import Due


@dataclass(frozen=True, slots=True)
class DueRepository:
    """Rows of `due`."""

    session: AsyncSession

    async def put(self, tenant_id: UUID, kind: str, id: UUID, due_at: datetime) -> None:
        """Write or move one row."""
        row = insert(Due).values(tenant_id=tenant_id, kind=kind, id=id, due_at=due_at)
        await self.session.execute(
            row.on_conflict_do_update(index_elements=[Due.tenant_id, Due.kind, Due.id], set_={"due_at": due_at})
        )

    async def remove(self, tenant_id: UUID, kind: str, id: UUID) -> None:
        """Delete one row, if it is there."""
        await self.session.execute(delete(Due).where(Due.tenant_id == tenant_id, Due.kind == kind, Due.id == id))

    async def when(self, tenant_id: UUID, kind: str, id: UUID) -> datetime | None:
        """Return since when a row is due, none where there is no such row."""
        return await self.session.scalar(
            select(Due.due_at).where(Due.tenant_id == tenant_id, Due.kind == kind, Due.id == id)
        )

    async def remove_unmoved(self, tenant_id: UUID, kind: str, id: UUID, due_at: datetime) -> None:
        """Delete one row, if it is there and still has this time."""
        await self.session.execute(
            delete(Due).where(Due.tenant_id == tenant_id, Due.kind == kind, Due.id == id, Due.due_at == due_at)
        )
