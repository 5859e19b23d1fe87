"""Telling open panels about proposals."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.events import Event, EventType
from core.db.session import after_commit


def announce(session: AsyncSession, tenant_id: UUID, **ids: UUID) -> None:
    """Tell open panels, after the commit, that there are other proposals than before."""
    after_commit(session, Event(type=EventType.PROPOSAL_UPDATED, tenant_id=tenant_id, ids=ids))
