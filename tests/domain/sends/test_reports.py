"""Whose word counts about a send, and about which of its armings."""

from typing import Any

import pytest
from sqlalchemy import text

from core.contracts.bridge import ABSENCE_PROOF, NEVER_CLICKED, Armed, SendOrder, SendOutcome
from core.contracts.ids import new_id
from core.contracts.states import Direction, SendStatus
from core.errors import Conflict
from tests.domain.desk import Desk

NEVER: dict[str, Any] = {NEVER_CLICKED: True}


async def leased(desk: Desk, *parts: str) -> SendOrder:
    chat_id = await desk.customer_writes("How much is tea?")
    await desk.approve(await desk.draft_for(chat_id, *(parts or ("Tea costs 4 EUR.",))))
    order = await desk.next()
    assert order is not None
    return order


async def armed(desk: Desk, *parts: str) -> SendOrder:
    order = await leased(desk, *parts)
    assert isinstance(await desk.arm(order), Armed)
    return order


async def passes_on(desk: Desk) -> None:
    """Give the channel to another computer."""
    async with desk.db.unit_of_work(desk.tenant) as session:
        await session.execute(
            text("update channels set epoch = epoch + 1, holder_device_id = :device"), {"device": new_id()}
        )


class TestLaterArming:
    """A report that was long on its way says nothing about an arming that came after it."""

    @pytest.mark.parametrize(
        ("outcome", "evidence"),
        [
            (SendOutcome.ABSENT, NEVER),
            (SendOutcome.ABSENT, dict.fromkeys(ABSENCE_PROOF, True)),
            (SendOutcome.DISARMED, {}),
            (SendOutcome.UNKNOWN, {}),
        ],
    )
    async def test_is_not_undone_by_a_delayed_duplicate(
        self, desk: Desk, outcome: SendOutcome, evidence: dict[str, Any]
    ) -> None:
        order = await armed(desk)
        first = desk.armings[order.send_id]
        assert (await desk.report(order, SendOutcome.ABSENT, evidence=NEVER)).status == SendStatus.QUEUED
        again = await desk.next()
        assert again is not None
        assert isinstance(await desk.arm(again), Armed)
        async with desk.db.unit_of_work(desk.tenant) as session:
            await session.execute(text("update sends set click_deadline_at = click_deadline_at - interval '1 minute'"))
        delayed = await desk.report(order, outcome, arming=first, evidence=evidence)
        assert delayed.status == SendStatus.ARMED
        assert (await desk.send(order.send_id)).arming == desk.armings[order.send_id] != first

    async def test_is_settled_by_its_own_name_only(self, desk: Desk) -> None:
        order = await armed(desk)
        assert (await desk.report(order, SendOutcome.DISARMED, arming=new_id())).status == SendStatus.ARMED
        settle = await desk.next()
        assert settle is not None
        assert settle.arming == desk.armings[order.send_id]
        assert (await desk.report(settle, SendOutcome.DISARMED)).status == SendStatus.RETURNED


class TestFence:
    """Commands count from the holder alone; evidence also from the device that armed."""

    @pytest.mark.parametrize("outcome", [SendOutcome.RETURNED, SendOutcome.FAILED, SendOutcome.UNKNOWN])
    async def test_a_device_without_the_channel_says_nothing_about_a_leased_send(
        self, desk: Desk, outcome: SendOutcome
    ) -> None:
        order = await leased(desk)
        await passes_on(desk)
        assert (await desk.report(order, outcome)).status == SendStatus.LEASED

    async def test_an_older_epoch_of_the_same_device_says_nothing_either(self, desk: Desk) -> None:
        order = await leased(desk)
        async with desk.db.unit_of_work(desk.tenant) as session:
            await session.execute(text("update channels set epoch = epoch + 1"))
        assert (await desk.report(order, SendOutcome.FAILED)).status == SendStatus.LEASED
        desk.epoch += 1
        assert (await desk.report(order, SendOutcome.FAILED)).status == SendStatus.FAILED

    async def test_a_device_that_lost_the_channel_still_settles_what_it_armed(self, desk: Desk) -> None:
        order = await armed(desk)
        await passes_on(desk)
        assert (await desk.report(order, SendOutcome.SENT)).status == SendStatus.SENT

    async def test_a_device_that_neither_holds_nor_armed_settles_nothing(self, desk: Desk) -> None:
        order = await armed(desk)
        stranger = Desk(desk.db, desk.tenant, channel_id=desk.channel_id).bridge
        for outcome in (SendOutcome.SENT, SendOutcome.UNKNOWN, SendOutcome.DISARMED):
            answer = await desk.report(order, outcome, caller=stranger, arming=desk.armings[order.send_id])
            assert answer.status == SendStatus.ARMED

    async def test_another_channel_is_refused(self, desk: Desk) -> None:
        order = await armed(desk)
        other = await Desk(desk.db, desk.tenant).open()
        with pytest.raises(Conflict):
            await desk.report(order, SendOutcome.SENT, caller=other.bridge)


