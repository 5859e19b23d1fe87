"""Storage of the directory. The table has no row-level security and holds keyed hashes and ids only."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from domain.directory.models import DirectoryEntry


@dataclass(frozen=True, slots=True)
class DirectoryRepository:
    """Rows of `directory`."""

    session: AsyncSession

    async def put(self, kind: str, key_hash: str, tenant_id: UUID, subject_id: UUID) -> None:
        """Write one row, or point it at another subject of the same tenant."""
        row = insert(DirectoryEntry).values(kind=kind, key_hash=key_hash, tenant_id=tenant_id, subject_id=subject_id)
        keys = [DirectoryEntry.kind, DirectoryEntry.key_hash, DirectoryEntry.tenant_id]
        await self.session.execute(row.on_conflict_do_update(index_elements=keys, set_={"subject_id": subject_id}))

    async def remove(self, kind: str, key_hash: str, tenant_id: UUID) -> None:
        """Delete one row, if it is there."""
        entry = DirectoryEntry
        await self.session.execute(
            delete(entry).where(entry.kind == kind, entry.key_hash == key_hash, entry.tenant_id == tenant_id)
        )

    async def find(self, kind: str, key_hash: str, limit: int) -> Sequence[DirectoryEntry]:
        """Return the rows of one key, in a steady order."""
        entry = DirectoryEntry
        rows = await self.session.scalars(
            select(entry).where(entry.kind == kind, entry.key_hash == key_hash).order_by(entry.tenant_id).limit(limit)
        )
        return rows.all()
