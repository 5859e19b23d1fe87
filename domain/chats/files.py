"""The bytes of attachments: observed with their message, stored when the bridge has fetched them, given out for saving only."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.chats import Attachment as WireAttachment
from core.contracts.events import Event, EventType
from core.contracts.principal import Principal
from core.contracts.states import FileProblem
from core.db.session import after_commit
from core.errors import Gone, NotFound
from core.storage.blobs import Blob
from domain.chats.models import Attachment, Message
from domain.chats.sniffing import HEAD_BYTES, PICTURES, UNKNOWN, is_program, sniff


@dataclass(frozen=True, slots=True)
class StoredFile:
    """Where the bytes of an attachment lie, what they are, and the name that its sender gave it."""

    blob_key: str
    mime: str
    name: str | None
    size: int


async def peek(chunks: AsyncIterator[bytes]) -> tuple[bytes, AsyncIterator[bytes]]:
    """Return the first bytes of a stream, and the whole of it."""
    head: list[bytes] = []
    async for chunk in chunks:
        head.append(chunk)
        if sum(map(len, head)) >= HEAD_BYTES:
            break
    read = b"".join(head)

    async def whole() -> AsyncIterator[bytes]:
        yield read
        async for chunk in chunks:
            yield chunk

    return read[:HEAD_BYTES], whole()


def refusal(head: bytes) -> FileProblem | None:
    """Return why a file that begins like this is not kept, None where it may be."""
    if not head:
        return FileProblem.EMPTY
    return FileProblem.REFUSED if is_program(head) else None


async def require_attachment(
    session: AsyncSession, caller: Principal, external_id: str, position: int
) -> WireAttachment:
    """Return the attachment at a position of a message on the caller's channel, before its bytes are taken in.

    Raises:
        NotFound: no such message, or it has no such file.
    """
    return to_wire((await _find(session, caller, external_id, position))[0])


async def store_file(
    session: AsyncSession, caller: Principal, external_id: str, position: int, blob: Blob, head: bytes
) -> WireAttachment:
    """Note that the bytes of an attachment are stored. The same bytes again change nothing; other bytes never replace them.

    Raises:
        NotFound: see `require_attachment`.
    """
    row, message = await _find(session, caller, external_id, position, lock=True)
    if row.blob_key is None:
        row.blob_key, row.sha256, row.size = blob.key, blob.sha256, blob.size
        row.sniffed, row.problem = sniff(head), None
        _changed(session, message)
    return to_wire(row)


async def note_problem(
    session: AsyncSession, caller: Principal, external_id: str, position: int, problem: FileProblem
) -> WireAttachment:
    """Note why the bytes of an attachment are not to be had; bytes that are there already stay.

    Raises:
        NotFound: see `require_attachment`.
    """
    row, message = await _find(session, caller, external_id, position, lock=True)
    if row.blob_key is None and row.problem != problem:
        row.problem = problem
        _changed(session, message)
    return to_wire(row)


async def stored_file(session: AsyncSession, chat_id: UUID, attachment_id: UUID) -> StoredFile:
    """Return where the bytes of an attachment of a chat lie.

    Raises:
        NotFound: no such file in the tenant's chat, or its bytes are not there yet. Gone: its message was deleted.
    """
    found = (
        await session.execute(
            select(Attachment, Message.deleted_at)
            .join(Message, (Message.tenant_id == Attachment.tenant_id) & (Message.id == Attachment.message_id))
            .where(Attachment.id == attachment_id, Message.chat_id == chat_id)
        )
    ).one_or_none()
    row: Attachment | None = found[0] if found else None
    if found is None or row is None or row.blob_key is None or row.size is None:
        raise NotFound("There is no such file.", hint="Reload the chat.")
    if found[1] is not None:
        raise Gone("The customer deleted this message.", hint="Its file is not shown any more.")
    return StoredFile(row.blob_key, row.sniffed or UNKNOWN, row.name, row.size)


def to_wire(row: Attachment) -> WireAttachment:
    """Return an attachment as the API shows it."""
    available = row.blob_key is not None
    return WireAttachment(
        id=row.id,
        mime=(row.sniffed or UNKNOWN) if available else row.mime,
        name=row.name,
        size=row.size,
        available=available,
        picture=available and row.sniffed in PICTURES,
        problem=FileProblem(row.problem) if row.problem and not available else None,
    )


def _changed(session: AsyncSession, message: Message) -> None:
    after_commit(
        session,
        Event(
            type=EventType.MESSAGE_UPDATED,
            tenant_id=message.tenant_id,
            ids={"chat_id": message.chat_id, "message_id": message.id, "channel_id": message.channel_id},
        ),
    )


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
