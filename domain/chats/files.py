"""The bytes of attachments: observed with their message, stored when the bridge has fetched them."""

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.chats import Attachment as WireAttachment
from core.contracts.events import Event, EventType
from core.contracts.principal import Principal
from core.db.session import after_commit
from core.errors import NotFound
from domain.chats.models import Attachment, Message


async def require_attachment(session: AsyncSession, caller: Principal, external_id: str, position: int) -> UUID:
    """Return the attachment at a position of a message on the caller's channel, before its bytes are taken in.

    Raises:
        NotFound: no such message, or it has no such file.
    """
    return (await _find(session, caller, external_id, position))[0].id


async def store_file(
    session: AsyncSession, caller: Principal, external_id: str, position: int, *, blob_key: str, sha256: str, size: int
) -> WireAttachment:
    """Note that the bytes of an attachment are stored. The same bytes again change nothing; other bytes never replace them.

    Raises:
        NotFound: see `require_attachment`.
    """
    row, message = await _find(session, caller, external_id, position, lock=True)
    if row.blob_key is None:
        row.blob_key, row.sha256, row.size = blob_key, sha256, size
        after_commit(
            session,
            Event(
                type=EventType.MESSAGE_UPDATED,
                tenant_id=message.tenant_id,
                ids={"chat_id": message.chat_id, "message_id": message.id, "channel_id": message.channel_id},
            ),
        )
    return WireAttachment(id=row.id, mime=row.mime, name=row.name, size=row.size, available=True)


async def _find(
    session: AsyncSession, caller: Principal, external_id: str, position: int, *, lock: bool = False
) -> tuple[Attachment, Message]:
    query = (
        select(Attachment, Message)
        .join(Message, (Message.tenant_id == Attachment.tenant_id) & (Message.id == Attachment.message_id))
        .where(
            Message.channel_id == caller.channel_id,
            Message.external_id == external_id,
            Attachment.position == position,
        )
    )
    if lock:
        query = query.with_for_update(of=Attachment)
    found = (await session.execute(query)).one_or_none()
    if found is None:
        raise NotFound("there is no such file", hint="report the message with its files first")
    return found[0], found[1]
