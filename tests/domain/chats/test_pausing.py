"""A person always wins (law 9): what they do makes the machine rest, until its time is over or a person resumes it."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from core.contracts.bridge import Armed, BridgeHintType, SendOutcome
from core.contracts.chats import AskDraft, ChangeChat, NewMessage
from core.contracts.chats import Chat as WireChat
from core.contracts.events import Event, EventType
from core.contracts.states import (
    ChatMode,
    ChatStatus,
    Direction,
    DraftStatus,
    MessageKind,
    MessageOrigin,
    PauseReason,
    RunReason,
    RunState,
    SendStatus,
)
from core.db.session import DeviceHint, Effects
from core.jobs.registry import Resources
from core.jobs.sweep import sweep
from core.settings import Settings
from domain.chats import pausing
from domain.chats import service as chats
from domain.chats.models import ChatPause, Message
from domain.chats.repository import lock_chat
from domain.drafts import results
from domain.drafts import service as drafts
from domain.drafts.models import Draft, DraftRun
from domain.due.models import Due
from domain.sends.models import Send
from domain.tasks import resume_chat, wake_chat
from tests.domain.desk import Desk


async def shown(desk: Desk, chat_id: UUID) -> WireChat:
    async with desk.db.unit_of_work(desk.tenant) as session:
        return await chats.get_chat(session, chat_id)


async def phone_says(desk: Desk, chat_id: UUID, words: str = "") -> None:
    """Let the owner answer on the phone, each time in other words: the same ones at once in three chats would be a machine's."""
    await desk.observe(chat_id, desk.seen(chat_id, words or f"4 euros, see {desk.bubble()}", Direction.OUT))


async def change(desk: Desk, chat_id: UUID, body: ChangeChat) -> WireChat:
    async with desk.db.unit_of_work(desk.tenant) as session:
        return await chats.change_chat(session, desk.staff, chat_id, body, desk.settings)


async def later(desk: Desk, statement: str) -> None:
    async with desk.db.unit_of_work(desk.tenant) as session:
        await session.execute(text(statement))


async def time_is_over(desk: Desk, chat_id: UUID) -> None:
    """Let the rest of a chat end by the clock, as the worker does when the sweep rings."""
    await later(desk, "update chat_pauses set until = now() - interval '1 second'")
    await resume_chat(Resources(Settings(desk=desk.settings), desk.db), desk.tenant, chat_id)


async def due_at(desk: Desk, kind: str, id: UUID) -> datetime | None:
    async with desk.db.without_tenant() as session:
        row = await session.get(Due, (desk.tenant, kind, id))
        return row.due_at if row else None


async def inbound_runs(desk: Desk, chat_id: UUID) -> list[DraftRun]:
    return [r for r in await desk.all(DraftRun, chat_id=chat_id) if r.state == RunState.DUE and r.reason == "inbound"]


