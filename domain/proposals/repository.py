"""Storage of proposals."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.proposals import ProposalKind, ProposalOrigin, ProposalState
from core.contracts.states import SourceState
from domain.knowledge.models import KnowledgeSource
from domain.proposals.models import Proposal


@dataclass(frozen=True, slots=True)
class ProposalRepository:
    """Proposals of the tenant of the session."""

    session: AsyncSession

    async def one_at_a_time(self, tenant_id: UUID) -> None:
        """Hold back whoever else would propose to the tenant until the transaction ends: two at once would both propose the same."""
        await self.session.execute(
            text("select pg_advisory_xact_lock(hashtext(:key))"), {"key": f"proposals:{tenant_id}"}
        )

    async def add(self, row: Proposal) -> None:
        """Write a row."""
        self.session.add(row)
        await self.session.flush()

    async def all_of(self, kind: ProposalKind, language: str | None) -> Sequence[Proposal]:
        """Return every proposal of a kind in a language, the oldest first."""
        query = select(Proposal).where(Proposal.kind == kind, Proposal.language.is_not_distinct_from(language))
        return (await self.session.scalars(query.order_by(Proposal.id))).all()

    async def waiting_answers(self, limit: int) -> Sequence[Proposal]:
        """Return up to `limit` answers that wait for a decision, those seen last first."""
        query = select(Proposal).where(Proposal.kind == ProposalKind.ANSWER, Proposal.state == ProposalState.PROPOSED)
        return (await self.session.scalars(query.order_by(Proposal.last_seen_on.desc()).limit(limit))).all()

    async def lock(self, proposal_id: UUID) -> Proposal | None:
        """Return one proposal, locked until the transaction ends."""
        return await self.session.scalar(
            select(Proposal)
            .where(Proposal.id == proposal_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    async def page(
        self,
        kind: ProposalKind | None,
        state: ProposalState | None,
        origin: ProposalOrigin | None,
        after: tuple[int, UUID] | None,
        limit: int,
    ) -> Sequence[Proposal]:
        """Return up to `limit` proposals, the most seen first; `after` is where the page before ended."""
        query = select(Proposal)
        if kind is not None:
            query = query.where(Proposal.kind == kind)
        if state is not None:
            query = query.where(Proposal.state == state)
        if origin is not None:
            query = query.where(Proposal.origin == origin)
        if after is not None:
            seen, proposal_id = after
            query = query.where((Proposal.seen < seen) | ((Proposal.seen == seen) & (Proposal.id < proposal_id)))
        ordered = query.order_by(Proposal.seen.desc(), Proposal.id.desc())
        return (await self.session.scalars(ordered.limit(limit))).all()

    async def titles(self, rows: Sequence[Proposal]) -> dict[UUID, str]:
        """Return the titles of the sources that answer the questions of these proposals, of those that were not removed."""
        wanted = {row.answered_by for row in rows if row.answered_by is not None}
        found = await self.session.execute(
            select(KnowledgeSource.id, KnowledgeSource.title).where(
                KnowledgeSource.id.in_(wanted), KnowledgeSource.state != SourceState.REMOVED
            )
        )
        return {row.id: row.title for row in found}
