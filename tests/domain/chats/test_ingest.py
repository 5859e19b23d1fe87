"""What a bridge saw is stored once and in order, and only the right things follow from it."""

import asyncio

from sqlalchemy import text

from core.contracts.bridge import ChatSeen, FileSeen, Observations, SendOutcome
from core.contracts.chats import ChangeChat
from core.contracts.ids import new_id
from core.contracts.states import (
    ChatKind,
    ChatMode,
    ChatStatus,
    Direction,
    DraftStatus,
    MessageKind,
    MessageOrigin,
    RunState,
    Tick,
)
from domain.chats import service as chats
from domain.chats.ingest import ingest_observations
from domain.chats.models import Attachment, Chat, Message, MessageRevision
from domain.contacts.models import Contact
from domain.drafts import results
from domain.drafts.models import Draft, DraftRun
from tests.domain.desk import Desk


class TestOnce:
    async def test_a_repeated_batch_changes_nothing(self, desk: Desk) -> None:
        chat_id = new_id()
        batch = [desk.seen(chat_id, f"line {n}") for n in range(5)]
        first = await desk.observe(chat_id, *batch)
        version = (await desk.chat(chat_id)).version
        again = await desk.observe(chat_id, *batch)
        assert (first.new_messages, again.new_messages, again.duplicates) == (5, 0, 5)
        assert (await desk.chat(chat_id)).version == version
        assert [m.seq for m in await desk.all(Message, chat_id=chat_id)] == [1, 2, 3, 4, 5]

    async def test_a_burst_is_one_run_and_its_due_time_has_an_end(self, desk: Desk) -> None:
        desk.settings = desk.settings.model_copy(update={"quiet_seconds": 2.0, "quiet_max_seconds": 3.0})
        chat_id = await desk.customer_writes("How")
        async with desk.db.unit_of_work(desk.tenant) as session:
            await session.execute(text("update draft_runs set first_due_at = first_due_at - interval '2 seconds'"))
        await desk.customer_writes("much?", chat_id)
        (run,) = await desk.all(DraftRun, chat_id=chat_id)
        assert 2.8 < (run.due_at - run.first_due_at).total_seconds() <= 3.0

    async def test_the_same_batch_at_the_same_time_is_stored_once(self, desk: Desk) -> None:
        chat_id = new_id()
        message = desk.seen(chat_id, "Hello?")
        stored = await asyncio.gather(*(desk.observe(chat_id, message) for _ in range(4)))
        assert sorted(one.new_messages for one in stored) == [0, 0, 0, 1]

    async def test_what_no_column_holds_does_not_hold_the_batch_up(self, desk: Desk) -> None:
        chat_id = new_id()
        await desk.observe(chat_id, desk.seen(chat_id, "a\0b", files=[FileSeen(size=3 * 2**30)]))
        (message,) = await desk.all(Message, chat_id=chat_id)
        (file,) = await desk.all(Attachment, message_id=message.id)
        assert (message.text, file.size) == ("ab", None)


