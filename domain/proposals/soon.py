"""Asking for work on proposals, by those who cause it; the work itself is in `learning` and `comparing`."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from domain.due import service as due

LEARN_TASK = "proposal.learn"
COMPARE_TASK = "proposal.compare"


async def learn_soon(session: AsyncSession, tenant_id: UUID, chat_id: UUID) -> None:
    """Have a chat looked at: somebody answered in it, or the knowledge had no answer for it. One row, and no lock but its own."""
    await due.schedule(session, tenant_id, LEARN_TASK, chat_id, datetime.now(UTC))


async def carry_learning(session: AsyncSession, tenant_id: UUID, gone: UUID, into: UUID) -> None:
    """Let what one chat was to be looked at for be looked for in another, which takes its place."""
    if await due.when(session, tenant_id, LEARN_TASK, gone) is not None:
        await due.clear(session, tenant_id, LEARN_TASK, gone)
        await learn_soon(session, tenant_id, into)


async def compare_soon(session: AsyncSession, tenant_id: UUID) -> None:
    """Have the tenant's proposals compared with its knowledge: there is a new proposal, or other knowledge than before."""
    await due.schedule(session, tenant_id, COMPARE_TASK, tenant_id, datetime.now(UTC))