class TestAReplyOnThePhone:
    async def test_it_is_imported_and_rests_the_machine_for_twelve_hours(self, desk: Desk) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        await phone_says(desk, chat_id)
        chat = await shown(desk, chat_id)
        assert chat.paused_until is not None
        left = chat.paused_until - datetime.now(UTC)
        assert timedelta(hours=11, minutes=59) < left <= timedelta(hours=12)
        assert chat.pause_reason is PauseReason.PHONE
        assert await due_at(desk, pausing.RESUME_TASK, chat_id) == chat.paused_until
        assert [m.origin for m in await desk.all(Message, chat_id=chat_id)] == [
            MessageOrigin.CUSTOMER,
            MessageOrigin.PHONE,
        ]

    async def test_it_takes_back_what_waits_in_the_queue_and_stops_what_is_typed(
        self, desk: Desk, effects: Effects
    ) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        await desk.approve(await desk.draft_for(chat_id, "Tea costs 4 EUR.", "Anything else?"))
        order = await desk.next()
        assert order is not None
        effects.seen.clear()
        await phone_says(desk, chat_id)
        assert [s.status for s in await desk.all(Send, chat_id=chat_id)] == [SendStatus.RETURNED] * 2
        assert (await desk.pending(chat_id)).parts == ["Tea costs 4 EUR.", "Anything else?"]
        hints = [one.hint for one in effects.seen if isinstance(one, DeviceHint)]
        assert [(h.type, h.ids) for h in hints] == [(BridgeHintType.SEND_CANCELLED, {"send_id": order.send_id})]
        assert await desk.next() is None

    async def test_it_calls_the_run_off_that_a_worker_has_in_hand(self, desk: Desk) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        claimed = await desk.claim(chat_id)
        await phone_says(desk, chat_id)
        assert await desk.store(claimed, "Tea costs 4 EUR.") is None
        assert await desk.all(Draft, chat_id=chat_id) == []

    @pytest.mark.parametrize("outcome", [SendOutcome.SENT, SendOutcome.DISARMED])
    async def test_an_armed_send_is_settled_by_evidence_and_its_rest_does_not_follow(
        self, desk: Desk, outcome: SendOutcome
    ) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        await desk.approve(await desk.draft_for(chat_id, "Tea costs 4 EUR.", "Anything else?"))
        order = await desk.next()
        assert order is not None
        assert isinstance(await desk.arm(order), Armed)
        await phone_says(desk, chat_id, "4 euros, and coffee is 3")
        first, second = sorted(await desk.all(Send, chat_id=chat_id), key=lambda s: s.part)
        assert (first.status, second.status) == (SendStatus.ARMED, SendStatus.RETURNED)
        await desk.report(order, outcome)
        sent = outcome is SendOutcome.SENT
        assert (await desk.send(first.id)).status == (SendStatus.SENT if sent else SendStatus.RETURNED)
        drafts_left = [d.parts for d in await desk.all(Draft, chat_id=chat_id) if d.status in ("pending", "held")]
        assert sorted(drafts_left) == ([["Anything else?"]] if sent else [["Anything else?"], ["Tea costs 4 EUR."]])
        assert await desk.next() is None
        assert (await shown(desk, chat_id)).pause_reason is PauseReason.PHONE

    async def test_a_reaction_on_the_phone_is_no_reply(self, desk: Desk) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        draft = await desk.draft_for(chat_id, "Tea costs 4 EUR.")
        await desk.observe(chat_id, desk.seen(chat_id, "👍", Direction.OUT, kind=MessageKind.REACTION))
        assert (await desk.pending(chat_id)).id == draft.id
        assert (await shown(desk, chat_id)).paused_until is None


class TestOtherPeople:
    async def test_a_message_typed_in_the_panel_rests_the_machine(self, desk: Desk) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        await desk.draft_for(chat_id, "Tea costs 4 EUR.")
        body = NewMessage(parts=["Four euros."], chat_version=(await desk.chat(chat_id)).version)
        async with desk.db.unit_of_work(desk.tenant) as session:
            await drafts.type_message(session, desk.staff, chat_id, body, desk.settings)
        assert (await shown(desk, chat_id)).pause_reason is PauseReason.PANEL
        await desk.customer_writes("And coffee?", chat_id)
        assert await inbound_runs(desk, chat_id) == []

    async def test_taking_over_and_pausing_by_hand_rest_it_too(self, desk: Desk) -> None:
        taken, paused = await desk.customer_writes("One?"), await desk.customer_writes("Two?")
        async with desk.db.unit_of_work(desk.tenant) as session:
            await chats.take_over(session, desk.staff, taken, desk.settings)
        await change(desk, paused, ChangeChat(pause=True))
        assert (await shown(desk, taken)).pause_reason is PauseReason.TAKEOVER
        assert (await shown(desk, paused)).pause_reason is PauseReason.HAND
        assert await inbound_runs(desk, taken) == await inbound_runs(desk, paused) == []

    async def test_staff_may_ask_for_a_draft_while_it_rests(self, desk: Desk) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        await change(desk, chat_id, ChangeChat(pause=True))
        async with desk.db.unit_of_work(desk.tenant) as session:
            await drafts.ask_draft(session, desk.staff, chat_id, AskDraft(), desk.settings)
        claimed = await desk.claim(chat_id)
        assert claimed.reason is RunReason.ASKED
        assert await desk.store(claimed, "Tea costs 4 EUR.") == DraftStatus.PENDING
        assert (await shown(desk, chat_id)).paused_until is not None


