"""The limits of the hour hold in the database whoever asks at once, and text that they stop waits, says for what, and goes by itself."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import text

from core.contracts.bridge import Armed, BridgeHintType, NextSend, SendOrder, SendOutcome
from core.contracts.drafts import Send as WireSend
from core.contracts.events import Event, EventType
from core.contracts.states import ChannelState, SendStatus, SendWait
from core.db.session import DeviceHint, Effects, Ring
from core.errors import Conflict
from core.jobs.registry import Resources
from core.jobs.sweep import sweep
from core.settings import Settings
from domain.due.models import Due
from domain.sends import people
from domain.sends import service as sends
from domain.sends.models import Send
from domain.sends.outbox import WATCH_TASK
from domain.tasks import watch_send
from tests.domain.desk import Desk

HOUR = timedelta(hours=1)


def tight(desk: Desk, *, channel: int = 1000, chat: int = 1000) -> Desk:
    """Let a desk allow only so many sends an hour."""
    desk.settings = desk.settings.model_copy(update={"sends_per_hour": channel, "sends_per_chat_hour": chat})
    return desk


async def run(desk: Desk, statement: str, **values: object) -> None:
    async with desk.db.unit_of_work(desk.tenant) as session:
        await session.execute(text(statement), values)


async def approved(desk: Desk, chat_id: UUID | None = None) -> tuple[UUID, UUID]:
    """Queue one reply for a new customer, or one more for a known one; return chat and send."""
    chat_id = await desk.customer_writes("How much is tea?", chat_id)
    (send_id,) = await desk.approve(await desk.draft_for(chat_id, "Tea costs 4 EUR."))
    return chat_id, send_id


async def sent(desk: Desk, chat_id: UUID | None = None) -> tuple[UUID, UUID]:
    chat_id, send_id = await approved(desk, chat_id)
    order = await desk.next()
    assert order is not None
    assert isinstance(await desk.arm(order), Armed)
    await desk.report(order, SendOutcome.SENT)
    return chat_id, send_id


async def all_in_hand(desk: Desk, count: int) -> list[SendOrder]:
    """Put as many sends into the hands of the bridge as it may hold after a crash."""
    orders = []
    for _ in range(count):
        order = await desk.next()
        assert order is not None
        orders.append(order)
        await run(
            desk, "update sends set status = 'queued', wait_until = now() + interval '1 hour' where status = 'leased'"
        )
    await run(desk, "update sends set status = 'leased', wait_until = null")
    return orders


async def shown(desk: Desk, send_id: UUID) -> WireSend:
    await run(desk, "update channels set state = :state", state=ChannelState.LINKED)
    async with desk.db.unit_of_work(desk.tenant) as session:
        listed = await people.list_sends(session, None, None, 50, desk.settings)
    return next(send for send in listed if send.id == send_id)


async def due_at(desk: Desk, send_id: UUID) -> datetime:
    async with desk.db.without_tenant() as session:
        return (await session.get_one(Due, (desk.tenant, WATCH_TASK, send_id))).due_at


class TestTwoAtOnce:
    async def test_requests_to_click_share_what_the_channel_has_left(self, desk: Desk) -> None:
        for _ in range(4):
            await approved(desk)
        orders = await all_in_hand(desk, 4)
        tight(desk, channel=2)
        answers = await asyncio.gather(*(desk.arm(order) for order in orders))
        assert sum(isinstance(one, Armed) for one in answers) == 2
        assert {one.reason_code for one in answers if isinstance(one, Conflict)} == {"over_limit"}
        rows = await desk.all(Send)
        assert sorted(row.status for row in rows) == ["armed", "armed", "queued", "queued"]

    async def test_an_hour_of_them_never_passes_the_limit(self, desk: Desk) -> None:
        tight(desk, channel=3)
        for _ in range(6):
            await approved(desk)

        async def one_bridge() -> None:
            while (order := await desk.next()) is not None:
                try:
                    answer = await desk.arm(order)
                except Conflict:  # the other call was first with this one
                    continue
                if isinstance(answer, Armed):
                    await desk.report(order, SendOutcome.SENT)

        await asyncio.gather(one_bridge(), one_bridge())
        statuses = [row.status for row in await desk.all(Send)]
        assert (statuses.count(SendStatus.SENT), statuses.count(SendStatus.QUEUED)) == (3, 3)

    async def test_a_chats_own_limit_holds_while_other_chats_go_on(self, desk: Desk) -> None:
        tight(desk, chat=1)
        full, _ = await sent(desk)
        _, waits = await approved(desk, full)
        _, goes = await approved(desk)
        orders = await asyncio.gather(desk.next(), desk.next())
        assert {order.send_id for order in orders if order is not None} == {goes}
        assert (await desk.send(waits)).status == SendStatus.QUEUED

    async def test_a_limit_that_is_reached_after_the_lease_stops_the_click(self, desk: Desk) -> None:
        chat_id, send_id = await approved(desk)
        order = await desk.next()
        assert order is not None
        tight(desk, chat=1)
        await run(desk, "update sends set armed_at = now() where chat_id = :chat", chat=chat_id)
        refused = await desk.arm(order)
        assert isinstance(refused, Conflict)
        assert (await desk.send(send_id)).status == SendStatus.QUEUED

    async def test_one_bridge_that_lost_the_channel_cannot_use_what_is_left(self, desk: Desk) -> None:
        await approved(desk)
        order = await desk.next()
        assert order is not None

        async def taken() -> None:
            await run(desk, "update channels set epoch = epoch + 1")

        answers = await asyncio.gather(desk.arm(order), taken(), return_exceptions=True)
        armed = [row for row in await desk.all(Send) if row.status == SendStatus.ARMED]
        assert len(armed) == isinstance(answers[0], Armed)


class TestTheWait:
    async def test_it_says_why_and_until_when(self, desk: Desk) -> None:
        tight(desk, channel=1)
        _, first = await sent(desk)
        _, second = await approved(desk)
        wire = await shown(desk, second)
        left = (await desk.send(first)).armed_at
        assert left is not None
        assert (wire.wait_code, wire.wait_until) == (SendWait.CHANNEL_LIMIT, left + HOUR)
        tight(desk, chat=1)
        chat_id = (await desk.send(first)).chat_id
        _, third = await approved(desk, chat_id)
        wire = await shown(desk, third)
        assert (wire.wait_code, wire.wait_until) == (SendWait.CHAT_LIMIT, left + HOUR)
        assert (await shown(desk, second)).wait_code is None

    async def test_at_its_end_the_bridge_is_rung_and_the_text_goes(self, desk: Desk, effects: Effects) -> None:
        tight(desk, channel=1)
        _, first = await sent(desk)
        _, second = await approved(desk)
        assert await desk.next() is None
        left = (await desk.send(first)).armed_at
        assert left is not None
        assert await due_at(desk, second) == left + HOUR
        await run(desk, "update sends set armed_at = armed_at - interval '1 hour' where armed_at is not null")
        async with desk.db.without_tenant() as session:
            (await session.get_one(Due, (desk.tenant, WATCH_TASK, second))).due_at = datetime.now(UTC)
        effects.seen.clear()
        await sweep(desk.db, {WATCH_TASK})
        assert Ring(WATCH_TASK, desk.tenant, second) in effects.seen
        await watch_send(Resources(Settings(), desk.db), desk.tenant, second)
        rung = [one for one in effects.seen if isinstance(one, DeviceHint)]
        assert [(one.device_id, one.hint.type) for one in rung] == [(desk.device_id, BridgeHintType.SEND_QUEUED)]
        assert EventType.SEND_UPDATED in [one.type for one in effects.seen if isinstance(one, Event)]
        assert await due_at(desk, second) == (await desk.send(second)).expires_at, "it is still watched"
        order = await desk.next()
        assert order is not None
        assert order.send_id == second
        assert (await shown(desk, second)).wait_code is None

    async def test_the_bridges_own_limit_is_a_wait_like_the_others(self, desk: Desk) -> None:
        _, send_id = await approved(desk)
        order = await desk.next()
        assert order is not None
        await desk.report(order, SendOutcome.POSTPONED, wait_seconds=600.0)
        assert await desk.next() is None
        wire = await shown(desk, send_id)
        assert wire.wait_code is SendWait.BRIDGE_LIMIT
        assert wire.wait_until is not None
        assert await due_at(desk, send_id) == wire.wait_until
        await run(desk, "update sends set wait_until = now() - interval '1 second'")
        again = await desk.next()
        assert again is not None
        assert again.send_id == send_id
        assert (await desk.send(send_id)).wait_code is None

    async def test_a_wait_that_outlasts_the_text_gives_it_to_staff(self, desk: Desk) -> None:
        tight(desk, channel=1)
        await sent(desk)
        chat_id, second = await approved(desk)
        await run(desk, "update sends set expires_at = now() + interval '10 minutes' where status = 'queued'")
        expires = (await desk.send(second)).expires_at
        await watch_send(Resources(Settings(), desk.db), desk.tenant, second)
        assert await desk.next() is None
        assert await due_at(desk, second) == expires
        await run(desk, "update sends set expires_at = now() - interval '1 second' where status = 'queued'")
        await watch_send(Resources(Settings(), desk.db), desk.tenant, second)
        assert (await desk.send(second)).status == SendStatus.EXPIRED
        assert (await desk.pending(chat_id)).parts == ["Tea costs 4 EUR."]


class TestLaterParts:
    async def failed_first(self, desk: Desk) -> tuple[UUID, UUID]:
        """A reply in two parts whose first one could not be sent; the second waits as a draft."""
        chat_id = await desk.customer_writes("How much is tea?")
        first, _ = await desk.approve(await desk.draft_for(chat_id, "First.", "Second."))
        order = await desk.next()
        assert order is not None
        await desk.report(order, SendOutcome.FAILED, code="page_changed")
        return chat_id, first

    async def test_a_later_part_sent_again_stands_below_what_a_person_saw(self, desk: Desk) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        await desk.approve(await desk.draft_for(chat_id, "First.", "Second."))
        order = await desk.next()
        assert order is not None
        await desk.arm(order)
        await desk.report(order, SendOutcome.SENT)
        second = await desk.next()
        assert second is not None
        await desk.report(second, SendOutcome.FAILED, code="page_changed")
        await desk.customer_writes("Are you there?", chat_id)
        again = await desk.retry(second.send_id)
        order = await desk.next()
        assert order is not None
        assert (order.send_id, order.part, order.previous_part_external_id) == (again.id, 1, None)
        assert isinstance(await desk.arm(order), Armed)

    async def test_the_first_part_sent_again_brings_no_other_part_along(self, desk: Desk) -> None:
        chat_id, first = await self.failed_first(desk)
        again = await desk.retry(first)
        order = await desk.next()
        assert order is not None
        assert (order.send_id, order.text) == (again.id, "First.")
        await desk.arm(order)
        await desk.report(order, SendOutcome.SENT)
        assert await desk.next() is None
        assert (await desk.pending(chat_id)).parts == ["Second."]

    async def test_expired_text_comes_back_with_all_its_parts_once(self, desk: Desk) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        send_ids = await desk.approve(await desk.draft_for(chat_id, "First.", "Second."))
        await run(desk, "update sends set expires_at = now() - interval '1 second'")
        for send_id in send_ids:
            await watch_send(Resources(Settings(), desk.db), desk.tenant, send_id)
        rows = await desk.all(Send, chat_id=chat_id)
        assert [(s.status, s.error_code) for s in rows] == [(SendStatus.EXPIRED, "waited_too_long")] * 2
        assert (await desk.pending(chat_id)).parts == ["First.", "Second."]
        for send_id in send_ids:
            async with desk.db.without_tenant() as session:
                assert await session.get(Due, (desk.tenant, WATCH_TASK, send_id)) is None

    async def test_text_whose_bridge_died_with_it_expires_too_but_not_under_a_living_one(self, desk: Desk) -> None:
        chat_id, send_id = await approved(desk)
        assert await desk.next() is not None
        await run(desk, "update sends set expires_at = now() - interval '1 second'")
        await watch_send(Resources(Settings(), desk.db), desk.tenant, send_id)
        assert (await desk.send(send_id)).status == SendStatus.LEASED
        await run(desk, "update channels set lease_until = now() - interval '1 second'")
        await watch_send(Resources(Settings(), desk.db), desk.tenant, send_id)
        assert (await desk.send(send_id)).status == SendStatus.EXPIRED
        assert (await desk.pending(chat_id)).parts == ["Tea costs 4 EUR."]


async def test_a_channel_under_another_limit_is_not_held_up(desk: Desk) -> None:
    tight(desk, channel=1)
    await sent(desk)
    other = tight(await Desk(desk.db, desk.tenant).open(), channel=1)
    await approved(other)
    async with desk.db.unit_of_work(desk.tenant) as session:
        assert await sends.lease_next(session, other.bridge, NextSend(epoch=other.epoch), other.settings) is not None
