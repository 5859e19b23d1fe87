"""A chat is our id with evidence: another computer or a lost journal names chats anew, and the messages say which are meant."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from core.contracts.bridge import ChatIs, MessageSeen, ObservationsStored, SendOutcome
from core.contracts.chats import ChangeChat
from core.contracts.ids import new_id
from core.contracts.states import (
    ChatMode,
    ChatStatus,
    Direction,
    DraftStatus,
    PauseReason,
    RunState,
    SendStatus,
    Tick,
)
from domain.chats import pausing
from domain.chats import service as chats
from domain.chats.models import Chat, ChatPause, Message
from domain.contacts.models import Contact
from domain.drafts.models import Draft, DraftRun
from domain.due.models import Due
from domain.proposals.soon import LEARN_TASK
from tests.domain.desk import Desk


def _again(seen: MessageSeen, chat_id: UUID, **change: object) -> MessageSeen:
    return seen.model_copy(update={"chat_id": chat_id, "history": True, **change})


def _is(stored: ObservationsStored) -> dict[UUID, UUID]:
    return {one.reported: one.chat_id for one in stored.chats}


async def _texts(desk: Desk, chat_id: UUID) -> list[str | None]:
    rows = await desk.all(Message, chat_id=chat_id)
    return [row.text for row in sorted(rows, key=lambda row: row.seq)]


class TestRecognised:
    async def test_a_new_name_is_told_by_a_message_and_nothing_is_doubled(self, desk: Desk) -> None:
        ours, named_anew = new_id(), new_id()
        old, new = desk.seen(ours, "How much is tea?"), desk.seen(ours, "And coffee?")
        await desk.observe(ours, old)
        stored = await desk.observe(named_anew, _again(old, named_anew), _again(new, named_anew, history=False))
        assert stored.chats == [ChatIs(reported=named_anew, chat_id=ours)]
        assert (stored.new_messages, stored.duplicates) == (1, 1)
        assert [chat.id for chat in await desk.all(Chat)] == [ours]
        assert await _texts(desk, ours) == ["How much is tea?", "And coffee?"]

    async def test_what_stands_right_above_a_new_message_is_evidence_too(self, desk: Desk) -> None:
        ours, named_anew = new_id(), new_id()
        old = desk.seen(ours, "How much is tea?")
        await desk.observe(ours, old)
        stored = await desk.observe(named_anew, desk.seen(named_anew, "Hello?", after=old.external_id))
        assert _is(stored) == {named_anew: ours}

    async def test_the_answer_is_the_same_when_it_was_lost(self, desk: Desk) -> None:
        ours, named_anew = new_id(), new_id()
        old, new = desk.seen(ours, "tea?"), desk.seen(ours, "coffee?")
        await desk.observe(ours, old)
        batch = (_again(old, named_anew), _again(new, named_anew))
        answers = [await desk.observe(named_anew, *batch) for _ in range(2)]
        assert [_is(one) for one in answers] == [{named_anew: ours}] * 2
        assert [one.new_messages for one in answers] == [1, 0]

    async def test_namesakes_stay_apart(self, desk: Desk) -> None:
        first, second = new_id(), new_id()
        await desk.observe(first, desk.seen(first, "I am Anna"), title="Anna")
        stored = await desk.observe(second, desk.seen(second, "I am Anna"), title="Anna")
        assert stored.chats == []
        assert [chat.id for chat in await desk.all(Chat)] == [first, second]

    async def test_one_message_of_the_phone_to_many_makes_nobody_one_with_another(self, desk: Desk) -> None:
        anna, ben = new_id(), new_id()
        circular = desk.seen(anna, "We are closed tomorrow", Direction.OUT)
        await desk.observe(anna, desk.seen(anna, "I am Anna"), circular)
        stored = await desk.observe(ben, _again(circular, ben), desk.seen(ben, "I am Ben", after=circular.external_id))
        assert stored.chats == []
        assert await _texts(desk, ben) == ["I am Ben"]

    async def test_another_channel_proves_nothing(self, desk: Desk) -> None:
        other = await Desk(desk.db, desk.tenant, channel_id=new_id()).open()
        ours, theirs = new_id(), new_id()
        seen = desk.seen(ours, "tea?")
        await desk.observe(ours, seen)
        assert (await other.observe(theirs, _again(seen, theirs))).chats == []
        assert {chat.id for chat in await desk.all(Chat)} == {ours, theirs}

    async def test_older_history_goes_above_so_that_the_tail_stays_the_tail(self, desk: Desk) -> None:
        ours, named_anew = new_id(), new_id()
        tail = desk.seen(ours, "How much is tea?")
        await desk.observe(ours, tail)
        older = [desk.seen(named_anew, f"long ago {number}", history=True) for number in (1, 2)]
        await desk.observe(named_anew, *older, _again(tail, named_anew))
        assert await _texts(desk, ours) == ["long ago 1", "long ago 2", "How much is tea?"]
        await desk.approve(await desk.draft_for(ours, "4 EUR"))
        order = await desk.next()
        assert order is not None
        assert order.known_external_ids[0] == tail.external_id
        await desk.arm(order, tail=tail.external_id)


class TestMadeOne:
    async def test_a_chat_first_reported_empty_is_gone_once_a_message_tells(self, desk: Desk) -> None:
        ours, empty = new_id(), new_id()
        seen = desk.seen(ours, "How much is tea?")
        await desk.observe(ours, seen)
        assert (await desk.observe(empty)).chats == []
        assert _is(await desk.observe(empty, _again(seen, empty))) == {empty: ours}
        assert [chat.id for chat in await desk.all(Chat)] == [ours]
        assert len(await desk.all(Contact)) == 1

    async def test_history_that_matches_two_chats_makes_them_one(self, desk: Desk) -> None:
        first, second, third = new_id(), new_id(), new_id()
        one, two = desk.seen(first, "one"), desk.seen(second, "two")
        await desk.observe(first, one)
        await desk.observe(second, two)
        stored = await desk.observe(third, _again(one, third), _again(two, third), desk.seen(third, "three"))
        assert _is(stored) == {third: first}
        assert [chat.id for chat in await desk.all(Chat)] == [first]
        assert await _texts(desk, first) == ["one", "two", "three"]

    async def test_what_waited_goes_back_to_staff_and_the_customer_is_answered(self, desk: Desk) -> None:
        ours, twin = new_id(), new_id()
        seen = desk.seen(ours, "How much is tea?")
        await desk.observe(ours, seen)
        await desk.observe(twin, desk.seen(twin, "Are you there?"))
        (queued,) = await desk.approve(await desk.draft_for(twin, "Yes"))
        await desk.draft_for(ours, "4 EUR")
        version = (await desk.chat(ours)).version
        await desk.observe(twin, _again(seen, twin))
        send = await desk.send(queued)
        assert (send.chat_id, send.status) == (ours, SendStatus.RETURNED)
        assert (await desk.chat(ours)).version > version
        open_drafts = [d for d in await desk.all(Draft, chat_id=ours) if d.status in ("pending", "held")]
        assert [d.parts for d in open_drafts] == [["Yes"]]
        assert [run.state for run in await desk.all(DraftRun, chat_id=ours) if run.state == RunState.DUE] == ["due"]
        assert await desk.next() is None

    async def test_an_armed_send_is_settled_in_the_chat_that_stays(self, desk: Desk) -> None:
        ours, twin = new_id(), new_id()
        seen = desk.seen(ours, "How much is tea?")
        await desk.observe(ours, seen)
        await desk.observe(twin, desk.seen(twin, "Are you there?"))
        await desk.approve(await desk.draft_for(twin, "Yes"))
        order = await desk.next()
        assert order is not None
        await desk.arm(order)
        await desk.observe(twin, _again(seen, twin))
        bubble = desk.bubble()
        settle = await desk.next()
        assert settle is not None
        assert (settle.chat_id, settle.settle_only) == (ours, True)
        await desk.report(order, SendOutcome.SENT, external_id=bubble, tick=Tick.SENT)
        assert (await desk.send(order.send_id)).status == SendStatus.SENT
        assert (await _texts(desk, ours))[-1] == "Yes"

    async def test_two_reports_at_once_make_one_chat(self, desk: Desk) -> None:
        first, second, third = new_id(), new_id(), new_id()
        one, two = desk.seen(first, "one"), desk.seen(second, "two")
        await desk.observe(first, one)
        await desk.observe(second, two)
        await asyncio.gather(
            *(
                desk.observe(chat_id, _again(one, chat_id), _again(two, chat_id))
                for chat_id in (second, third, new_id())
            )
        )
        assert [chat.id for chat in await desk.all(Chat)] == [first]
        assert await _texts(desk, first) == ["one", "two"]

    async def test_a_wish_to_be_left_alone_outlives_the_record_it_was_in(self, desk: Desk) -> None:
        ours, twin = new_id(), new_id()
        seen = desk.seen(ours, "How much is tea?")
        await desk.observe(ours, seen)
        await desk.observe(twin, desk.seen(twin, "STOP"))
        async with desk.db.unit_of_work(desk.tenant) as session:
            contact = await session.get_one(Contact, (desk.tenant, (await desk.chat(twin)).contact_id))
            contact.opted_out_at = (await desk.chat(twin)).created_at
        await desk.observe(twin, _again(seen, twin))
        (left,) = await desk.all(Contact)
        assert left.opted_out_at is not None


async def test_a_draft_in_the_chat_that_went_is_not_lost_beside_one_in_the_chat_that_stays(desk: Desk) -> None:
    ours, twin = new_id(), new_id()
    seen = desk.seen(ours, "How much is tea?")
    await desk.observe(ours, seen)
    await desk.observe(twin, desk.seen(twin, "Are you there?"))
    for chat_id, text in ((ours, "4 EUR"), (twin, "Yes")):
        await desk.approve(await desk.draft_for(chat_id, text))
    await desk.observe(twin, _again(seen, twin))
    waiting = {d.parts[0]: d.status for d in await desk.all(Draft, chat_id=ours) if d.status in ("pending", "held")}
    assert waiting == {"4 EUR": DraftStatus.PENDING, "Yes": DraftStatus.HELD}


class TestAsQuietAsEither:
    """Whatever a person had decided about either chat holds for the one that stays, and ends when they said."""

    async def _twins(self, desk: Desk) -> tuple[UUID, UUID, MessageSeen]:
        ours, twin = new_id(), new_id()
        seen = desk.seen(ours, "How much is tea?")
        await desk.observe(ours, seen)
        await desk.observe(twin, desk.seen(twin, "Are you there?"))
        return ours, twin, seen

    async def _change(self, desk: Desk, chat_id: UUID, body: ChangeChat) -> None:
        async with desk.db.unit_of_work(desk.tenant) as session:
            await chats.change_chat(session, desk.staff, chat_id, body, desk.settings)

    async def test_a_reply_from_the_phone_goes_on_holding_the_machine_back(self, desk: Desk) -> None:
        ours, twin, seen = await self._twins(desk)
        await desk.observe(twin, desk.seen(twin, "Yes, we are", Direction.OUT))
        before = await desk.chat(twin)
        await desk.observe(twin, _again(seen, twin))
        chat = await desk.chat(ours)
        assert before.paused_until is not None
        assert (chat.paused_until, chat.pause_reason) == (before.paused_until, PauseReason.PHONE)
        assert [pause.until for pause in await desk.all(ChatPause, chat_id=ours)] == [before.paused_until]

    @pytest.mark.parametrize("snoozed", [True, False])
    async def test_what_was_due_for_the_chat_that_went_is_due_for_the_one_that_stays(
        self, desk: Desk, snoozed: bool
    ) -> None:
        ours, twin, seen = await self._twins(desk)
        if snoozed:
            until = datetime.now(UTC) + timedelta(hours=1)
            await self._change(desk, twin, ChangeChat(status=ChatStatus.SNOOZED, snoozed_until=until))
        else:
            await desk.observe(twin, desk.seen(twin, "Yes, we are", Direction.OUT))
        await desk.observe(twin, _again(seen, twin))
        rows = {(row.kind, row.id) for row in await desk.all(Due) if row.id in {ours, twin}}
        assert rows == (set() if snoozed else {(pausing.RESUME_TASK, ours), (LEARN_TASK, ours)})

    @pytest.mark.parametrize("modes", [(ChatMode.AUTO, ChatMode.OFF), (ChatMode.OFF, ChatMode.AUTO)])
    async def test_of_two_modes_the_quieter_one_holds(self, desk: Desk, modes: tuple[ChatMode, ChatMode]) -> None:
        ours, twin, seen = await self._twins(desk)
        async with desk.db.unit_of_work(desk.tenant) as session:
            for chat_id, mode in zip((ours, twin), modes, strict=True):
                (await session.get_one(Chat, (desk.tenant, chat_id))).mode = mode
        await desk.observe(twin, _again(seen, twin))
        assert (await desk.chat(ours)).mode == ChatMode.OFF