class TestTheEnd:
    async def waiting(self, desk: Desk) -> UUID:
        """A chat on which a person answered by phone, and whose customer wrote again since."""
        chat_id = await desk.customer_writes("How much is tea?")
        await phone_says(desk, chat_id)
        await desk.customer_writes("And coffee?", chat_id)
        assert await inbound_runs(desk, chat_id) == []
        return chat_id

    async def test_when_its_time_is_over_who_waits_gets_a_draft(self, desk: Desk, effects: Effects) -> None:
        chat_id = await self.waiting(desk)
        effects.seen.clear()
        await time_is_over(desk, chat_id)
        assert len(await inbound_runs(desk, chat_id)) == 1
        assert (await desk.chat(chat_id)).paused_until is None
        assert await due_at(desk, pausing.RESUME_TASK, chat_id) is None
        assert EventType.CHAT_UPDATED in [one.type for one in effects.seen if isinstance(one, Event)]
        claimed = await desk.claim(chat_id)
        async with desk.db.unit_of_work(desk.tenant) as session:
            loaded = await results.load_input(session, claimed, desk.settings)
        assert (loaded.conversation.burst_text(), loaded.paused) == ("And coffee?", False)

    async def test_the_sweep_rings_at_that_time_and_a_ring_before_it_ends_nothing(
        self, desk: Desk, effects: Effects
    ) -> None:
        chat_id = await self.waiting(desk)
        await resume_chat(Resources(Settings(desk=desk.settings), desk.db), desk.tenant, chat_id)
        assert (await shown(desk, chat_id)).paused_until is not None
        assert await inbound_runs(desk, chat_id) == []
        async with desk.db.without_tenant() as session:
            row = await session.get_one(Due, (desk.tenant, pausing.RESUME_TASK, chat_id))
            row.due_at = datetime.now(UTC)
        effects.seen.clear()
        await sweep(desk.db, {pausing.RESUME_TASK})
        assert [getattr(one, "id", None) for one in effects.seen] == [chat_id]

    async def test_a_person_resumes_at_once(self, desk: Desk) -> None:
        chat_id = await self.waiting(desk)
        chat = await change(desk, chat_id, ChangeChat(resume=True))
        assert (chat.paused_until, chat.pause_reason) == (None, None)
        assert len(await inbound_runs(desk, chat_id)) == 1
        assert await desk.all(ChatPause) == []
        assert await due_at(desk, pausing.RESUME_TASK, chat_id) is None

    async def test_nobody_is_drafted_for_who_has_an_answer(self, desk: Desk) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        await phone_says(desk, chat_id)
        await time_is_over(desk, chat_id)
        assert await inbound_runs(desk, chat_id) == []

    async def test_nor_who_has_a_draft_a_send_a_closed_case_or_drafts_switched_off(self, desk: Desk) -> None:
        drafted, closed, off, leaving = [await self.waiting(desk) for _ in range(4)]
        for chat_id in (drafted, leaving):
            async with desk.db.unit_of_work(desk.tenant) as session:
                await drafts.ask_draft(session, desk.staff, chat_id, AskDraft(), desk.settings)
            await desk.draft_for(chat_id, "Coffee costs 3 EUR.")
        await desk.approve(await desk.pending(leaving))
        await change(desk, closed, ChangeChat(status=ChatStatus.RESOLVED))
        await change(desk, off, ChangeChat(mode=ChatMode.OFF))
        for chat_id in (drafted, closed, off, leaving):
            await time_is_over(desk, chat_id)
            assert (await desk.chat(chat_id)).paused_until is None
            assert await inbound_runs(desk, chat_id) == []

    async def test_a_rest_that_is_over_is_not_shown_before_the_sweep_comes(self, desk: Desk) -> None:
        chat_id = await self.waiting(desk)
        await later(desk, "update chats set paused_until = now() - interval '1 second'")
        chat = await shown(desk, chat_id)
        assert (chat.paused_until, chat.pause_reason) == (None, None)

    async def test_the_longest_counts_and_one_is_lifted_without_the_others(self, desk: Desk) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        await change(desk, chat_id, ChangeChat(pause=True))
        await later(desk, "update chat_pauses set until = until - interval '1 hour'")
        await phone_says(desk, chat_id)
        assert (await shown(desk, chat_id)).pause_reason is PauseReason.PHONE
        (reply,) = [m for m in await desk.all(Message, chat_id=chat_id) if m.direction == Direction.OUT]
        async with desk.db.unit_of_work(desk.tenant) as session:
            await pausing.lift(session, await lock_chat(session, chat_id), reply.id)
        chat = await shown(desk, chat_id)
        assert chat.pause_reason is PauseReason.HAND
        assert chat.paused_until is not None
        assert await due_at(desk, pausing.RESUME_TASK, chat_id) == chat.paused_until


