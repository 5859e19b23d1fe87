"""Storage of imports and proposals."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.history import ProposalKind, ProposalState, ToneSample
from domain.history.models import HistoryProposal, ImportedHistory


@dataclass(frozen=True, slots=True)
class HistoryRepository:
    """Imports and proposals of the tenant of the session."""

    session: AsyncSession

    async def one_at_a_time(self, tenant_id: UUID) -> None:
        """Hold back other imports of the tenant until the transaction ends: two at once would both propose the same."""
        await self.session.execute(
            text("select pg_advisory_xact_lock(hashtext(:key))"), {"key": f"history:{tenant_id}"}
        )

    async def add(self, row: ImportedHistory | HistoryProposal) -> None:
        """Write a row."""
        self.session.add(row)
        await self.session.flush()

    async def imported(self, sha256: str) -> ImportedHistory | None:
        """Return the import of these bytes."""
        return await self.session.scalar(select(ImportedHistory).where(ImportedHistory.sha256 == sha256))

    async def all_of(self, kind: ProposalKind, language: str | None) -> Sequence[HistoryProposal]:
        """Return every proposal of a kind in a language, the oldest first."""
        query = select(HistoryProposal).where(
            HistoryProposal.kind == kind, HistoryProposal.language.is_not_distinct_from(language)
        )
        return (await self.session.scalars(query.order_by(HistoryProposal.id))).all()

    async def tones(self, language: str | None, since: datetime | None) -> Sequence[ToneSample]:
        """Return how the business spoke in the chats of a language that were imported after a moment."""
        query = select(ImportedHistory.tone).where(ImportedHistory.language.is_not_distinct_from(language))
        if since is not None:
            query = query.where(ImportedHistory.created_at > since)
        return [ToneSample.model_validate(tone) for tone in await self.session.scalars(query)]

    async def lock(self, proposal_id: UUID) -> HistoryProposal | None:
        """Return one proposal, locked until the transaction ends."""
        return await self.session.scalar(
            select(HistoryProposal)
            .where(HistoryProposal.id == proposal_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    async def page(
        self, kind: ProposalKind | None, state: ProposalState | None, after: tuple[int, UUID] | None, limit: int
    ) -> Sequence[HistoryProposal]:
        """Return up to `limit` proposals, the most seen first; `after` is where the page before ended."""
        query = select(HistoryProposal)
        if kind is not None:
            query = query.where(HistoryProposal.kind == kind)
        if state is not None:
            query = query.where(HistoryProposal.state == state)
        if after is not None:
            seen, proposal_id = after
            query = query.where(
                (HistoryProposal.seen < seen) | ((HistoryProposal.seen == seen) & (HistoryProposal.id < proposal_id))
            )
        ordered = query.order_by(HistoryProposal.seen.desc(), HistoryProposal.id.desc())
        return (await self.session.scalars(ordered.limit(limit))).all()
