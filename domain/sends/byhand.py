"""Text that a person typed on the computer of the bridge. It goes the way of any human text: checked, limited, sent once."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.byhand import HandMessage, HandMessageState, HandPart
from core.contracts.chats import Accepted, NewMessage
from core.contracts.principal import Principal
from core.contracts.states import DraftStatus, SendStatus
from core.errors import NotFound, StaleDecision
from core.settings import DeskSettings
from domain.byok import service as owner_drafts
from domain.chats.repository import lock_chat, newest_external_ids
from domain.drafts import service as drafts
from domain.drafts import store
from domain.sends.models import Send
from domain.sends.transitions import ON_ITS_WAY
from domain.sends.waiting import why_waiting

_APPROVED = (DraftStatus.APPROVED, DraftStatus.AUTO_APPROVED)


async def write(session: AsyncSession, caller: Principal, body: HandMessage, desk: DeskSettings) -> Accepted:
    """Take the text as a human draft that is sent if it passes; its author is the device.

    Raises:
        NotFound: no such chat on the channel of this device. StaleDecision: the chat shows something newer than the person saw.
        Conflict: nobody wrote first.
    """
    chat = await lock_chat(session, body.chat_id)
    if chat.channel_id != caller.channel_id:
        raise NotFound("There is no such chat.", hint="Reload the list of chats.")
    if not await store.exists(session, body.id) and await newest_external_ids(session, chat.id, 1) != [
        body.newest_external_id
    ]:
        raise StaleDecision("This chat does not end with the message that you saw.", hint="Read it, then send again.")
    typed = NewMessage(id=body.id, parts=body.parts, chat_version=chat.version)
    suggested = await owner_drafts.approved(session, caller, chat, body.id)
    return await drafts.type_message(session, caller, chat.id, typed, desk, rest=not suggested)


async def state(
    session: AsyncSession, caller: Principal, draft_id: UUID, desk: DeskSettings
) -> tuple[UUID, HandMessageState]:
    """Return the chat and the state of a message that this device wrote.

    Raises:
        NotFound: no such message, or not of this device.
    """
    draft = await store.find(session, draft_id)
    if draft.author_id != caller.subject_id:
        raise NotFound("There is no such draft.", hint="Reload the chat.")
    rows = list(await session.scalars(select(Send).where(Send.draft_id == draft_id).order_by(Send.part)))
    waits = await why_waiting(session, rows, desk)
    parts = [
        HandPart(
            send_id=row.id,
            part=row.part,
            status=SendStatus(row.status),
            error_code=row.error_code,
            error_detail=row.error_detail,
            wait_code=waits[row.id][0] if row.id in waits else None,
        )
        for row in rows
    ]
    settled = draft.status != DraftStatus.CHECKING and not any(part.status in ON_ITS_WAY for part in parts)
    final = settled and (bool(parts) or draft.status not in _APPROVED)
    status = DraftStatus(draft.status)
    return draft.chat_id, HandMessageState(
        draft_id=draft.id, status=status, reason=draft.decision_reason, parts=parts, final=final
    )
