"""Queries over AI calls."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from core.contracts.states import DraftStatus, SendStatus
from domain.drafts.models import Draft
from domain.sends.models import Send
from domain.usage.models import AiInteraction

_RETIRED = (DraftStatus.SUPERSEDED, DraftStatus.EXPIRED, DraftStatus.REJECTED, DraftStatus.BLOCKED)
_OUT = (SendStatus.SENT, SendStatus.DELIVERED, SendStatus.READ)


@dataclass(frozen=True, slots=True)
class MonthCosts:
    """Sums of a month, money in micro-units; `draft_micro` is the part of `cost_micro` that went into runs."""

    calls: int
    cost_micro: int
    drafts: int
    sent: int
    draft_micro: int
    wasted_micro: int


@dataclass(frozen=True, slots=True)
class UsageRepository:
    """Calls of the tenant of the session."""

    session: AsyncSession

    async def page(self, before: UUID | None, chat_id: UUID | None, limit: int) -> Sequence[AiInteraction]:
        """Return calls older than `before`, newest first: their ids are ordered by time."""
        query = select(AiInteraction).order_by(AiInteraction.id.desc()).limit(limit)
        if before is not None:
            query = query.where(AiInteraction.id < before)
        if chat_id is not None:
            query = query.where(AiInteraction.chat_id == chat_id)
        return (await self.session.scalars(query)).all()

    async def costs(self, start: date, end: date) -> MonthCosts:
        """Return the sums of the calls of a time, and what became of the drafts that they were made for.

        A draft was sent where it, or a person's edit of it, has a send that went out; it is wasted where it is retired unsent, or
        where its run left none.
        """
        within = (AiInteraction.created_at >= start, AiInteraction.created_at < end)
        total = select(func.count(), func.coalesce(func.sum(AiInteraction.cost_micro), 0)).where(*within)
        calls, cost = (await self.session.execute(total)).one()
        spent = (
            select(AiInteraction.run_id, func.sum(AiInteraction.cost_micro).label("cost"))
            .where(*within, AiInteraction.run_id.is_not(None))
            .group_by(AiInteraction.run_id)
            .subquery()
        )
        edited = aliased(Draft)
        sent = (
            select(Send.id)
            .join(edited, and_(edited.tenant_id == Send.tenant_id, edited.id == Send.draft_id))
            .where(or_(edited.id == Draft.id, edited.parent_id == Draft.id), Send.status.in_(_OUT))
            .exists()
        )
        retired = and_(Draft.status.in_(_RETIRED), ~sent)
        rows = (
            select(
                func.count(Draft.id),
                func.count(Draft.id).filter(sent),
                func.coalesce(func.sum(spent.c.cost), 0),
                func.coalesce(func.sum(spent.c.cost).filter(or_(Draft.id.is_(None), retired)), 0),
            )
            .select_from(spent)
            .outerjoin(Draft, Draft.run_id == spent.c.run_id)
        )
        drafts, went, draft_cost, wasted = (await self.session.execute(rows)).one()
        return MonthCosts(calls, int(cost), drafts, went, int(draft_cost), int(wasted))
