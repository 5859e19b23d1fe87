"""What the desk learns from what staff send: each rule on real rows, with the real historian."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import delete, select, update

from agents import historian
from core.aal.language import LanguageDetector
from core.contracts.bridge import SendOutcome
from core.contracts.history import DateOrder, PastChat, PastMessage, ReadHistory, SideReason
from core.contracts.ids import new_id
from core.contracts.proposals import ProposalKind, ProposalOrigin, ProposalState
from core.contracts.states import Direction
from core.db.session import Database
from core.errors import InvalidInput, ProviderError
from core.storage.blobs import LocalBlobs
from domain.chats.models import Chat, Message
from domain.due.models import Due
from domain.history import service as history
from domain.proposals.comparing import compare
from domain.proposals.soon import COMPARE_TASK, LEARN_TASK
from domain.sends.models import Send
from tests.conftest import make_tenant
from tests.domain.desk import Desk
from tests.domain.proposals.school import Interrupted, School

WRAP, YES = "Do you gift wrap candles?", "Yes, we gift wrap every candle for 3 EUR."
PARKING = "Is there parking at the shop?"


async def _due(school: School, task: str = LEARN_TASK) -> list[UUID]:
    async with school.desk.db.unit_of_work(school.desk.tenant) as session:
        rows = await session.scalars(select(Due.id).where(Due.tenant_id == school.desk.tenant, Due.kind == task))
        return list(rows)


async def test_a_question_without_an_answer_gets_the_one_that_staff_type(school: School) -> None:
    chat_id = await school.asks(WRAP)
    await school.look(chat_id)
    assert await school.told() == [("unanswered", WRAP, "")]
    await school.types(chat_id, "Hi Anna,", YES)
    await school.look(chat_id)
    assert await school.told() == [("staff_answer", WRAP, YES)]
    (proposal,) = await school.proposed()
    assert (proposal.seen, proposal.last_seen_on) == (1, datetime.now(UTC).date())
    assert await _due(school) == []


async def test_a_reply_on_the_phone_answers_too(school: School) -> None:
    chat_id = await school.asks(WRAP)
    await school.phones(chat_id, YES)
    await school.look(chat_id)
    assert await school.told() == [("staff_answer", WRAP, YES)]


async def test_where_nothing_was_drafted_the_knowledge_is_asked(school: School) -> None:
    school.shelf.put("wrap")
    for question in (WRAP, PARKING):
        chat_id = await school.desk.customer_writes(question)
        await school.phones(chat_id, "Yes, with pleasure, behind the house.")
        await school.look(chat_id)
    assert await school.told() == [("staff_answer", PARKING, "Yes, with pleasure, behind the house.")]


async def test_a_draft_that_was_corrected_is_proposed_with_what_it_had_cited(school: School) -> None:
    chat_id = await school.asks(WRAP, draft="Yes, we gift wrap every candle for 2 EUR.")
    await school.edits(chat_id, YES)
    await school.look(chat_id)
    (proposal,) = await school.proposed()
    assert proposal.origin is ProposalOrigin.STAFF_EDIT
    assert proposal.answer is not None
    assert (proposal.answer.answer, proposal.answer.drafted) == (YES, "Yes, we gift wrap every candle for 2 EUR.")
    assert [one.title for one in proposal.answer.cited] == ["House rules"]


async def test_other_words_for_the_same_are_no_correction(school: School) -> None:
    draft = "We are open on Saturdays from 9 to 13."
    chat_id = await school.asks("When are you open on Saturdays?", draft=draft)
    await school.edits(chat_id, "Hello Anna! You can come by on Saturdays between 9 and 13. See you soon!")
    await school.look(chat_id)
    unchanged = await school.asks(WRAP, draft=YES)
    await school.desk.approve(await school.desk.pending(unchanged))
    await school.send()
    await school.look(unchanged)
    assert await school.told() == []


async def test_the_missing_half_of_a_reply_is_what_was_added_to_it(school: School) -> None:
    said = "We are open on Saturdays from 9 to 13."
    chat_id = await school.asks(f"When are you open on Saturdays? {WRAP}", draft=said, missing=(WRAP,))
    await school.edits(chat_id, f"{said} {YES}")
    await school.look(chat_id)
    assert await school.told() == [("staff_edit", WRAP, YES)]


async def test_only_what_left_counts(school: School) -> None:
    chat_id = await school.asks(WRAP, draft="Yes, we gift wrap every candle for 2 EUR.")
    await school.edits(chat_id, YES, send=False)
    await school.look(chat_id)
    assert await school.told() == []
    order = await school.desk.next()
    assert order is not None
    await school.desk.arm(order)
    await school.look(chat_id)
    assert await school.told() == []
    await school.desk.report(order, SendOutcome.UNKNOWN)
    await school.look(chat_id)
    assert await school.told() == []
    await school.desk.report(order, SendOutcome.SENT)
    assert await _due(school) == [chat_id]
    await school.look(chat_id)
    assert await school.told() == [("staff_edit", WRAP, YES)]


async def test_a_reply_of_which_a_part_did_not_leave_is_no_answer(school: School) -> None:
    chat_id = await school.asks(WRAP)
    await school.types(chat_id, YES, "Ask at the desk.")
    async with school.desk.db.unit_of_work(school.desk.tenant) as session:
        await session.execute(update(Send).where(Send.part == 1).values(status="returned"))
    await school.look(chat_id)
    assert await school.told() == []


async def test_greetings_of_the_phone_itself_answer_nothing(school: School) -> None:
    greeting = "Our opening hours are on the website, and gift wrap costs 3 EUR."
    for _ in range(2):
        chat_id = await school.asks(WRAP)
        await school.answers_at_once(chat_id, greeting)
        await school.look(chat_id)
    assert await school.told() == [("unanswered", WRAP, "")], "twice may still be chance, and it was sent at once"
    typed = await school.asks(WRAP)
    await school.phones(typed, YES)
    await school.look(typed)
    assert await school.told() == [("staff_answer", WRAP, YES)]


async def test_history_deleted_messages_and_chats_that_are_off_teach_nothing(school: School) -> None:
    desk = school.desk
    old = new_id()
    await desk.observe(old, desk.seen(old, WRAP, history=True), desk.seen(old, YES, Direction.OUT, history=True))
    deleted = await school.asks(WRAP)
    seen = desk.seen(deleted, YES, Direction.OUT)
    await desk.observe(deleted, seen)
    await desk.observe(deleted, seen.model_copy(update={"deleted": True, "text": None}))
    off = await school.asks(PARKING)
    await school.phones(off, "Yes, behind the house.")
    async with desk.db.unit_of_work(desk.tenant) as session:
        await session.execute(update(Chat).where(Chat.id == off).values(mode="off"))
    for chat_id in (old, deleted, off):
        await school.look(chat_id)
    assert await school.told() == [("unanswered", WRAP, "")], "the question whose answer was taken back"


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Do you gift wrap candles?", "Yes. Your order is on its way already."),
        ("Where is my parcel?", "It is with the courier."),
        ("Do you gift wrap candles?", "Ask for 4711882193 at the desk, it is wrapped."),
        ("Do you gift wrap candles?", "Let me check and get back to you."),
        ("Do you gift wrap candles?", "For which day do you need it?"),
    ],
)
async def test_what_is_for_one_customer_or_no_answer_is_not_proposed(
    school: School, question: str, answer: str
) -> None:
    chat_id = await school.asks(question)
    await school.types(chat_id, answer)
    await school.look(chat_id)
    assert [answer for _, _, answer in await school.told()] in ([], [""])


async def test_the_customer_is_taken_out_before_anything_is_kept(school: School) -> None:
    chat_id = await school.asks("I am Anna Karenina. Do you gift wrap candles?")
    await school.types(chat_id, "Yes Anna, for 3 EUR, until 24.12.2031. Call +351 912 345 678.")
    await school.look(chat_id)
    assert await school.told() == [("unanswered", WRAP, "")], "a reply to one person by name answers nobody else"
    other = await school.asks(WRAP)
    await school.types(other, "Yes, for 3 EUR, until 24.12.2031. Call +351 912 345 678.")
    await school.look(other)
    (proposal,) = await school.proposed()
    assert proposal.answer is not None
    assert proposal.answer.answer == "Yes, for 3 EUR, until 24.12.2031. Call [phone]."
    assert proposal.answer.dated
    with pytest.raises(InvalidInput, match=r"\[phone\]"):
        await school.accept(proposal.id)


async def test_the_same_question_of_several_customers_is_one(school: School) -> None:
    first = await school.asks(WRAP)
    await school.look(first)
    second = await school.asks("do you gift wrap the candles")
    await school.types(second, YES)
    await school.look(second)
    third = await school.asks("Hi! Do you gift wrap candles?")
    await school.look(third)
    assert await school.told() == [("staff_answer", WRAP, YES)]
    assert (await school.proposed())[0].seen == 3


async def test_looking_again_and_at_the_same_time_changes_nothing(school: School) -> None:
    chat_id = await school.asks(WRAP)
    await school.types(chat_id, YES)
    await asyncio.gather(*(school.look(chat_id) for _ in range(3)))
    await school.phones(chat_id, "Anything else?")
    await school.look(chat_id)
    (proposal,) = await school.proposed()
    assert proposal.seen == 1


async def test_an_export_of_the_same_chat_counts_nothing_twice(school: School) -> None:
    chat_id = await school.asks(WRAP)
    await school.types(chat_id, YES)
    await school.look(chat_id)
    (asked, _) = await school.desk.all(Message, chat_id=chat_id)
    at = asked.wa_at.replace(tzinfo=None, second=0, microsecond=0)
    said = [PastMessage(at, None, WRAP, direction=Direction.IN), PastMessage(at, None, YES, direction=Direction.OUT)]
    learnt = historian.learn(PastChat(said, "Shop", ["Anna"]), LanguageDetector())
    assert [one.answer for one in learnt.answers] == [YES]
    read = ReadHistory(
        business="Shop", business_known_by=SideReason.NAMED, date_order=DateOrder.DMY, messages=2, first_on=at.date(),
        last_on=at.date(), learnt=learnt,
    )  # fmt: skip
    async with school.desk.db.unit_of_work(school.desk.tenant) as session:
        imported = await history.import_history(session, school.desk.staff, "export", read)
    assert (ProposalKind.ANSWER in imported.proposed, imported.seen_again) == (False, 0)
    assert [one.seen for one in await school.proposed() if one.answer] == [1]


async def test_a_worker_that_is_killed_is_followed_by_another(school: School) -> None:
    chat_id = await school.asks(WRAP)
    await school.types(chat_id, YES)
    real, school.historian = school.historian, Interrupted(school.historian)
    with pytest.raises(ProcessLookupError):
        await school.look(chat_id)
    assert (await school.told(), await _due(school)) == ([], [chat_id])
    school.historian = real
    await school.look(chat_id)
    assert (await school.told(), await _due(school)) == ([("staff_answer", WRAP, YES)], [])


async def test_what_comes_while_it_looks_is_looked_at_again(school: School) -> None:
    chat_id = await school.asks(WRAP)

    class Slow(Interrupted):
        async def lessons(self, chat, search):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202
            found = await self.inner.lessons(chat, search)
            await school.types(chat_id, YES)
            return found

    real, school.historian = school.historian, Slow(school.historian)
    await school.look(chat_id)
    assert await _due(school) == [chat_id]
    school.historian = real
    await school.look(chat_id)
    assert await school.told() == [("staff_answer", WRAP, YES)]


async def test_a_chat_is_left_alone_until_it_rests(school: School) -> None:
    chat_id = await school.asks(WRAP)
    await school.look(chat_id, timedelta(minutes=5))
    assert await school.told() == []
    async with school.desk.db.unit_of_work(school.desk.tenant) as session:
        at = await session.scalar(select(Due.due_at).where(Due.id == chat_id, Due.kind == LEARN_TASK))
    assert at is not None
    assert timedelta(minutes=4) < at - datetime.now(UTC) <= timedelta(minutes=5)


async def test_a_search_that_is_away_puts_it_off(school: School) -> None:
    chat_id = await school.asks(WRAP)

    class Away:
        async def search(self, *_: object) -> None:
            raise ProviderError("away")

    shelf, school.shelf = school.shelf, Away()  # type: ignore[assignment]
    await school.look(chat_id)
    school.shelf = shelf
    assert (await school.told(), await _due(school)) == ([], [chat_id])


async def test_dismissed_is_dismissed_until_staff_say_something_else(school: School) -> None:
    chat_id = await school.asks(WRAP)
    await school.types(chat_id, YES)
    await school.look(chat_id)
    await school.dismiss((await school.proposed())[0].id)
    await school.look(chat_id)
    again = await school.asks(WRAP)
    await school.types(again, "Yes! Every candle, we gift wrap it for 3 EUR.")
    await school.look(again)
    assert await school.told() == []
    (row,) = await school.proposed(ProposalState.DISMISSED)
    assert row.seen == 2
    other = await school.asks(WRAP)
    await school.types(other, "Gift wrap costs 5 EUR now.")
    await school.look(other)
    assert await school.told() == [("staff_answer", WRAP, "Gift wrap costs 5 EUR now.")]


async def test_an_admin_writes_the_answer_and_the_question_is_gone(school: School) -> None:
    chat_id = await school.asks(WRAP)
    await school.look(chat_id)
    (proposal,) = await school.proposed()
    with pytest.raises(InvalidInput, match="Nobody has answered"):
        await school.accept(proposal.id)
    accepted = await school.accept(proposal.id, answer=YES)
    assert accepted.source_id is not None
    school.shelf.put("wrap", YES)
    later = await school.asks(WRAP)
    await school.look(later)
    assert await school.told() == []


async def test_a_question_that_got_an_exact_answer_says_so(school: School) -> None:
    chat_id = await school.asks(WRAP)
    await school.types(chat_id, YES)
    await school.look(chat_id)
    tenant = school.desk.tenant
    assert await _due(school, COMPARE_TASK) == [tenant]
    (proposal,) = await school.proposed()
    accepted = await school.accept(proposal.id)
    other = await school.asks(PARKING)
    await school.look(other)
    school.shelf.put("parking", "Behind the house.")
    passage = school.shelf.passages["parking"]
    assert accepted.source_id is not None
    school.shelf.passages["parking"] = passage.model_copy(update={"source_id": accepted.source_id})
    await compare(school.desk.db, tenant, school.shelf)
    (proposal,) = await school.proposed()
    assert proposal.answered_by is not None
    assert (proposal.answered_by.source_id, proposal.answered_by.title) == (accepted.source_id, WRAP)
    assert await _due(school, COMPARE_TASK) == []


async def test_two_businesses_learn_apart(school: School, db: Database, tmp_path: Path) -> None:
    theirs = School(await Desk(db, await make_tenant(db, "Theirs")).open(), LocalBlobs(tmp_path))
    chat_id = await school.asks(WRAP)
    await school.types(chat_id, YES)
    await school.look(chat_id)
    other = await theirs.asks(WRAP)
    await theirs.look(other)
    await theirs.look(chat_id)
    assert (await school.told(), await theirs.told()) == (
        [("staff_answer", WRAP, YES)],
        [("unanswered", WRAP, "")],
    )


async def test_a_lost_row_of_due_work_costs_nothing_but_its_time(school: School) -> None:
    chat_id = await school.asks(WRAP)
    async with school.desk.db.unit_of_work(school.desk.tenant) as session:
        await session.execute(delete(Due).where(Due.kind == LEARN_TASK, Due.tenant_id == school.desk.tenant))
    await school.look(chat_id)
    assert await school.told() == []
    await school.types(chat_id, YES)
    await school.look(chat_id)
    assert await school.told() == [("staff_answer", WRAP, YES)]
