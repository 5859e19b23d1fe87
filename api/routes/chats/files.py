"""Files of messages, for saving. Whatever a customer sent is never a page of ours: it opens in no tab and runs nothing."""

from collections.abc import AsyncIterator
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from api.deps import ChatsRead, Res
from api.refusals import problems
from core.errors import NotFound
from domain.chats import files

router = APIRouter(prefix="/chats", tags=["chats"])

_HEADERS = {
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, no-store",
}
_LONGEST_NAME = 120


@router.get(
    "/{chat_id}/files/{file_id}",
    summary="Fetch a file of a message",
    response_class=StreamingResponse,
    responses={
        **problems(401, 403, 404, 410, 422, 429, 503),
        200: {
            "description": "the bytes, to be saved",
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        },
    },
)
async def get_file(caller: ChatsRead, res: Res, chat_id: UUID, file_id: UUID) -> StreamingResponse:
    """Give the bytes of a file, always as an attachment, typed by what they are and never by what they are called."""
    async with res["db"].unit_of_work(caller.tenant_id) as session:
        file = await files.stored_file(session, chat_id, file_id)
    blobs = res["blobs"]
    if await blobs.size(caller.tenant_id, file.blob_key) != file.size:
        raise NotFound("There is no such file.", hint="Reload the chat.")
    chunks: AsyncIterator[bytes] = blobs.get(caller.tenant_id, file.blob_key)
    headers = {"Content-Disposition": disposition(file.name), "Content-Length": str(file.size), **_HEADERS}
    return StreamingResponse(chunks, media_type=file.mime, headers=headers)


def disposition(name: str | None) -> str:
    """Return the header that has a file saved under the last part of its name, without marks that turn text around."""
    last = (name or "").replace("\\", "/").rsplit("/", 1)[-1].lstrip(".")
    clean = "".join(c for c in last if c.isprintable()).strip()[-_LONGEST_NAME:] or "file"
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._- ") else "_" for c in clean)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(clean, safe='')}"
