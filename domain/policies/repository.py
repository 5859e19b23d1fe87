"""Storage of policies: one row a kind."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.ids import new_id
from domain.policies.models import Policy


@dataclass(frozen=True, slots=True)
class PolicyRepository:
    """Policies of the tenant of the session."""

    session: AsyncSession

    async def find(self, kind: str) -> Policy | None:
        """Return the row of a kind."""
        return await self.session.scalar(
            select(Policy).where(Policy.kind == kind).execution_options(populate_existing=True)
        )

    async def put(self, tenant_id: UUID, kind: str, value: dict[str, object], version: int, updated_by: UUID) -> bool:
        """Write `value` over version `version` (0 where there is no row yet); false where that is no longer the one that stands."""
        if version == 0:
            row = insert(Policy).values(
                tenant_id=tenant_id, id=new_id(), kind=kind, value=value, version=1, updated_by=updated_by
            )
            written = row.on_conflict_do_nothing(index_elements=[Policy.tenant_id, Policy.kind]).returning(Policy.id)
            return await self.session.scalar(written) is not None
        changed = (
            update(Policy)
            .where(Policy.kind == kind, Policy.version == version)
            .values(value=value, version=version + 1, updated_by=updated_by)
            .returning(Policy.id)
        )
        return await self.session.scalar(changed) is not None
