"""Approved text does not wait for ever, and an armed send whose bridge is gone is put before a person."""

from typing import Any

from sqlalchemy import text

from core.contracts.bridge import SendOutcome
from core.contracts.drafts import SettleSend
from core.contracts.states import Direction, SendStatus
from core.jobs.registry import Resources
from core.settings import Settings
from domain.due.models import Due
from domain.sends import people
from domain.sends.models import Send
from domain.sends.outbox import WATCH_TASK
from domain.tasks import watch_send
from tests.domain.desk import Desk


async def later(desk: Desk, statement: str) -> None:
    async with desk.db.unit_of_work(desk.tenant) as session:
        await session.execute(text(statement))


async def looked_at(desk: Desk, send_id: Any) -> Send:
    await watch_send(Resources(Settings(), desk.db), desk.tenant, send_id)
    return await desk.send(send_id)


async def watched(desk: Desk, send_id: Any) -> bool:
    async with desk.db.without_tenant() as session:
        found = await session.get(Due, (desk.tenant, WATCH_TASK, send_id))
    return found is not None


async def test_text_that_no_bridge_fetched_expires(desk: Desk) -> None:
    chat_id = await desk.customer_writes("How much is tea?")
    (send_id,) = await desk.approve(await desk.draft_for(chat_id, "Tea costs 4 EUR."))
    assert (await looked_at(desk, send_id)).status == SendStatus.QUEUED
    assert await watched(desk, send_id)
    await later(desk, "update sends set expires_at = now() - interval '1 second'")
    assert (await looked_at(desk, send_id)).status == SendStatus.EXPIRED
    assert not await watched(desk, send_id)
    assert await desk.next() is None


async def test_an_armed_send_is_put_in_doubt_only_when_nobody_holds_the_channel(desk: Desk) -> None:
    chat_id = await desk.customer_writes("How much is tea?")
    await desk.approve(await desk.draft_for(chat_id, "Tea costs 4 EUR."))
    order = await desk.next()
    assert order is not None
    await desk.arm(order)
    await later(desk, "update channels set guard_until = now() - interval '1 second'")
    assert (await looked_at(desk, order.send_id)).status == SendStatus.ARMED, "its bridge is there and will settle it"
    await later(desk, "update channels set lease_until = now() - interval '1 second'")
    assert (await looked_at(desk, order.send_id)).status == SendStatus.UNKNOWN


async def test_parts_behind_a_failed_one_come_back(desk: Desk) -> None:
    chat_id = await desk.customer_writes("How much is tea?")
    await desk.approve(await desk.draft_for(chat_id, "First.", "Second."))
    order = await desk.next()
    assert order is not None
    await desk.report(order, SendOutcome.FAILED, code="not_on_whatsapp")
    assert [s.status for s in await desk.all(Send, chat_id=chat_id)] == [SendStatus.FAILED, SendStatus.RETURNED]
    assert (await desk.pending(chat_id)).parts == ["Second."]


async def test_a_bubble_that_a_person_vouched_for_is_no_reply_from_the_phone(desk: Desk) -> None:
    chat_id = await desk.customer_writes("How much is tea?")
    await desk.approve(await desk.draft_for(chat_id, "Tea costs 4 EUR."))
    order = await desk.next()
    assert order is not None
    await desk.arm(order)
    await desk.report(order, SendOutcome.UNKNOWN)
    async with desk.db.unit_of_work(desk.tenant) as session:
        await people.settle(session, desk.staff, order.send_id, SettleSend(outcome=SendStatus.SENT))
    await desk.observe(chat_id, desk.seen(chat_id, order.text, Direction.OUT))
    assert (await desk.chat(chat_id)).paused_until is None
