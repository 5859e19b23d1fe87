"""Queries over the drafts of the owner's computer."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.states import OwnerDraftState
from domain.byok.models import OwnerDraft
from domain.chats.models import Chat
from domain.drafts.models import DraftRun

OPEN = (OwnerDraftState.WAITING, OwnerDraftState.READY, OwnerDraftState.FAILED)


@dataclass(frozen=True, slots=True)
class OwnerDraftRepository:
    """Drafts of the tenant of the session."""

    session: AsyncSession

    def add(self, draft: OwnerDraft) -> None:
        """Add a draft that is wanted."""
        self.session.add(draft)

    async def lock(self, draft_id: UUID) -> OwnerDraft | None:
        """Return one draft, locked; its chat must be locked before it."""
        return await self.session.scalar(select(OwnerDraft).where(OwnerDraft.id == draft_id).with_for_update())

    async def find(self, draft_id: UUID) -> OwnerDraft | None:
        """Return one draft."""
        return await self.session.scalar(select(OwnerDraft).where(OwnerDraft.id == draft_id))

    async def open_of(self, chat_id: UUID) -> OwnerDraft | None:
        """Return the open draft of a chat, if there is one."""
        return await self.session.scalar(
            select(OwnerDraft).where(OwnerDraft.chat_id == chat_id, OwnerDraft.state.in_(OPEN))
        )

    async def open_on(self, channel_id: UUID) -> Sequence[tuple[OwnerDraft, Chat]]:
        """Return the open drafts of a channel whose chats are still as they were, the oldest first."""
        rows = await self.session.execute(
            select(OwnerDraft, Chat)
            .join(Chat, and_(Chat.tenant_id == OwnerDraft.tenant_id, Chat.id == OwnerDraft.chat_id))
            .where(
                OwnerDraft.channel_id == channel_id,
                OwnerDraft.state.in_(OPEN),
                OwnerDraft.chat_version == Chat.version,
            )
            .order_by(OwnerDraft.created_at, OwnerDraft.id)
            .limit(100)
        )
        return [(draft, chat) for draft, chat in rows]

    async def run_of(self, draft: OwnerDraft) -> DraftRun | None:
        """Return the run that a draft was wanted by."""
        return await self.session.scalar(select(DraftRun).where(DraftRun.id == draft.run_id))