class TestSnooze:
    async def snoozed(self, desk: Desk, until: datetime) -> UUID:
        chat_id = await desk.customer_writes("How much is tea?")
        await change(desk, chat_id, ChangeChat(status=ChatStatus.SNOOZED, snoozed_until=until))
        return chat_id

    async def wake(self, desk: Desk, chat_id: UUID) -> None:
        await wake_chat(Resources(Settings(), desk.db), desk.tenant, chat_id)

    async def test_a_chat_comes_back_when_its_time_has_come_and_not_before(self, desk: Desk, effects: Effects) -> None:
        until = datetime.now(UTC) + timedelta(hours=1)
        chat_id = await self.snoozed(desk, until)
        await self.wake(desk, chat_id)
        assert (await desk.chat(chat_id)).status == ChatStatus.SNOOZED
        assert await due_at(desk, chats.WAKE_TASK, chat_id) == until
        await later(desk, "update chats set snoozed_until = now() - interval '1 second'")
        effects.seen.clear()
        await self.wake(desk, chat_id)
        chat = await desk.chat(chat_id)
        assert (chat.status, chat.snoozed_until) == (ChatStatus.OPEN, None)
        assert await due_at(desk, chats.WAKE_TASK, chat_id) is None
        assert [one.type for one in effects.seen if isinstance(one, Event)] == [EventType.CHAT_UPDATED]

    async def test_snoozed_again_it_sleeps_until_the_later_time(self, desk: Desk) -> None:
        chat_id = await self.snoozed(desk, datetime.now(UTC) - timedelta(seconds=1))
        until = datetime.now(UTC) + timedelta(hours=2)
        await change(desk, chat_id, ChangeChat(status=ChatStatus.SNOOZED, snoozed_until=until))
        await self.wake(desk, chat_id)
        assert (await desk.chat(chat_id)).status == ChatStatus.SNOOZED
        assert await due_at(desk, chats.WAKE_TASK, chat_id) == until

    async def test_its_customer_wakes_it_and_the_ring_that_comes_later_changes_nothing(self, desk: Desk) -> None:
        chat_id = await self.snoozed(desk, datetime.now(UTC) + timedelta(hours=1))
        await desk.customer_writes("Still there?", chat_id)
        assert (await desk.chat(chat_id)).status == ChatStatus.OPEN
        await change(desk, chat_id, ChangeChat(status=ChatStatus.RESOLVED))
        await self.wake(desk, chat_id)
        assert (await desk.chat(chat_id)).status == ChatStatus.RESOLVED
        assert await due_at(desk, chats.WAKE_TASK, chat_id) is None
