"""Files of messages for the browser: passed through from the API under this session's token, always to be saved, never a page."""

from collections.abc import AsyncIterator
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.background import BackgroundTask
from starlette.responses import JSONResponse, Response, StreamingResponse

from core.errors import WaxosError
from ui.guard import SESSION_KEY
from ui.session import PanelSession

_PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_UNNAMED = "application/octet-stream"
_DISPOSITION = 'attachment; filename="file"'


def build_router() -> APIRouter:
    """Return the one route; `ui.guard` stands before it and gives it its headers."""
    router = APIRouter()

    @router.get("/files/{chat_id}/{file_id}")
    async def file(request: Request, chat_id: UUID, file_id: UUID) -> Response:
        session: PanelSession = request.scope[SESSION_KEY]
        try:
            answer = await session.api.file(chat_id, file_id)
        except WaxosError as fault:
            body = {"title": fault.title, "status": fault.status, "code": fault.reason_code, "detail": fault.detail}
            return JSONResponse(body, status_code=fault.status, media_type="application/problem+json")
        kind = answer.headers.get("content-type", "")
        said = answer.headers.get("content-disposition", "")
        headers = {
            "Content-Disposition": said if said.startswith("attachment;") else _DISPOSITION,
            # What is stored under an id never changes; only this browser keeps it.
            "Cache-Control": "private, max-age=3600, immutable",
        }
        if answer.headers.get("content-length", "").isdigit():
            headers["Content-Length"] = answer.headers["content-length"]
        chunks: AsyncIterator[bytes] = answer.aiter_raw()
        return StreamingResponse(
            chunks,
            media_type=kind if kind in _PICTURES else _UNNAMED,
            headers=headers,
            background=BackgroundTask(answer.aclose),
        )

    return router