class TestHonestDoubt:
    """What the bridge knows and the server does not (a database restored to an earlier moment) never holds the queue up."""

    async def test_a_leased_send_may_become_unknown(self, desk: Desk) -> None:
        order = await leased(desk)
        assert (await desk.report(order, SendOutcome.UNKNOWN, code="told_before")).status == SendStatus.UNKNOWN
        assert await desk.next() is None

    async def test_a_leased_send_whose_bubble_stands_there_is_sent(self, desk: Desk) -> None:
        order = await leased(desk)
        assert (await desk.report(order, SendOutcome.SENT, arming=new_id())).status == SendStatus.SENT

    async def test_absence_of_what_was_never_armed_changes_nothing(self, desk: Desk) -> None:
        order = await leased(desk)
        assert (await desk.report(order, SendOutcome.ABSENT, evidence=NEVER)).status == SendStatus.LEASED

    async def test_a_bubble_that_proves_another_send_leaves_doubt(self, desk: Desk) -> None:
        order = await armed(desk, "First.", "Second.")
        bubble = desk.bubble()
        await desk.report(order, SendOutcome.SENT, external_id=bubble)
        second = await desk.next()
        assert second is not None
        await desk.arm(second, tail=bubble)
        answer = await desk.report(second, SendOutcome.SENT, external_id=bubble)
        assert answer.status == SendStatus.UNKNOWN
        assert (await desk.send(second.send_id)).error_code == "bubble_taken"


class TestLateBubble:
    """The page redraws what it shows: bold marks go, spaces collapse, emoji lose their selectors."""

    @pytest.mark.parametrize(
        ("approved", "shown"),
        [
            ("Tea costs *4 EUR*.", "Tea costs 4 EUR."),
            ("Tea  costs\n4 EUR.", "Tea costs 4 EUR."),
            ("With love \u2764\ufe0f", "With love \u2764"),
        ],
    )
    async def test_of_an_unknown_send_settles_it_and_pauses_nobody(self, desk: Desk, approved: str, shown: str) -> None:
        order = await armed(desk, approved)
        await desk.report(order, SendOutcome.UNKNOWN)
        await desk.observe(order.chat_id, desk.seen(order.chat_id, shown, Direction.OUT))
        send, chat = await desk.send(order.send_id), await desk.chat(order.chat_id)
        assert (send.status, chat.paused_until) == (SendStatus.SENT, None)
        assert send.message_id is not None

    async def test_in_a_history_proves_nothing(self, desk: Desk) -> None:
        order = await armed(desk)
        await desk.report(order, SendOutcome.UNKNOWN)
        await desk.observe(order.chat_id, desk.seen(order.chat_id, order.text, Direction.OUT, history=True))
        assert (await desk.send(order.send_id)).status == SendStatus.UNKNOWN

    async def test_with_other_words_is_a_reply_from_the_phone(self, desk: Desk) -> None:
        order = await armed(desk)
        await desk.report(order, SendOutcome.UNKNOWN)
        await desk.observe(order.chat_id, desk.seen(order.chat_id, "Tea costs 5 EUR.", Direction.OUT))
        assert (await desk.send(order.send_id)).status == SendStatus.UNKNOWN
        assert (await desk.chat(order.chat_id)).paused_until is not None
