"""Text of a person that has not left: it is kept before staff, whatever else comes into its chat."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.states import DraftOrigin, DraftStatus
from domain.chats.models import Chat
from domain.drafts import store
from domain.drafts.models import Draft

_KEPT = (DraftStatus.CHECKING, DraftStatus.PENDING, DraftStatus.HELD)


async def carry_over(session: AsyncSession, chat: Chat, why: str) -> None:
    """Retire every open draft of a locked chat whose version just rose (law 3), and lay a person's own text before staff again.

    It comes back as a revision with the present version, so that a decision made before the news no longer fits.
    """
    kept: list[tuple[Draft, str]] = []
    for draft in await store.open_drafts(session, chat):
        if draft.origin == DraftOrigin.HUMAN and draft.status in _KEPT:
            kept.append((draft, draft.status))
        store.move(draft, DraftStatus.SUPERSEDED, reason=why)
        store.changed(session, draft, chat)
    await session.flush()
    first = _first(kept)
    for old, _ in kept:
        status = DraftStatus.PENDING if old is first else DraftStatus.HELD
        again = store.add_human_draft(
            session,
            chat,
            draft_id=None,
            author_id=old.author_id,
            parts=old.parts,
            parent=old,
            status=status,
            intent=None,
            reason=f"{store.RETURNED}: {why}",
        )
        again.check = old.check
        await session.flush()
        await store.copy_passages(session, old.id, again)
        store.changed(session, again, chat)


def _first(kept: Sequence[tuple[Draft, str]]) -> Draft | None:
    pending = [draft for draft, status in kept if status == DraftStatus.PENDING]
    waiting = pending or [draft for draft, _ in kept]
    return waiting[-1] if waiting else None
