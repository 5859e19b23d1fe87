"""Greeting and away texts of WhatsApp Business look like a person's reply; what tells them apart must not take a person for a machine."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from core.contracts.channels import AutomationText, JudgeAutomation
from core.contracts.chats import ChangeChat
from core.contracts.events import Event, EventType
from core.contracts.ids import new_id
from core.contracts.states import AutomationState, Direction, DraftStatus, MessageOrigin, PauseReason, RunState
from core.db.session import Effects, Ring
from core.errors import InvalidInput, NotFound
from core.jobs.registry import Resources
from core.settings import Settings
from domain.audit.models import AuditEntry
from domain.chats import automation
from domain.chats import service as chats
from domain.chats.models import AutomationSighting, Message
from domain.drafts import results
from domain.drafts.models import Draft, DraftRun
from domain.due.models import Due
from domain.tasks import settle_automation
from tests.domain.desk import Desk

AWAY = "Thanks for your message! We are back on Monday at 9."


def minute(ago: int = 0) -> datetime:
    """Return a minute as WhatsApp shows one."""
    return datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=ago)


async def asked(desk: Desk, *, own: str | None = AWAY, shown: tuple[int, int] | None = None, apart: float = 0) -> UUID:
    """Let a customer write and an own text follow: `shown` minutes ago by the page, `apart` seconds by our observation."""
    chat_id = new_id()
    at = [{"wa_at": minute(ago)} for ago in shown] if shown else [{}, {}]
    question = desk.seen(chat_id, "What does tea cost?", **at[0])
    if apart:
        await desk.observe(chat_id, question)
        await back_by(desk, chat_id, apart)
    following = [] if own is None else [desk.seen(chat_id, own, Direction.OUT, **at[1])]
    await desk.observe(chat_id, *([] if apart else [question]), *following)
    return chat_id


async def back_by(desk: Desk, chat_id: UUID, seconds: float) -> None:
    """Let what a chat holds have been observed that much earlier."""
    async with desk.db.unit_of_work(desk.tenant) as session:
        await session.execute(
            text("update messages set received_at = received_at - make_interval(secs => :s) where chat_id = :c"),
            {"s": seconds, "c": chat_id},
        )


async def origins(desk: Desk, chat_ids: Sequence[UUID]) -> list[str]:
    rows = await desk.all(Message, direction=Direction.OUT)
    return [next(m.origin for m in rows if m.chat_id == chat_id) for chat_id in chat_ids]


async def texts(desk: Desk) -> list[AutomationText]:
    async with desk.db.unit_of_work(desk.tenant) as session:
        return await automation.list_automations(session)


async def settle(desk: Desk) -> None:
    """Do what the worker does when it is rung for the one text."""
    (known,) = await texts(desk)
    await settle_automation(Resources(Settings(desk=desk.settings), desk.db), desk.tenant, known.id)
    async with desk.db.without_tenant() as session:
        assert await session.get(Due, (desk.tenant, automation.SETTLE_TASK, known.id)) is None


async def judge(desk: Desk, state: AutomationState) -> AutomationText:
    (known,) = await texts(desk)
    async with desk.db.unit_of_work(desk.tenant) as session:
        return await automation.judge(session, desk.staff, known.id, JudgeAutomation(state=state))


async def due_runs(desk: Desk, chat_id: UUID) -> int:
    return len([r for r in await desk.all(DraftRun, chat_id=chat_id) if r.state == RunState.DUE])


async def reasons(desk: Desk, chat_ids: Sequence[UUID]) -> list[PauseReason | None]:
    async with desk.db.unit_of_work(desk.tenant) as session:
        return [(await chats.get_chat(session, chat_id)).pause_reason for chat_id in chat_ids]


class TestRecognising:
    async def test_the_third_chat_makes_it_known_and_the_first_two_are_set_right(
        self, desk: Desk, effects: Effects
    ) -> None:
        first, second = (
            await asked(desk),
            await asked(desk, own="Thanks for  your message! *We* are back on Monday at 9."),
        )
        assert await origins(desk, [first, second]) == [MessageOrigin.PHONE] * 2
        assert await reasons(desk, [first, second]) == [PauseReason.PHONE] * 2
        effects.seen.clear()
        third = await asked(desk)
        (known,) = await texts(desk)
        assert (known.text, known.state, known.chats) == (AWAY, AutomationState.RECOGNISED, 3)
        assert Ring(automation.SETTLE_TASK, desk.tenant, known.id) in effects.seen
        assert EventType.CHANNEL_UPDATED in [one.type for one in effects.seen if isinstance(one, Event)]
        assert [e.action for e in await desk.all(AuditEntry, subject_id=known.id)] == ["automation.recognised"]
        await settle(desk)
        everyone = [first, second, third]
        assert await origins(desk, everyone) == [MessageOrigin.AUTOMATION] * 3
        assert await reasons(desk, everyone) == [None] * 3
        assert [await due_runs(desk, chat_id) for chat_id in everyone] == [1, 1, 1]

    async def test_from_then_on_it_is_known_at_once_even_if_it_is_seen_late(self, desk: Desk) -> None:
        for _ in range(3):
            await asked(desk)
        late = await asked(desk, shown=(1, 0), apart=60)
        assert await origins(desk, [late]) == [MessageOrigin.AUTOMATION]
        assert (await texts(desk))[0].chats == 4

    async def test_a_bridge_that_was_away_over_night_goes_by_the_minute(self, desk: Desk) -> None:
        last = [await asked(desk, shown=(600 + n, 600 + n)) for n in range(3)][-1]
        assert await origins(desk, [last]) == [MessageOrigin.AUTOMATION]

    async def test_a_greeting_and_an_away_text_below_one_question_are_both_known(self, desk: Desk) -> None:
        for _ in range(3):
            chat_id = await asked(desk, own="Welcome to the shop!")
            await desk.observe(chat_id, desk.seen(chat_id, AWAY, Direction.OUT))
        assert {one.text for one in await texts(desk)} == {"Welcome to the shop!", AWAY}

    async def test_what_is_old_does_not_count(self, desk: Desk) -> None:
        for _ in range(2):
            await asked(desk)
        async with desk.db.unit_of_work(desk.tenant) as session:
            await session.execute(text("update automation_sightings set seen_at = seen_at - interval '8 days'"))
        await asked(desk)
        assert await texts(desk) == []
        assert len(await desk.all(AutomationSighting)) == 1

    async def test_it_is_known_on_its_own_channel_only(self, desk: Desk) -> None:
        for _ in range(3):
            await asked(desk)
        other = await Desk(desk.db, desk.tenant).open()
        assert await origins(desk, [await asked(other)]) == [MessageOrigin.PHONE]


class TestAPersonIsNotMissed:
    async def stays_a_person(self, desk: Desk, chat_ids: Sequence[UUID]) -> None:
        assert await texts(desk) == []
        assert await origins(desk, chat_ids) == [MessageOrigin.PHONE] * len(chat_ids)
        assert await reasons(desk, chat_ids) == [PauseReason.PHONE] * len(chat_ids)

    async def test_who_types_the_same_hello_by_hand_needs_longer_than_ten_seconds(self, desk: Desk) -> None:
        await self.stays_a_person(desk, [await asked(desk, own="Hello!", apart=11) for _ in range(4)])
        await self.stays_a_person(desk, [await asked(desk, own="Hi!", shown=(0, 0), apart=11) for _ in range(4)])

    async def test_who_answers_minutes_later_though_a_bridge_saw_both_at_once(self, desk: Desk) -> None:
        await self.stays_a_person(desk, [await asked(desk, own="Hello!", shown=(600, 599)) for _ in range(4)])
        await self.stays_a_person(desk, [await asked(desk, own="Sorry!", shown=(2, 0)) for _ in range(4)])

    async def test_who_says_the_same_several_times_in_two_chats(self, desk: Desk) -> None:
        once, twice = await asked(desk), await asked(desk)
        await desk.observe(twice, desk.seen(twice, "Hello?"), desk.seen(twice, AWAY, Direction.OUT))
        await self.stays_a_person(desk, [once, twice])

    async def test_who_writes_without_being_asked(self, desk: Desk) -> None:
        found = []
        for _ in range(4):
            chat_id = await desk.customer_writes("Thanks, bye!")
            await desk.observe(chat_id, desk.seen(chat_id, "You are welcome", Direction.OUT))
            await back_by(desk, chat_id, 3600)
            await desk.observe(chat_id, desk.seen(chat_id, "Your parcel is here", Direction.OUT))
            found.append(chat_id)
        assert "Your parcel is here" not in {one.text for one in await texts(desk)}

    async def test_whose_bubble_stands_below_one_that_the_desk_has_not_read(self, desk: Desk) -> None:
        found = []
        for _ in range(4):
            chat_id = await desk.customer_writes("What does tea cost?")
            await desk.observe(chat_id, desk.seen(chat_id, "Hello!", Direction.OUT, after="3EB0UNREAD"))
            found.append(chat_id)
        await self.stays_a_person(desk, found)

    async def test_who_sends_a_picture(self, desk: Desk) -> None:
        await self.stays_a_person(desk, [await asked(desk, own="") for _ in range(4)])


class TestTheCustomerStillWaits:
    async def known(self, desk: Desk) -> UUID:
        for _ in range(2):
            await asked(desk)
        last = await asked(desk)
        await settle(desk)
        return last

    async def test_the_chat_stays_on_top_and_its_words_are_drafted_for(self, desk: Desk) -> None:
        chat_id = await self.known(desk)
        async with desk.db.unit_of_work(desk.tenant) as session:
            seen = await chats.context(session, chat_id)
        assert seen.chat.needs_person
        assert seen.chat.last_preview == "What does tea cost?"
        claimed = await desk.claim(chat_id)
        async with desk.db.unit_of_work(desk.tenant) as session:
            loaded = await results.load_input(session, claimed, desk.settings)
        assert loaded.conversation.burst_text() == "What does tea cost?"
        assert loaded.conversation.history == []

    async def test_the_context_says_when_it_was_answered_by_itself(self, desk: Desk) -> None:
        chat_id = await self.known(desk)
        async with desk.db.unit_of_work(desk.tenant) as session:
            (answer,) = [m for m in (await chats.context(session, chat_id)).messages if m.direction == Direction.OUT]
            assert (await chats.context(session, chat_id)).automation_at == answer.received_at
            after = answer.received_at + timedelta(microseconds=1)
            assert await automation.automation_answered(session, chat_id, answer.received_at) == answer.received_at
            assert await automation.automation_answered(session, chat_id, after) is None
        await desk.customer_writes("Hello?", chat_id)
        async with desk.db.unit_of_work(desk.tenant) as session:
            assert (await chats.context(session, chat_id)).automation_at is None

    async def test_like_every_new_message_it_retires_the_draft_and_another_is_due(self, desk: Desk) -> None:
        await self.known(desk)
        chat_id = await desk.customer_writes("How much is tea?")
        await desk.draft_for(chat_id, "Tea costs 4 EUR.")
        await desk.observe(chat_id, desk.seen(chat_id, AWAY, Direction.OUT))
        assert [d.status for d in await desk.all(Draft, chat_id=chat_id)] == [DraftStatus.SUPERSEDED]
        assert await due_runs(desk, chat_id) == 1

    async def test_a_run_that_it_overtakes_is_followed_by_another(self, desk: Desk) -> None:
        await self.known(desk)
        chat_id = await desk.customer_writes("How much is tea?")
        claimed = await desk.claim(chat_id)
        await desk.observe(chat_id, desk.seen(chat_id, AWAY, Direction.OUT))
        async with desk.db.unit_of_work(desk.tenant) as session:
            await session.execute(text("delete from draft_runs where state = 'due'"))
        assert await desk.store(claimed, "Tea costs 4 EUR.") == DraftStatus.SUPERSEDED
        assert await due_runs(desk, chat_id) == 1


class TestOtherPauses:
    async def test_what_a_person_did_before_or_after_stays(self, desk: Desk) -> None:
        before = await desk.customer_writes("What does tea cost?")
        async with desk.db.unit_of_work(desk.tenant) as session:
            await chats.take_over(session, desk.staff, before, desk.settings)
        await desk.observe(before, desk.seen(before, "And coffee?"), desk.seen(before, AWAY, Direction.OUT))
        after = await asked(desk)
        await desk.observe(after, desk.seen(after, "Hello?"), desk.seen(after, "Yes, I am here", Direction.OUT))
        await asked(desk)
        await settle(desk)
        assert await reasons(desk, [before, after]) == [PauseReason.TAKEOVER, PauseReason.PHONE]
        assert await due_runs(desk, before) == await due_runs(desk, after) == 0

    async def test_a_chat_that_was_resumed_stays_resumed(self, desk: Desk) -> None:
        chat_id = await asked(desk)
        async with desk.db.unit_of_work(desk.tenant) as session:
            await chats.change_chat(session, desk.staff, chat_id, ChangeChat(resume=True), desk.settings)
        await asked(desk)
        await asked(desk)
        await settle(desk)
        assert await reasons(desk, [chat_id]) == [None]


class TestAnOwnersWord:
    async def test_a_person_after_all_gets_everything_back_and_is_never_taken_for_a_machine_again(
        self, desk: Desk
    ) -> None:
        everyone = [await asked(desk) for _ in range(3)]
        await settle(desk)
        await desk.draft_for(everyone[0], "Tea costs 4 EUR.")
        judged = await judge(desk, AutomationState.PERSON)
        assert judged.state is AutomationState.PERSON
        await settle(desk)
        assert await origins(desk, everyone) == [MessageOrigin.PHONE] * 3
        assert await reasons(desk, everyone) == [PauseReason.PHONE] * 3
        assert [d.status for d in await desk.all(Draft, chat_id=everyone[0])] == [DraftStatus.SUPERSEDED]
        assert [await due_runs(desk, chat_id) for chat_id in everyone] == [0, 0, 0]
        following = await asked(desk)
        assert await origins(desk, [following]) == [MessageOrigin.PHONE]
        assert await reasons(desk, [following]) == [PauseReason.PHONE]
        assert (await desk.all(AuditEntry, action="automation.judged"))[-1].fields == {"state": "person"}

    async def test_a_persons_old_reply_rests_nothing_any_more(self, desk: Desk) -> None:
        everyone = [await asked(desk) for _ in range(3)]
        await settle(desk)
        draft = await desk.draft_for(everyone[0], "Tea costs 4 EUR.")
        await back_by(desk, everyone[0], 13 * 3600)
        await judge(desk, AutomationState.PERSON)
        await settle(desk)
        assert await origins(desk, everyone) == [MessageOrigin.PHONE] * 3
        assert await reasons(desk, everyone) == [None, PauseReason.PHONE, PauseReason.PHONE]
        assert (await desk.pending(everyone[0])).id == draft.id

    async def test_what_comes_in_while_it_is_judged_stands_as_judged(self, desk: Desk) -> None:
        everyone = [await asked(desk) for _ in range(3)]
        for state, origin in [(AutomationState.PERSON, "phone"), (AutomationState.KEPT, "automation")] * 3:
            meanwhile = asked(desk) if state is AutomationState.PERSON else asyncio.sleep(0, everyone[0])
            found, _ = await asyncio.gather(meanwhile, judge(desk, state))
            everyone.append(found)
            await settle(desk)
            seen = {row.chat_id for row in await desk.all(AutomationSighting)}
            assert set(await origins(desk, [chat_id for chat_id in everyone if chat_id in seen])) == {origin}

    async def test_kept_it_stays_known_and_asks_no_more(self, desk: Desk) -> None:
        for _ in range(3):
            await asked(desk)
        await judge(desk, AutomationState.KEPT)
        await settle(desk)
        assert [one.state for one in await texts(desk)] == [AutomationState.KEPT]
        assert await origins(desk, [await asked(desk)]) == [MessageOrigin.AUTOMATION]

    async def test_nobody_judges_back_to_the_guess_or_what_is_not_there(self, desk: Desk) -> None:
        for _ in range(3):
            await asked(desk)
        with pytest.raises(InvalidInput):
            await judge(desk, AutomationState.RECOGNISED)
        async with desk.db.unit_of_work(desk.tenant) as session:
            with pytest.raises(NotFound):
                await automation.judge(session, desk.staff, new_id(), JudgeAutomation(state=AutomationState.KEPT))
