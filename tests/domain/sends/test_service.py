"""Sends: one in hand a chat, armed by comparison, settled by evidence."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from core.contracts.bridge import ABSENCE_PROOF, NEVER_CLICKED, Armed, NextSend, SendOutcome
from core.contracts.drafts import SettleSend
from core.contracts.ids import new_id
from core.contracts.states import Direction, DraftStatus, MessageOrigin, SendStatus, Tick
from core.errors import Conflict
from domain.chats.models import Message
from domain.drafts.models import Draft
from domain.sends import people
from domain.sends import service as sends
from domain.sends.models import Send
from tests.domain.desk import Desk


async def approved(desk: Desk, *parts: str) -> tuple[UUID, list[UUID]]:
    chat_id = await desk.customer_writes("How much is tea?")
    return chat_id, await desk.approve(await desk.draft_for(chat_id, *parts))


async def armed(desk: Desk, *parts: str) -> tuple[UUID, Any]:
    chat_id, _ = await approved(desk, *(parts or ("Tea costs 4 EUR.",)))
    order = await desk.next()
    assert order is not None
    assert isinstance(await desk.arm(order), Armed)
    return chat_id, order


class TestWay:
    async def test_a_part_goes_out_once_and_the_ticks_only_move_forward(self, desk: Desk) -> None:
        chat_id, order = await armed(desk)
        bubble = desk.bubble()
        await desk.report(order, SendOutcome.SENT, external_id=bubble)
        again = await desk.report(order, SendOutcome.SENT, external_id=bubble)
        assert again.status == SendStatus.SENT
        for tick in (Tick.READ, Tick.DELIVERED):
            await desk.observe(chat_id, desk.seen(chat_id, order.text, Direction.OUT, external_id=bubble, tick=tick))
        messages = [m for m in await desk.all(Message, chat_id=chat_id) if m.direction == Direction.OUT]
        assert [(m.external_id, m.origin, m.tick) for m in messages] == [(bubble, MessageOrigin.DESK, Tick.READ)]
        send = await desk.send(order.send_id)
        assert (send.status, send.message_id) == (SendStatus.READ, messages[0].id)
        assert await desk.next() is None

    async def test_parts_go_in_order_and_each_on_the_tail_of_the_one_before(self, desk: Desk) -> None:
        chat_id, order = await armed(desk, "First.", "Second.")
        assert (order.part, order.text) == (0, "First.")
        first = desk.bubble()
        await desk.report(order, SendOutcome.SENT, external_id=first)
        second = await desk.next()
        assert second is not None
        assert (second.part, second.previous_part_external_id) == (1, first)
        assert isinstance(await desk.arm(second, tail=first), Armed)
        await desk.report(second, SendOutcome.SENT)
        assert (await desk.chat(chat_id)).status == "pending"

    async def test_only_one_send_is_in_hand_and_a_lost_answer_gives_the_same_again(self, desk: Desk) -> None:
        await approved(desk, "One.")
        await approved(desk, "Two.")
        first, again = await desk.next(), await desk.next()
        assert first is not None
        assert again is not None
        assert first.send_id == again.send_id


class TestArm:
    async def test_a_message_after_the_approval_brings_the_reply_back_to_staff(self, desk: Desk) -> None:
        chat_id, _ = await approved(desk, "Tea costs 4 EUR.")
        order = await desk.next()
        assert order is not None
        await desk.customer_writes("And coffee?", chat_id)
        refusal = await desk.arm(order)
        assert isinstance(refusal, Conflict)
        assert refusal.reason_code == "chat_moved"
        assert (await desk.send(order.send_id)).status == SendStatus.RETURNED
        back = await desk.pending(chat_id)
        assert back.parts == ["Tea costs 4 EUR."]
        assert back.chat_version == (await desk.chat(chat_id)).version

    async def test_a_machine_draft_does_not_push_the_returned_reply_away(self, desk: Desk) -> None:
        chat_id, _ = await approved(desk, "Tea costs 4 EUR.")
        order = await desk.next()
        await desk.customer_writes("And coffee?", chat_id)
        assert order is not None
        await desk.arm(order)
        assert await desk.store(await desk.claim(chat_id), "Coffee costs 3 EUR.") == DraftStatus.SUPERSEDED
        assert (await desk.pending(chat_id)).parts == ["Tea costs 4 EUR."]

    async def test_a_customer_message_between_parts_returns_the_rest_only(self, desk: Desk) -> None:
        chat_id, order = await armed(desk, "First.", "Second.", "Third.")
        await desk.report(order, SendOutcome.SENT)
        await desk.customer_writes("Wait!", chat_id)
        assert await desk.next() is None
        rows = sorted(await desk.all(Send, chat_id=chat_id), key=lambda s: s.part)
        assert [s.status for s in rows] == ["sent", "returned", "returned"]
        assert (await desk.pending(chat_id)).parts == ["Second.", "Third."]

    @pytest.mark.parametrize(
        ("change", "code"),
        [({"text_sha256": "0" * 64}, "text_differs"), ({"tail": "3EB0FFFFFFFF"}, "tail_unknown")],
    )
    async def test_text_and_tail_must_be_what_the_desk_knows(
        self, desk: Desk, change: dict[str, Any], code: str
    ) -> None:
        await approved(desk, "Tea costs 4 EUR.")
        order = await desk.next()
        assert order is not None
        with pytest.raises(Conflict) as refused:
            await desk.arm(order, **change)
        assert refused.value.reason_code == code
        assert (await desk.send(order.send_id)).status == SendStatus.LEASED

    async def test_a_repeated_request_gets_the_rest_of_the_same_window(self, desk: Desk) -> None:
        chat_id, order = await armed(desk)
        again = await desk.arm(order)
        assert isinstance(again, Armed)
        assert again.click_within_ms < 3000
        with pytest.raises(Conflict):
            await desk.arm(order, installation=new_id())
        del chat_id

    async def test_a_bridge_arms_nothing_of_another_channel(self, desk: Desk) -> None:
        await approved(desk, "Tea costs 4 EUR.")
        order = await desk.next()
        assert order is not None
        with pytest.raises(Conflict) as refused:
            await (await Desk(desk.db, desk.tenant).open()).arm(order)  # its epoch is the same by chance
        assert refused.value.reason_code == "not_leased"

    async def test_an_older_epoch_arms_nothing(self, desk: Desk) -> None:
        await approved(desk, "Tea costs 4 EUR.")
        order = await desk.next()
        assert order is not None
        async with desk.db.unit_of_work(desk.tenant) as session:
            await session.execute(text("update channels set epoch = epoch + 1"))
        with pytest.raises(Conflict) as refused:
            await desk.arm(order)
        assert refused.value.reason_code == "lease_lost"
        with pytest.raises(Conflict):
            await desk.next()


class TestAfterACrash:
    async def settle_only(self, desk: Desk) -> Any:
        order = await desk.next()
        assert order is not None
        assert order.settle_only
        return order

    async def test_an_armed_send_is_given_only_to_be_settled(self, desk: Desk) -> None:
        _, order = await armed(desk)
        again = await self.settle_only(desk)
        assert again.armed_by_installation == desk.installation
        assert again.armed_tail_external_id == order.known_external_ids[0]

    async def test_absence_is_believed_only_with_every_proof_and_after_the_wait(self, desk: Desk) -> None:
        _, order = await armed(desk)
        proof = dict.fromkeys(ABSENCE_PROOF, True)
        reported = await desk.report(order, SendOutcome.ABSENT, evidence=proof)
        assert reported.status == SendStatus.UNKNOWN, "ten seconds after the deadline have not passed"

    @pytest.mark.parametrize("missing", [None, *sorted(ABSENCE_PROOF)])
    async def test_each_proof_is_needed(self, desk: Desk, missing: str | None) -> None:
        _, order = await armed(desk)
        async with desk.db.unit_of_work(desk.tenant) as session:
            await session.execute(
                text("update sends set click_deadline_at = click_deadline_at - interval '20 seconds'")
            )
        proof = {name: name != missing for name in ABSENCE_PROOF}
        reported = await desk.report(order, SendOutcome.ABSENT, evidence=proof)
        assert reported.status == (SendStatus.QUEUED if missing is None else SendStatus.UNKNOWN)

    async def test_what_surely_did_not_leave_goes_back_to_staff_where_the_chat_went_on(self, desk: Desk) -> None:
        chat_id, order = await armed(desk)
        await desk.customer_writes("And coffee?", chat_id)
        reported = await desk.report(order, SendOutcome.ABSENT, evidence={NEVER_CLICKED: True})
        assert reported.status == SendStatus.RETURNED
        assert (await desk.pending(chat_id)).parts == [order.text]

    async def test_another_installation_cannot_conclude_absent(self, desk: Desk) -> None:
        _, order = await armed(desk)
        reported = await desk.report(
            order, SendOutcome.ABSENT, evidence={NEVER_CLICKED: True}, installation_id=new_id()
        )
        assert reported.status == SendStatus.UNKNOWN

    async def test_anyone_may_find_an_unknown_send_later(self, desk: Desk) -> None:
        _, order = await armed(desk)
        await desk.report(order, SendOutcome.UNKNOWN)
        found = await desk.report(order, SendOutcome.SENT, installation_id=new_id())
        assert found.status == SendStatus.SENT

    async def test_a_tick_seen_before_the_report_counts(self, desk: Desk) -> None:
        chat_id, order = await armed(desk)
        bubble = desk.bubble()
        await desk.observe(chat_id, desk.seen(chat_id, order.text, Direction.OUT, external_id=bubble, tick=Tick.READ))
        await desk.report(order, SendOutcome.SENT, external_id=bubble, tick=Tick.SENT)
        assert (await desk.send(order.send_id)).status == SendStatus.READ

    async def test_a_customers_bubble_proves_nothing_and_leaves_the_send_to_a_person(self, desk: Desk) -> None:
        _, order = await armed(desk)
        answer = await desk.report(order, SendOutcome.SENT, external_id=order.known_external_ids[0])
        assert answer.status == SendStatus.UNKNOWN
        send = await desk.send(order.send_id)
        assert (send.error_code, send.message_id) == ("no_evidence", None)
        assert await desk.next() is None, "the queue is not held up by it"

    async def test_a_stopped_click_goes_back_to_staff(self, desk: Desk) -> None:
        chat_id, order = await armed(desk)
        assert (await desk.report(order, SendOutcome.DISARMED)).status == SendStatus.RETURNED
        assert (await desk.pending(chat_id)).parts == [order.text]

    async def test_an_unknown_send_blocks_its_chat_until_a_person_decides(self, desk: Desk) -> None:
        chat_id, order = await armed(desk)
        await desk.report(order, SendOutcome.UNKNOWN)
        await desk.customer_writes("Hello?", chat_id)
        await desk.approve(await desk.draft_for(chat_id, "Here I am."))
        assert await desk.next() is None
        async with desk.db.unit_of_work(desk.tenant) as session:
            await people.settle(session, desk.staff, order.send_id, SettleSend(outcome=SendStatus.ABANDONED))
        following = await desk.next()
        assert following is not None
        assert following.text == "Here I am."


class TestPeople:
    async def test_send_again_is_a_new_row_and_only_one(self, desk: Desk) -> None:
        _, send_ids = await approved(desk, "Tea costs 4 EUR.")
        order = await desk.next()
        assert order is not None
        await desk.report(order, SendOutcome.FAILED, code="not_on_whatsapp")
        again = await desk.retry(send_ids[0])
        assert again.retry_of == send_ids[0]
        with pytest.raises(Conflict):
            await desk.retry(send_ids[0])

    async def test_what_comes_back_leaves_a_later_part_alone_that_may_have_left(self, desk: Desk) -> None:
        chat_id, send_ids = await approved(desk, "First.", "Second.")
        async with desk.db.unit_of_work(desk.tenant) as session:
            await people.cancel(session, desk.staff, send_ids[0])
        second = await desk.retry(send_ids[1])
        order = await desk.next()
        assert order is not None
        assert isinstance(await desk.arm(order), Armed)
        first = await desk.retry(send_ids[0])
        await desk.customer_writes("And coffee?", chat_id)
        assert (await desk.send(first.id)).status == SendStatus.RETURNED
        assert (await desk.send(second.id)).status == SendStatus.ARMED
        assert (await desk.pending(chat_id)).parts == ["First."]

    async def test_what_may_have_left_is_not_sent_again(self, desk: Desk) -> None:
        _, order = await armed(desk)
        with pytest.raises(Conflict):
            await desk.retry(order.send_id)


async def test_the_hourly_limit_of_a_channel_holds(desk: Desk) -> None:
    _, order = await armed(desk)
    await desk.report(order, SendOutcome.SENT)
    await approved(desk, "Second customer.")
    tight = desk.settings.model_copy(update={"sends_per_hour": 1})
    async with desk.db.unit_of_work(desk.tenant) as session:
        assert await sends.lease_next(session, desk.bridge, NextSend(epoch=desk.epoch), tight) is None
    assert await desk.next() is not None


async def test_nobody_is_written_to_who_did_not_write_first(desk: Desk) -> None:
    chat_id = new_id()
    await desk.observe(chat_id)
    async with desk.db.unit_of_work(desk.tenant) as session:
        chat = await desk.chat(chat_id)
        session.add(
            Draft(
                tenant_id=desk.tenant,
                id=new_id(),
                chat_id=chat_id,
                chat_version=chat.version,
                origin="machine",
                status="pending",
                parts=["Buy now!"],
                text_sha256="0" * 64,
                claims=[],
                missing=[],
                unreadable=[],
                check={"verdict": "pass", "score": 1.0, "findings": [], "checker_version": "test"},
                version=1,
            )
        )
    with pytest.raises(Conflict) as refused:
        await desk.approve(await desk.pending(chat_id))
    assert refused.value.reason_code == "cold_message"


async def test_what_a_person_does_not_find_waits_as_a_draft_with_the_parts_behind_it(desk: Desk) -> None:
    chat_id, order = await armed(desk, "Tea costs 4 EUR.", "Shall I keep some?")
    await desk.report(order, SendOutcome.UNKNOWN)
    async with desk.db.unit_of_work(desk.tenant) as session:
        await people.settle(session, desk.staff, order.send_id, SettleSend(outcome=SendStatus.ABANDONED, put_back=True))
    assert (await desk.pending(chat_id)).parts == ["Tea costs 4 EUR.", "Shall I keep some?"]
    rows = await desk.all(Send, chat_id=chat_id)
    assert [(row.status, row.error_code) for row in rows] == [
        (SendStatus.ABANDONED, "put_back"),
        (SendStatus.RETURNED, "part_unknown"),
    ]
    with pytest.raises(Conflict):
        await desk.retry(order.send_id)
    again = await desk.approve(await desk.pending(chat_id))
    assert len(again) == 2
