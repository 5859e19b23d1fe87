"""A choice that changes, names that repeat or change, and groups: on the real page, by what is told and what is opened."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from core.contracts.bridge import MessageSeen
from core.contracts.ids import new_id
from core.contracts.states import Direction, ReadingChoice
from desktop_bridge.choosing import Wish, choose
from desktop_bridge.errors import ChatLeftOut
from desktop_bridge.journal.choice import Choice
from desktop_bridge.sandbox.models import Chat, ChatKind, JournalKind, NewChat
from desktop_bridge.sends.budget import Budget
from tests.desktop_bridge.stage import Stage, bridge_settings, set_stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    async with set_stage(tmp_path) as stage:
        yield stage


def _choose(stage: Stage, mode: ReadingChoice, *titles: str) -> None:
    log = stage.journal.choice
    log.set(Choice(mode, frozenset(log.key(title) for title in titles)))


async def _scan(stage: Stage, times: int = 3) -> list[tuple[str | None, bool]]:
    """Look over the list some times, and return what was told since the last call: texts, and whether each is history."""
    for _ in range(times):
        await stage.intake.scan()
    await stage.intake.flush()
    told = [(news.text, news.history) for news in stage.told if isinstance(news, MessageSeen)]
    stage.told.clear()
    return told


def _opened(stage: Stage, *chats: Chat) -> bool:
    return bool(
        {e.chat for e in stage.sandbox.state.journal if e.kind is JournalKind.CHAT_OPENED} & {c.id for c in chats}
    )


async def _named(stage: Stage, title: str, *texts: str, **more: object) -> Chat:
    chat = await stage.sandbox.client.add_chat(title, **more)  # type: ignore[arg-type]
    for text in texts:
        await stage.sandbox.client.customer_says(chat.id, text)
    return chat


async def test_what_was_unread_at_linking_is_history_once_its_customer_writes_again(stage: Stage) -> None:
    chat = await _named(stage, "Anna", "from before", "and more")
    assert await _scan(stage) == []
    assert not _opened(stage, chat)
    await stage.sandbox.client.customer_says(chat.id, "When do you open?")
    assert await _scan(stage) == [("from before", True), ("and more", True), ("When do you open?", False)]


async def test_the_same_words_again_are_news_again(stage: Stage) -> None:
    anna = await _named(stage, "Anna")
    await _scan(stage)
    for _ in range(2):
        await stage.sandbox.client.customer_says(anna.id, "ok")
        await _named(stage, "Somebody else", "Hello")  # takes the open chat away from Anna
        assert ("ok", False) in await _scan(stage)


async def test_a_number_that_was_read_on_the_phone_can_be_news_again(stage: Stage) -> None:
    chat = await _named(stage, "Anna", "hi")
    await _scan(stage)
    stage.sandbox.state.mark_read(chat.id)
    await stage.page.reader.until("read.list", lambda rows: not rows[0]["unread"], 3)
    await _scan(stage, 1)
    await stage.sandbox.client.customer_says(chat.id, "hi")
    assert (await _scan(stage))[-1] == ("hi", False)


async def test_a_chat_that_is_taken_in_later_is_not_answered_for_what_it_said_before(stage: Stage) -> None:
    _choose(stage, ReadingChoice.ONLY, "Anna")
    await _scan(stage)
    ben = await _named(stage, "Ben", "not for you")
    anna = await _named(stage, "Anna", "Do you deliver?")
    assert await _scan(stage) == [("Do you deliver?", False)]
    _choose(stage, ReadingChoice.ALL_BUT, "Mum")
    await stage.sandbox.client.customer_says(anna.id, "Hello?")
    assert await _scan(stage) == [("Hello?", False)]
    assert not _opened(stage, ben)
    await stage.sandbox.client.customer_says(ben.id, "Do you, too?")
    assert await _scan(stage) == [("not for you", True), ("Do you, too?", False)]


async def test_a_chat_that_is_left_out_later_is_told_of_no_more_and_forgotten_here(
    stage: Stage, tmp_path: Path
) -> None:
    await _scan(stage)
    mum = await _named(stage, "Mum", "dinner at eight")
    await stage.intake.scan()  # read, and still owed to the server
    await stage.intake.scan()
    chat_id = stage.journal.chats.with_title("Mum")[0].id
    said = choose(bridge_settings(stage.sandbox, tmp_path), Wish(all_but=["mum"]))
    assert said == {"choice": "all_but", "reads": "all chats but those left out by name", "named": 1}
    await stage.sandbox.client.customer_says(mum.id, "and bring bread")
    assert await _scan(stage) == []
    assert [message.text for message in stage.journal.chats.newest(chat_id)] == [None]
    assert (kept := stage.journal.chats.chat(chat_id)) is not None
    assert (kept.title, kept.excluded) == (None, True)
    with pytest.raises(ChatLeftOut):
        Budget(stage.journal.chats, stage.journal.sends, per_hour=9, per_chat_hour=9).allow(chat_id)
    choose(bridge_settings(stage.sandbox, tmp_path), Wish(take_in=["MUM"]))
    await _named(stage, "Ben", "Hello")
    await _scan(stage)
    await stage.sandbox.client.customer_says(mum.id, "thank you")
    assert (await _scan(stage))[-1] == ("thank you", False)
    assert stage.journal.chats.with_title("Mum")[0].id == chat_id


async def test_a_chat_that_was_left_out_stays_so_under_a_new_name(stage: Stage) -> None:
    await _scan(stage)
    mum = await _named(stage, "Mum", "dinner at eight")
    await _scan(stage)
    _choose(stage, ReadingChoice.ALL_BUT, "Mum")
    await _scan(stage)
    await _named(stage, "Ben", "Hello")
    await _scan(stage)
    _rename(stage, mum, "Mama")
    for text in ("it is me", "still me"):
        await stage.sandbox.client.customer_says(mum.id, text)
        assert await _scan(stage) == []
    assert len(stage.journal.choice.wanted().named) == 2


async def test_of_two_chats_under_a_chosen_title_neither_is_opened_and_the_owner_is_told(stage: Stage) -> None:
    _choose(stage, ReadingChoice.ONLY, "Anna", "Ben")
    twins = [await _named(stage, "Anna"), await _named(stage, "Anna")]
    await _scan(stage)
    for twin in twins:
        await stage.sandbox.client.customer_says(twin.id, "Hello")
    await _named(stage, "Ben", "Hi")
    assert await _scan(stage) == [("Hi", False)]
    assert not _opened(stage, *twins)
    assert (stage.intake.scope().named, stage.intake.scope().unclear) == (2, 1)


async def test_of_two_namesakes_who_say_the_same_both_are_read(stage: Stage) -> None:
    await _scan(stage)
    twins = [await _named(stage, "Anna", "ok"), await _named(stage, "Anna", "ok")]
    assert await _scan(stage) == [("ok", False)] * 2
    await _named(stage, "Ben", "Hello")
    await _scan(stage)
    for twin in twins:  # from the phone: no number beside the row, and the same words in both
        await stage.sandbox.client.phone_says(twin.id, "well")
        assert await _scan(stage) == [("well", False)]
        await _named(stage, "Ben", "Hello again")
        await _scan(stage)


async def test_of_two_namesakes_who_looked_alike_at_linking_only_who_writes_is_opened(stage: Stage) -> None:
    quiet = await _named(stage, "Anna", "hi")
    await _scan(stage)
    writer = await _named(stage, "Anna", "hi")
    assert await _scan(stage) == [("hi", False)]
    assert _opened(stage, writer)
    assert not _opened(stage, quiet)


async def test_no_send_opens_a_chat_that_the_journal_does_not_know_and_the_choice_leaves_out(stage: Stage) -> None:
    _choose(stage, ReadingChoice.ONLY, "Anna")
    mum = await _named(stage, "Mum", "dinner at eight")
    await _named(stage, "Anna", "Do you deliver?")
    known = [message.id for message in stage.sandbox.state.messages.values() if message.chat == mum.id]
    chat_id = new_id()
    order = (await stage.order("Mum", "I am late", chat_id)).model_copy(update={"known_external_ids": known})
    authority = await stage.local()
    for settle_only in (False, True):
        await stage.machine(authority).run(order.model_copy(update={"settle_only": settle_only, "send_id": new_id()}))
    assert [report.code for report in authority.reports] == ["chat_left_out"] * 2
    assert not _opened(stage, mum)
    assert await stage.received(mum.id) == []


GROUPS: Sequence[tuple[ChatKind, bool]] = [
    (ChatKind.GROUP, False), (ChatKind.GROUP, True), (ChatKind.COMMUNITY, True), (ChatKind.CHANNEL, False),
]  # fmt: skip


@pytest.mark.parametrize("build", ["testid", "plain"])
async def test_no_group_is_opened_and_a_person_who_writes_like_one_is(stage: Stage, build: str) -> None:
    await stage.sandbox.client.configure(build=build)
    await _scan(stage)
    groups = []
    for kind, photo in GROUPS:
        (chat,) = await stage.sandbox.client.add_chats([_several(f"{kind} {photo}", kind, photo=photo)])
        groups.append(chat)
        await stage.sandbox.client.customer_says(chat.id, "hello all", author="Ana")
    (late,) = await stage.sandbox.client.add_chats([_several("Anna", ChatKind.GROUP, photo=True)])
    await _named(stage, "Anna", "Note: I am a person")
    await stage.sandbox.client.customer_says(late.id, "I am a group", author="Ana")
    assert await _scan(stage) == [("Note: I am a person", False)]
    await stage.sandbox.client.customer_says(late.id, "no author is told")
    assert await _scan(stage) == []
    assert not _opened(stage, late, *groups)


async def test_a_group_that_only_its_header_tells_is_read_by_nobody_and_opened_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older page without filters."""
    await _scan(stage)
    ask = stage.page.reader.ask

    async def without_filters(question: str, argument: object = None, **more: object) -> object:
        assert question != "read.messages"
        return None if question == "read.filter" else await ask(question, argument, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(stage.page.reader, "ask", without_filters)
    (group,) = await stage.sandbox.client.add_chats([_several("Family", ChatKind.GROUP, photo=True)])
    for text in ("hello", "all", "again"):
        await stage.sandbox.client.customer_says(group.id, text, author="Ana")
        assert await _scan(stage) == []
        await stage.sandbox.client.phone_says(group.id, "yes")
    opened = [e for e in stage.sandbox.state.journal if e.kind is JournalKind.CHAT_OPENED and e.chat == group.id]
    assert len(opened) == 1
    assert [chat.title for chat in stage.journal.chats.with_title("Family")] == [None]


def _several(title: str, kind: ChatKind, *, photo: bool) -> NewChat:
    return NewChat(title=title, kind=kind, members=["Ana", "Rui"], photo=photo)


def _rename(stage: Stage, chat: Chat, title: str) -> None:
    stage.sandbox.state.chats[chat.id].title = title


async def _circular(stage: Stage, reader: Chat, other: Chat) -> None:
    """Let the phone send one message to both, which the bridge has read in the chat of `reader`: its id is the same in each."""
    sent = await stage.sandbox.client.phone_says(other.id, "We are closed on Friday")
    chat_id = stage.journal.chats.with_title(reader.title)[0].id
    seen = MessageSeen(external_id=sent, chat_id=chat_id, direction=Direction.OUT, text="We are closed on Friday")
    with stage.journal.store.transaction():
        stage.journal.chats.keep_together([], [seen], [])
    await stage.intake.flush()
    stage.told.clear()


@pytest.mark.parametrize("mode", [ReadingChoice.ONLY, ReadingChoice.NEW_WRITERS])
async def test_one_message_of_the_phone_to_many_takes_nobody_in(stage: Stage, mode: ReadingChoice) -> None:
    ben = await _named(stage, "Ben", "private")
    _choose(stage, mode, *(["Anna"] if mode is ReadingChoice.ONLY else []))
    await _scan(stage)
    anna = await _named(stage, "Anna", "Do you deliver?")
    await _scan(stage)
    await _circular(stage, anna, ben)
    named = stage.journal.choice.wanted().named
    assert await stage.page.open_row((await stage.page.find_rows("Ben"))[0])  # a person looks at it
    assert await _scan(stage) == []
    assert stage.journal.choice.wanted().named == named


async def test_one_message_of_the_phone_to_many_leaves_nobody_out(stage: Stage) -> None:
    await _scan(stage)
    mum = await _named(stage, "Mum", "dinner at eight")
    await _scan(stage)
    anna = await _named(stage, "Anna")
    await _circular(stage, mum, anna)
    _choose(stage, ReadingChoice.ALL_BUT, "Mum")
    await _scan(stage)
    await stage.sandbox.client.customer_says(anna.id, "Do you deliver?")
    assert await _scan(stage) == [("Do you deliver?", False)]


async def test_what_was_said_below_a_message_of_the_phone_to_many_is_no_news_for_that(stage: Stage) -> None:
    anna = await _named(stage, "Anna")
    with stage.journal.store.transaction():
        stage.journal.chats.add_chat("Mum")
    await _circular(stage, await _named(stage, "Mum"), anna)
    await stage.sandbox.client.customer_says(anna.id, "from before")
    await _scan(stage)
    await stage.sandbox.client.customer_says(anna.id, "When do you open?")
    assert await _scan(stage) == [("from before", True), ("When do you open?", False)]


async def test_a_stranger_under_the_name_of_a_chosen_chat_far_down_is_not_opened_and_read_nowhere(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("desktop_bridge.inbound.namesakes.AGAIN_SECONDS", 0.0)
    _choose(stage, ReadingChoice.ONLY, "Anna")
    anna = await _named(stage, "Anna", "from before")
    await stage.sandbox.client.add_chats(NewChat(title=f"Chat {number:02}") for number in range(40))
    await _scan(stage)
    stranger = await _named(stage, "Anna", "it is me, from the club")
    assert await _scan(stage) == []
    assert not _opened(stage, anna, stranger)
    assert stage.intake.scope().unclear == 1
    _rename(stage, stranger, "Anna from the club")
    await stage.sandbox.client.customer_says(stranger.id, "hello?")  # draws the row with its new name
    await stage.sandbox.client.customer_says(anna.id, "Do you deliver?")
    assert await _scan(stage) == [("from before", True), ("Do you deliver?", False)]
    assert not _opened(stage, stranger)
    assert stage.intake.scope().unclear == 0
