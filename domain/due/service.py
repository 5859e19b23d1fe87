"""What has to be done when. A row is written with the work and goes in the transaction that finishes it, so a lost doorbell or a dead
worker only delays: the sweep finds the row again and rings once more.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from domain.due.repository import DueRepository


async def schedule(session: AsyncSession, tenant_id: UUID, task: str, id: UUID, due_at: datetime) -> None:
    """See that `task` is rung for `id` at `due_at` and from then on until `clear`; asking again moves the time."""
    await DueRepository(session).put(tenant_id, task, id, due_at)


async def clear(session: AsyncSession, tenant_id: UUID, task: str, id: UUID) -> None:
    """Say that the work is done, in the transaction that did it. Nothing happens where no such row is."""
    await DueRepository(session).remove(tenant_id, task, id)


async def when(session: AsyncSession, tenant_id: UUID, task: str, id: UUID) -> datetime | None:
    """Return since when work is due; none where it is done. For work that holds no lock on its subject, with `clear_unmoved`."""
    return await DueRepository(session).when(tenant_id, task, id)


async def clear_unmoved(session: AsyncSession, tenant_id: UUID, task: str, id: UUID, due_at: datetime) -> None:
    """Say that the work is done that was due at a time, read before it began; what was asked for since then stays due."""
    await DueRepository(session).remove_unmoved(tenant_id, task, id, due_at)
