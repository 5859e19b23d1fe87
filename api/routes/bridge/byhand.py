"""Waiting for what becomes of a message by hand, on the tenant's events, for some seconds at most."""

import asyncio
from uuid import UUID

from api.resources import Resources
from core.contracts.byhand import HandMessageState
from core.contracts.events import EventType
from core.contracts.principal import Principal
from domain.sends import byhand

_TELLING = (EventType.RESYNC, EventType.DRAFT_UPDATED, EventType.SEND_UPDATED)


async def state_after(res: Resources, caller: Principal, draft_id: UUID, wait_ms: int) -> HandMessageState:
    """Return the state of a message; one that is still on its way is looked at again at each event of its chat, `wait_ms` at most.

    Raises:
        NotFound: no such message of this device.
    """
    deadline = asyncio.get_running_loop().time() + wait_ms / 1000
    chat_id, found = await _read(res, caller, draft_id)
    if wait_ms == 0 or found.final:
        return found
    events = res["bus"].follow(caller.tenant_id)
    try:
        while not found.final:
            async with asyncio.timeout_at(deadline):
                event = await anext(events)
            if event.type in _TELLING and event.ids.get("chat_id", chat_id) == chat_id:
                _, found = await _read(res, caller, draft_id)
    except (TimeoutError, StopAsyncIteration):
        return found
    finally:
        await events.aclose()
    return found


async def _read(res: Resources, caller: Principal, draft_id: UUID) -> tuple[UUID, HandMessageState]:
    async with res["db"].unit_of_work(caller.tenant_id) as session:
        return await byhand.state(session, caller, draft_id, res["settings"].desk)
