"""Pictures of the chat where a send stopped: handed in by its bridge, shown to staff, gone after some days."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.principal import Principal
from core.contracts.states import SendStatus
from core.db.session import Database
from core.errors import Conflict, InvalidInput, NotFound
from core.storage.blobs import BlobStore
from domain.chats.repository import database_now, lock_chat
from domain.due import service as due
from domain.sends import outbox
from domain.sends.models import Send
from domain.sends.service import refuse_other_channel

PICTURE_TASK = "send.picture"
MAX_BYTES: Final = 2 * 1024 * 1024
_MAX_SIDE: Final = 8192
_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_END: Final = b"IEND\xaeB`\x82"
_STOPPED = frozenset({SendStatus.RETURNED, SendStatus.FAILED, SendStatus.UNKNOWN, SendStatus.ABANDONED})


def refuse_other_than_png(content: bytes) -> None:
    """Refuse bytes that are no PNG picture of a sensible size, whatever they are called.

    Raises:
        InvalidInput: no PNG, or one with a side of nothing or of more than 8192 points.
    """
    whole = content.startswith(_SIGNATURE) and content[12:16] == b"IHDR" and content.endswith(_END)
    sides = [int.from_bytes(content[start : start + 4], "big") for start in (16, 20)]
    if not whole or not all(0 < side <= _MAX_SIDE for side in sides):
        raise InvalidInput("this is no PNG picture", hint="hand in what the browser made", code="not_png")


async def require_picture_wanted(session: AsyncSession, caller: Principal, send_id: UUID) -> None:
    """See that the caller may hand in a picture of a send: one that stopped, and that this device had in hand.

    Raises:
        NotFound: no such send. Conflict: another device's or channel's, or one that did not stop.
    """
    send = await session.scalar(select(Send).where(Send.id == send_id))
    if send is None:
        raise NotFound("There is no such send.")
    _refuse(send, caller)


async def keep_picture(session: AsyncSession, caller: Principal, send_id: UUID, blob_key: str, days: float) -> bool:
    """Note the picture of a send for so many days; False where it has one already, which is never replaced.

    Raises:
        NotFound, Conflict: as `require_picture_wanted`.
    """
    chat = await lock_chat(session, await outbox.chat_of_send(session, send_id))
    send = await outbox.lock_send(session, send_id)
    _refuse(send, caller)
    if send.picture_key is not None:
        return False
    send.picture_key = blob_key
    until = await database_now(session) + timedelta(days=days)
    await due.schedule(session, send.tenant_id, PICTURE_TASK, send.id, until)
    outbox.changed(session, send, chat)
    return True


async def picture_key(session: AsyncSession, send_id: UUID) -> str:
    """Return where the picture of a send lies.

    Raises:
        NotFound: there is none, or none any more.
    """
    key = await session.scalar(select(Send.picture_key).where(Send.id == send_id))
    if key is None:
        raise NotFound("There is no picture of this send.", hint="Pictures are deleted after some days.")
    return key


async def forget_picture(db: Database, blobs: BlobStore, tenant_id: UUID, send_id: UUID) -> None:
    """Delete the picture of a send whose time is over; the file first, so that a crash in between is made good by the next ring."""
    async with db.unit_of_work(tenant_id) as session:
        key = await session.scalar(select(Send.picture_key).where(Send.id == send_id))
        shared = select(Send.id).where(Send.picture_key == key, Send.id != send_id).limit(1)
        alone = key is not None and await session.scalar(shared) is None
    if key is not None and alone:
        await blobs.delete(tenant_id, key)
    async with db.unit_of_work(tenant_id) as session:
        chat = await lock_chat(session, await outbox.chat_of_send(session, send_id))
        send = await outbox.lock_send(session, send_id)
        send.picture_key = None
        await due.clear(session, tenant_id, PICTURE_TASK, send_id)
        outbox.changed(session, send, chat)


def _refuse(send: Send, caller: Principal) -> None:
    refuse_other_channel(send, caller)
    if send.device_id != caller.subject_id or send.status not in _STOPPED:
        raise Conflict("No picture of this send is wanted from this device.", code="not_leased")
