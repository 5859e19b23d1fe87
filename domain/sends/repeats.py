"""What was to be sent in place of a message that arrived after all, although a person had given it up."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.bridge import BridgeHintType
from core.contracts.faults import SendFault
from core.contracts.states import DraftOrigin, DraftStatus, SendStatus
from domain.channels.service import ring_holder
from domain.chats.models import Chat
from domain.drafts import store
from domain.sends import outbox
from domain.sends.models import Send
from domain.sends.transitions import WAITING, move

_WHY = "The message that it was to repeat arrived after all."


async def withdraw(session: AsyncSession, chat: Chat, arrived: Send) -> None:
    """Take back whatever waits in a locked chat to say the same once more: sends with that text, and drafts that begin with it.

    What would have followed them is laid before staff as it is. A repeat that is armed may have left, and stays with its bridge.
    """
    rows = await session.scalars(
        select(Send)
        .where(
            Send.chat_id == chat.id,
            Send.status.in_(WAITING),
            Send.text == arrived.text,
            Send.queued_at > arrived.queued_at,
        )
        .order_by(Send.queued_at)
        .with_for_update()
    )
    for send in list(rows):
        move(send, SendStatus.CANCELLED)
        send.error_code, send.error_detail = SendFault.ARRIVED_LATE, _WHY
        outbox.changed(session, send, chat)
        await ring_holder(session, chat.channel_id, BridgeHintType.SEND_CANCELLED, send_id=send.id)
        await outbox.give_back_rest(session, chat, send, code=SendFault.ARRIVED_LATE, detail=_WHY)
    for draft in await store.open_drafts(session, chat):
        if (
            draft.origin == DraftOrigin.HUMAN
            and draft.created_at > arrived.queued_at
            and draft.parts[0] == arrived.text
        ):
            store.move(draft, DraftStatus.SUPERSEDED, reason=_WHY)
            store.changed(session, draft, chat)
            if len(draft.parts) > 1:
                await outbox.before_staff(session, chat, draft.id, draft.parts[1:], _WHY)