class TestWhatFollows:
    async def test_our_own_bubble_seen_before_its_report_is_no_reply_from_the_phone(self, desk: Desk) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        await desk.approve(await desk.draft_for(chat_id, "Tea costs 4 EUR."))
        order = await desk.next()
        assert order is not None
        await desk.arm(order)
        bubble = desk.bubble()
        version = (await desk.chat(chat_id)).version
        await desk.observe(chat_id, desk.seen(chat_id, order.text, Direction.OUT, external_id=bubble, tick=Tick.SENT))
        await desk.report(order, SendOutcome.SENT, external_id=bubble)
        chat = await desk.chat(chat_id)
        assert (chat.version, chat.paused_until) == (version, None)
        out = [m for m in await desk.all(Message, chat_id=chat_id) if m.direction == Direction.OUT]
        assert [(m.send_id, m.origin) for m in out] == [(order.send_id, MessageOrigin.DESK)]

    async def test_a_reply_from_the_phone_retires_the_draft_and_rests_the_machine(self, desk: Desk) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        await desk.draft_for(chat_id, "Tea costs 4 EUR.")
        await desk.observe(chat_id, desk.seen(chat_id, "4 euros", Direction.OUT))
        assert [d.status for d in await desk.all(Draft, chat_id=chat_id)] == [DraftStatus.SUPERSEDED]
        await desk.customer_writes("Thanks, and coffee?", chat_id)
        assert [r.state for r in await desk.all(DraftRun, chat_id=chat_id)] == [RunState.DONE]
        async with desk.db.unit_of_work(desk.tenant) as session:
            assert (await chats.get_chat(session, chat_id)).needs_person

    async def test_history_is_shown_and_never_answered(self, desk: Desk) -> None:
        chat_id = new_id()
        await desk.observe(chat_id, desk.seen(chat_id, "an old question", history=True))
        assert await desk.all(DraftRun, chat_id=chat_id) == []
        assert (await desk.chat(chat_id)).unread == 0

    async def test_an_edit_and_a_deletion_keep_what_was_there_and_retire_the_draft(self, desk: Desk) -> None:
        chat_id, one, two = new_id(), desk.bubble(), desk.bubble()
        await desk.observe(
            chat_id, desk.seen(chat_id, "tea?", external_id=one), desk.seen(chat_id, "hm", external_id=two)
        )
        await desk.draft_for(chat_id, "Tea costs 4 EUR.")
        await desk.observe(
            chat_id,
            desk.seen(chat_id, "coffee?", external_id=one, edited=True),
            desk.seen(chat_id, None, external_id=two, deleted=True),
        )
        revisions = await desk.all(MessageRevision)
        assert {(r.kind, r.text) for r in revisions} == {("edited", "tea?"), ("deleted", "hm")}
        assert [d.status for d in await desk.all(Draft, chat_id=chat_id)] == [DraftStatus.SUPERSEDED]

    async def test_a_reaction_changes_nothing_that_waits(self, desk: Desk) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        draft = await desk.draft_for(chat_id, "Tea costs 4 EUR.")
        await desk.observe(chat_id, desk.seen(chat_id, "👍", kind=MessageKind.REACTION))
        assert (await desk.pending(chat_id)).id == draft.id

    async def test_mode_off_makes_no_draft(self, desk: Desk) -> None:
        chat_id = await desk.customer_writes("one")
        async with desk.db.unit_of_work(desk.tenant) as session:
            await session.execute(text("delete from draft_runs"))
            await session.execute(text("update chats set mode = :m").bindparams(m=ChatMode.OFF))
        await desk.customer_writes("two", chat_id)
        assert await desk.all(DraftRun, chat_id=chat_id) == []

    async def test_a_group_leaves_nothing(self, desk: Desk) -> None:
        chat_id = new_id()
        async with desk.db.unit_of_work(desk.tenant) as session:
            body = Observations(
                epoch=desk.epoch,
                chats=[ChatSeen(id=chat_id, kind=ChatKind.GROUP, title="Family canary")],
                messages=[desk.seen(chat_id, "canary text")],
            )
            stored = await ingest_observations(session, desk.bridge, body, desk.settings)
        assert (stored.new_messages, stored.ignored) == (0, 2)
        assert await desk.all(Chat) == []
        assert await desk.all(Contact) == []

    async def test_a_customer_reopens_a_resolved_chat_and_the_old_case_is_not_drafted_again(self, desk: Desk) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        async with desk.db.unit_of_work(desk.tenant) as session:
            await chats.change_chat(session, desk.staff, chat_id, ChangeChat(status=ChatStatus.RESOLVED), desk.settings)
        await desk.customer_writes("New thing: coffee?", chat_id)
        assert (await desk.chat(chat_id)).status == ChatStatus.OPEN
        claimed = await desk.claim(chat_id)
        async with desk.db.unit_of_work(desk.tenant) as session:
            loaded = await results.load_input(session, claimed, desk.settings)
        assert loaded.conversation.burst_text() == "New thing: coffee?"
        assert loaded.conversation.history == []


async def test_chats_that_need_a_person_come_first_and_pages_fit_together(desk: Desk) -> None:
    waiting = [await desk.customer_writes(f"question {n}") for n in range(3)]
    answered = await desk.customer_writes("asked and answered")
    await desk.observe(answered, desk.seen(answered, "done", Direction.OUT))
    async with desk.db.unit_of_work(desk.tenant) as session:
        first = await chats.list_chats(session, limit=2)
        second = await chats.list_chats(session, limit=2, cursor=first.next_cursor)
        found = await chats.list_chats(session, words="question 1")
    assert [c.id for c in first.items + second.items] == [*waiting, answered]
    assert second.next_cursor is None
    assert [c.id for c in found.items] == [waiting[1]]
