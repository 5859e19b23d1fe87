"""The live channel of panels: hints with ids and versions, never content; who gets one asks the API for the present state."""

from fastapi import APIRouter, WebSocket

from api.resources import resources_of
from api.websocket import enter, pour
from core.contracts.principal import Scope

router = APIRouter(tags=["events"])


@router.websocket("/events")
async def events(socket: WebSocket) -> None:
    """Send the business's events. `resync` comes first and after every gap: refetch what is shown."""
    caller = await enter(socket, Scope.CHATS_READ)
    if caller is None:
        return
    resources = resources_of(socket)
    await pour(
        socket, resources["bus"].follow(caller.tenant_id), lambda: resources["sessions"].require_standing(caller)
    )
