"""Tells panels what happened in a chat."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.events import Event, EventType
from core.db.session import after_commit
from domain.chats.models import Chat


def announce(
    session: AsyncSession, chat: Chat, what: EventType, *, draft_version: int | None = None, **ids: UUID
) -> None:
    """Tell panels, after the commit, what changed in a chat. `ids` names what it is about, where that is not the chat itself."""
    after_commit(
        session,
        Event(
            type=what,
            tenant_id=chat.tenant_id,
            ids={"chat_id": chat.id, "channel_id": chat.channel_id, **ids},
            versions={"chat": chat.version}
            if draft_version is None
            else {"chat": chat.version, "draft": draft_version},
        ),
    )
