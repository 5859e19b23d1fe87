"""Work of the nouns that time brings, done by workers."""

from uuid import UUID

from core.jobs.registry import Registry, Resources
from domain.chats import service as chats
from domain.drafts import service as drafts
from domain.drafts.store import EXPIRE_TASK
from domain.sends.outbox import WATCH_TASK
from domain.sends.watch import watch


def register(registry: Registry) -> None:
    """Announce the tasks of the nouns."""
    registry.task(EXPIRE_TASK, expire_draft)
    registry.task(WATCH_TASK, watch_send)
    registry.task(chats.WAKE_TASK, wake_chat)


async def expire_draft(resources: Resources, tenant_id: UUID, draft_id: UUID) -> None:
    """End a pending draft whose time is over."""
    async with resources.db.unit_of_work(tenant_id) as session:
        await drafts.expire(session, draft_id)


async def watch_send(resources: Resources, tenant_id: UUID, send_id: UUID) -> None:
    """End a send that waited too long, or put one in doubt whose bridge is away."""
    async with resources.db.unit_of_work(tenant_id) as session:
        await watch(session, send_id)


async def wake_chat(resources: Resources, tenant_id: UUID, chat_id: UUID) -> None:
    """Open a snoozed chat whose time has come."""
    async with resources.db.unit_of_work(tenant_id) as session:
        await chats.wake(session, chat_id)
