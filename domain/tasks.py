"""Work of the nouns that time brings, done by workers."""

from uuid import UUID

from core.jobs.registry import Registry, Resources
from core.storage.blobs import LocalBlobs
from domain.chats import automation, pausing
from domain.chats import service as chats
from domain.drafts import service as drafts
from domain.drafts.store import EXPIRE_TASK
from domain.sends.outbox import WATCH_TASK
from domain.sends.pictures import PICTURE_TASK, forget_picture
from domain.sends.watch import watch
from domain.usage import providers


def register(registry: Registry) -> None:
    """Announce the tasks of the nouns."""
    registry.task(EXPIRE_TASK, expire_draft)
    registry.task(WATCH_TASK, watch_send)
    registry.task(chats.WAKE_TASK, wake_chat)
    registry.task(pausing.RESUME_TASK, resume_chat)
    registry.task(automation.SETTLE_TASK, settle_automation)
    registry.task(PICTURE_TASK, delete_picture)
    providers.register(registry)


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


async def resume_chat(resources: Resources, tenant_id: UUID, chat_id: UUID) -> None:
    """End the machine's rest on a chat when its time is over."""
    async with resources.db.unit_of_work(tenant_id) as session:
        await pausing.end(session, chat_id, resources.settings.desk)


async def settle_automation(resources: Resources, tenant_id: UUID, text_id: UUID) -> None:
    """Bring the chats in which an automatic text was seen in line with how it is judged, one chat at a time."""
    async with resources.db.unit_of_work(tenant_id) as session:
        chat_ids = await automation.unsettled_chats(session, text_id)
    for chat_id in chat_ids:
        async with resources.db.unit_of_work(tenant_id) as session:
            await automation.settle_chat(session, text_id, chat_id, resources.settings.desk)
    async with resources.db.unit_of_work(tenant_id) as session:
        await automation.finish(session, text_id)


async def delete_picture(resources: Resources, tenant_id: UUID, send_id: UUID) -> None:
    """Delete the picture of a stopped send whose days are over."""
    await forget_picture(resources.db, LocalBlobs(resources.settings.storage.folder), tenant_id, send_id)
