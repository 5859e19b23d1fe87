"""Waiting for a draft without holding a session: on the tenant's events, for two seconds at most."""

import asyncio
from uuid import UUID

from api.resources import Resources
from core.contracts.chats import ChatContext
from core.contracts.events import EventType
from core.contracts.principal import Principal
from core.contracts.states import DraftStatus, RunState
from domain.chats import service as chats

_IN_THE_MAKING = (RunState.DUE, RunState.RUNNING)
_TELLING = (EventType.DRAFT_UPDATED, EventType.RUN_UPDATED)


async def context_with_draft(res: Resources, caller: Principal, chat_id: UUID, wait_ms: int) -> ChatContext:
    """Return a chat's context; while a draft is being made, look again at each event that may bring it, `wait_ms` at most.

    Raises:
        NotFound: no such chat in the tenant.
    """
    deadline = asyncio.get_running_loop().time() + wait_ms / 1000
    found = await _read(res, caller, chat_id)
    if wait_ms == 0 or not _is_coming(found):
        return found
    events = res["bus"].follow(caller.tenant_id)
    try:
        while _is_coming(found):
            async with asyncio.timeout_at(deadline):
                event = await anext(events)
            # `resync` comes first, once the line stands: what happened between the first look and now is seen by the second.
            if event.type is EventType.RESYNC or (event.type in _TELLING and event.ids.get("chat_id") == chat_id):
                found = await _read(res, caller, chat_id)
    except (TimeoutError, StopAsyncIteration):
        return found
    finally:
        await events.aclose()
    return found


async def _read(res: Resources, caller: Principal, chat_id: UUID) -> ChatContext:
    async with res["db"].unit_of_work(caller.tenant_id) as session:
        return await chats.context(session, chat_id)


def _is_coming(found: ChatContext) -> bool:
    if found.draft is not None:
        return found.draft.status is DraftStatus.CHECKING
    return found.run is not None and found.run.state in _IN_THE_MAKING
