"""Every kind is a typed row; what raises the version, what wakes the drafter, and what is older than the answer window."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.contracts.ids import new_id
from core.contracts.states import ChatMode, Direction, MessageKind, MessageOrigin, RunReason
from core.errors import Conflict
from domain.chats import service as chats
from domain.chats.models import Message, MessageRevision
from domain.chats.repository import lock_chat, newest_external_ids
from domain.drafts import results
from domain.drafts.models import Draft, DraftRun
from domain.sends import outbox
from tests.domain.desk import Desk

SILENT = {MessageKind.REACTION, MessageKind.SYSTEM, MessageKind.CALL}
DAY = timedelta(days=1)


@pytest.mark.parametrize("kind", list(MessageKind))
async def test_each_kind_is_a_row_and_only_words_to_us_want_an_answer(desk: Desk, kind: MessageKind) -> None:
    chat_id = new_id()
    await desk.observe(chat_id, desk.seen(chat_id, "hello", history=True))
    version = (await desk.chat(chat_id)).version
    await desk.observe(chat_id, desk.seen(chat_id, "👍", kind=kind))
    row = (await desk.all(Message, chat_id=chat_id))[-1]
    assert (row.kind, row.text) == (kind, "👍")
    chat = await desk.chat(chat_id)
    assert (chat.version > version) == (kind not in SILENT)
    assert bool(await desk.all(DraftRun, chat_id=chat_id)) == (kind not in SILENT)


async def test_a_reaction_is_nobodys_last_word_and_proves_no_chat(desk: Desk) -> None:
    chat_id = await desk.customer_writes("What does tea cost?")
    await desk.observe(chat_id, desk.seen(chat_id, "4 EUR", Direction.OUT, external_id="OURS"))
    before = await desk.chat(chat_id)
    for direction in (Direction.IN, Direction.OUT):
        reaction = desk.seen(
            chat_id, "❤️", direction, kind=MessageKind.REACTION, external_id=f"~OURS.{direction}", quoted_text="4 EUR"
        )
        await desk.observe(chat_id, reaction)
    after = await desk.chat(chat_id)
    assert (after.version, after.unread, after.paused_until) == (before.version, before.unread, before.paused_until)
    origins = [m.origin for m in await desk.all(Message, chat_id=chat_id) if m.kind == MessageKind.REACTION]
    assert origins == [MessageOrigin.CUSTOMER, MessageOrigin.PHONE]
    async with desk.db.unit_of_work(desk.tenant) as session:
        assert (await newest_external_ids(session, chat_id, 1)) == ["OURS"]
        assert not (await chats.get_chat(session, chat_id)).needs_person


async def test_an_edit_and_a_deletion_are_revisions(desk: Desk) -> None:
    chat_id = new_id()
    said = desk.seen(chat_id, "two teas")
    await desk.observe(chat_id, said)
    versions = [(await desk.chat(chat_id)).version]
    for change in ({"text": "three teas", "edited": True}, {"text": None, "deleted": True}):
        await desk.observe(chat_id, said.model_copy(update=change))
        versions.append((await desk.chat(chat_id)).version)
    assert versions == sorted(set(versions))
    kept = [(r.kind, r.text) for r in await desk.all(MessageRevision)]
    assert sorted(kept) == [("deleted", "three teas"), ("edited", "two teas")]


LATE = [
    ("just now", [("in", 0)], False),
    ("a day and an hour ago", [("in", 25)], True),
    ("late, then again now", [("in", 72), ("in", 0)], True),
    ("late and answered, then again now", [("in", 72), ("out", 71), ("in", 0)], False),
    ("unknown below a fresh text", [("in", 1), ("in", None)], False),
    ("unknown below an old text", [("out", 72), ("in", None)], True),
    ("unknown below nothing", [("in", None)], True),
    ("unknown below our own newer word", [("in", 72), ("out", 13), ("in", None)], False),
    ("a date that was misread as days ahead", [("in", -72)], True),
    ("a clock some hours ahead", [("in", -3)], False),
]


@pytest.mark.parametrize(("said", "late"), [(one[1], one[2]) for one in LATE], ids=[one[0] for one in LATE])
async def test_what_is_older_than_the_window_is_never_answered_by_itself(
    desk: Desk, said: list[tuple[str, float | None]], late: bool
) -> None:
    chat_id = new_id()
    now = datetime.now(UTC)
    rows = [
        desk.seen(
            chat_id,
            f"line {number}",
            Direction(side),
            kind=MessageKind.TEXT if hours is not None else MessageKind.LOCATION,
            wa_at=now - timedelta(hours=hours) if hours is not None else None,
        )
        for number, (side, hours) in enumerate(said)
    ]
    await desk.observe(chat_id, *rows)
    (run, *_) = await desk.all(DraftRun, chat_id=chat_id)
    claimed = await desk.claim(chat_id)
    async with desk.db.unit_of_work(desk.tenant) as session:
        loaded = await results.load_input(session, claimed, desk.settings)
    assert (run.chat_id, loaded.conversation.late) == (chat_id, late)
    async with desk.db.unit_of_work(desk.tenant) as session:
        chat = await lock_chat(session, chat_id)
        draft = Draft(
            tenant_id=desk.tenant, id=new_id(), chat_id=chat_id, parts=["We open at ten."], decided_by=None
        )  # fmt: skip
        if late:
            with pytest.raises(Conflict) as refused:
                await outbox.queue(session, chat, draft, desk.settings, automatic=True)
            assert refused.value.reason_code == "answer_window"


async def test_history_from_before_linking_is_never_answered_by_itself(desk: Desk) -> None:
    chat_id = new_id()
    await desk.observe(chat_id, desk.seen(chat_id, "asked before linking", history=True))
    assert await desk.all(DraftRun, chat_id=chat_id) == []
    await desk.observe(chat_id, desk.seen(chat_id, "hello?"))
    claimed = await desk.claim(chat_id)
    async with desk.db.unit_of_work(desk.tenant) as session:
        loaded = await results.load_input(session, claimed, desk.settings)
        of_a_person = await results.load_input(session, replace(claimed, reason=RunReason.CHECK), desk.settings)
    assert (loaded.conversation.late, loaded.mode) == (True, ChatMode.DRAFT)
    assert not of_a_person.conversation.late  # whoever writes has read the chat


async def test_a_gap_that_was_answered_on_the_phone_wakes_nobody(desk: Desk) -> None:
    chat_id = await desk.customer_writes("When do you open?")
    then = datetime.now(UTC) - 3 * DAY
    await desk.observe(
        chat_id,
        desk.seen(chat_id, "hello?", wa_at=then),
        desk.seen(chat_id, "at ten", Direction.OUT, wa_at=then + timedelta(minutes=5)),
        desk.seen(chat_id, "thanks", wa_at=then + timedelta(minutes=6)),
        desk.seen(chat_id, "welcome", Direction.OUT, wa_at=then + timedelta(minutes=7)),
    )
    assert [run.state for run in await desk.all(DraftRun, chat_id=chat_id) if run.state == "due"] == []
    paused = (await desk.chat(chat_id)).paused_until
    assert paused is None or paused < datetime.now(UTC), "a reply of three days ago holds nobody up today"
    await desk.customer_writes("And on Sunday?", chat_id)
    assert await desk.claim(chat_id)
