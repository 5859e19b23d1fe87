"""Past chats: exports of WhatsApp in, out of which proposals come. Nothing of them is ever answered."""

import hashlib
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile

from api.deps import KnowledgeWrite, Res
from api.refusals import problems
from core.contracts.history import DateOrder, HistoryImport
from core.errors import TooLarge
from domain.history import service as history

router = APIRouter(prefix="/history", tags=["history"])
_CHUNK = 256 * 1024


@router.post(
    "/imports", summary="Import a past chat", status_code=201, responses=problems(401, 403, 413, 422, 429, 503)
)
async def import_chat(
    caller: KnowledgeWrite,
    res: Res,
    file: Annotated[UploadFile, File(description="what WhatsApp's `Export chat` made: .txt, or .zip with media")],
    business: Annotated[
        str, Form(max_length=200, description="name of the business in the chat; guessed if left out")
    ] = "",
    date_order: Annotated[
        DateOrder | None, Form(description="for files whose dates can be read in two ways (`date_order_unclear`)")
    ] = None,
) -> HistoryImport:
    """Read an exported chat, take out what tells who the customer is, and propose what it teaches. The chat itself is not kept.

    The code `business_unclear` asks for `business`; `current` then holds the two names.
    """
    digest = hashlib.sha256()
    limit = res["settings"].api.max_upload_mb * 1024 * 1024
    parts = _counted(file, digest, limit)
    read = await res["history"].read(parts, (file.filename or "")[:255], business.strip() or None, date_order)
    async with res["db"].unit_of_work(caller.tenant_id) as session:
        return await history.import_history(session, caller, digest.hexdigest(), read)


async def _counted(file: UploadFile, digest: "hashlib._Hash", limit: int) -> AsyncIterator[bytes]:
    size = 0
    while chunk := await file.read(_CHUNK):
        size += len(chunk)
        if size > limit:
            raise TooLarge(
                f"the file is larger than {limit // 1_000_000} MB", hint="export the chat without media and send that"
            )
        digest.update(chunk)
        yield chunk
