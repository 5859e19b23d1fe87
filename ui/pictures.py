"""Pictures of stopped sends on their way from the API to the browser, which holds no token of its own."""

from uuid import UUID

from starlette.responses import PlainTextResponse, Response

from core.errors import WaxosError
from ui.session import PanelSession


async def answer(session: PanelSession, send_id: UUID) -> Response:
    """Return the picture of a send as the API gives it to this person, or why there is none."""
    try:
        content = await session.api.picture(send_id)
    except WaxosError as refused:
        return PlainTextResponse(refused.detail, status_code=refused.status)
    return Response(content, media_type="image/png", headers={"Cache-Control": "private, no-store"})
