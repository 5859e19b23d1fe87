"""One chat, two names: what the server calls it holds everywhere in the journal, and a journal that is new or lost sends on."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from core.contracts.bridge import ChatSeen, MessageSeen, SendOrder
from core.contracts.ids import new_id
from core.contracts.states import Direction, ReadingChoice
from core.errors import Unavailable
from desktop_bridge.inbound.intake import PageIntake
from desktop_bridge.journal.chats import News
from desktop_bridge.journal.choice import Choice
from desktop_bridge.journal.journal import Journal, open_journal
from desktop_bridge.link.authority import LocalAuthority
from desktop_bridge.sends.budget import Budget
from tests.desktop_bridge.stage import Stage, bridge_settings, set_stage


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with set_stage(tmp_path_factory.mktemp("bridge")) as stage:
        yield stage


def _with_new_journal(stage: Stage, home: Path) -> Stage:
    """Return the same page under a journal that has seen nothing, as on another computer."""
    journal = open_journal(bridge_settings(stage.sandbox, home))
    told: list[News] = []
    renamed: dict[UUID, UUID] = {}

    async def post(news: list[News]) -> dict[UUID, UUID]:
        told.extend(news)
        return renamed

    return replace(stage, journal=journal, intake=PageIntake(stage.page, journal, post), told=told, renamed=renamed)


def _messages(stage: Stage) -> list[tuple[UUID, str | None, bool]]:
    return [(one.chat_id, one.text, one.history) for one in stage.told if isinstance(one, MessageSeen)]


async def _away(stage: Stage) -> None:
    """Open another chat, so that the next send has to find its own."""
    await stage.customer("Somebody else", "hi")
    await stage.page.open_row((await stage.page.find_rows("Somebody else"))[0])


def _keep(journal: Journal, chat_id: UUID, external_id: str, direction: Direction = Direction.IN) -> None:
    seen = MessageSeen(external_id=external_id, chat_id=chat_id, direction=direction, text="tea?")
    journal.chats.keep_together([ChatSeen(id=chat_id, title="Anna")], [seen], [])


class TestAdopted:
    async def test_the_servers_answer_holds_for_all_that_the_journal_names(self, stage: Stage, tmp_path: Path) -> None:
        at = _with_new_journal(stage, tmp_path)
        chat = await stage.customer("Anna", "tea?")
        reported, ours = await at.read("Anna"), new_id()
        order = await at.order("Anna", "4 EUR", reported)
        at.journal.sends.begin(order)
        at.renamed[reported] = ours
        await at.intake.flush()
        assert at.journal.chats.chat(reported) is None
        assert [one.id for one in at.journal.chats.with_title("Anna")] == [ours]
        assert Budget(at.journal.chats, at.journal.sends, per_hour=9, per_chat_hour=9).customer_wrote(ours)
        attempt = at.journal.sends.last(order.send_id)
        assert attempt is not None
        assert attempt.chat_id == ours
        await stage.sandbox.client.customer_says(chat, "and coffee?")
        await stage.page.reader.until("read.messages", lambda seen: len(seen) == 2, 3)
        assert await at.read("Anna") == ours
        await at.intake.flush()
        assert _messages(at)[-1] == (ours, "and coffee?", False)

    async def test_news_owed_under_the_old_name_go_out_under_the_true_one(self, tmp_path: Path, stage: Stage) -> None:
        at = _with_new_journal(stage, tmp_path)
        reported, ours = new_id(), new_id()
        with at.journal.store.transaction():
            at.journal.chats.add_chat("Anna", chat_id=reported)
            _keep(at.journal, reported, "M1")
        seq, first = at.journal.chats.owed()
        with at.journal.store.transaction():
            _keep(at.journal, reported, "M2")
        at.journal.chats.acknowledge(seq, {reported: ours})
        _, left = at.journal.chats.owed()
        assert len(first) == 2
        assert [one.id if isinstance(one, ChatSeen) else getattr(one, "chat_id", None) for one in left] == [ours, ours]

    async def test_an_answer_that_was_lost_is_asked_for_again(self, tmp_path: Path, stage: Stage) -> None:
        at = _with_new_journal(stage, tmp_path)
        reported, ours = new_id(), new_id()
        with at.journal.store.transaction():
            at.journal.chats.add_chat("Anna", chat_id=reported)
            _keep(at.journal, reported, "M1")
        asked: list[News] = []

        async def lost_once(news: list[News]) -> dict[UUID, UUID]:
            asked.extend(news)
            if len(asked) == len(news):
                raise Unavailable("the answer was lost")
            return {reported: ours}

        intake = PageIntake(stage.page, at.journal, lost_once)
        with pytest.raises(Unavailable):
            await intake.flush()
        assert at.journal.chats.chat(reported) is not None
        await intake.flush()
        assert asked[:2] == asked[2:]
        assert at.journal.chats.chat(ours) is not None

    async def test_a_chat_that_is_left_out_under_its_old_name_can_be_taken_in_under_the_true_one(
        self, tmp_path: Path, stage: Stage
    ) -> None:
        at = _with_new_journal(stage, tmp_path)
        choice, reported, ours = at.journal.choice, new_id(), new_id()
        with at.journal.store.transaction():
            at.journal.chats.add_chat("Anna", chat_id=reported)
        choice.set(Choice(ReadingChoice.ALL_BUT, frozenset({choice.key("Anna")})))
        at.journal.chats.acknowledge(0, {reported: ours})
        choice.set(Choice(ReadingChoice.ALL_BUT))
        kept = at.journal.chats.chat(ours)
        assert kept is not None
        assert not kept.excluded

    async def test_only_what_stands_in_one_chat_proves_it(self, tmp_path: Path, stage: Stage) -> None:
        at = _with_new_journal(stage, tmp_path)
        with at.journal.store.transaction():
            anna = at.journal.chats.add_chat("Anna")
            _keep(at.journal, anna, "M1")
            _keep(at.journal, anna, "CIRCULAR", Direction.OUT)
        assert at.journal.chats.holders(["M1", "CIRCULAR", "M9"]) == {"M1": anna}


class TestSentOn:
    """Orders name the server's chats; a journal that never heard of one proves it by the order's messages and reads who wrote."""

    async def test_a_lost_journal_sends_and_doubles_nothing(self, stage: Stage, tmp_path: Path) -> None:
        chat = await stage.customer("Lea", "Do you deliver?")
        order = await stage.order("Lea", "Yes, daily.")
        await stage.intake.flush()
        await _away(stage)
        at = _with_new_journal(stage, tmp_path)
        tail = order.known_external_ids[0]
        assert await at.machine(LocalAuthority(tail)).run(order) == "sent"
        assert await stage.received(chat) == ["Yes, daily."]
        assert _messages(at) == [(order.chat_id, "Do you deliver?", False)]
        assert [one.id for one in at.journal.chats.with_title("Lea")] == [order.chat_id]

    async def test_what_came_since_is_told_before_the_send_is_armed(self, stage: Stage, tmp_path: Path) -> None:
        chat = await stage.customer("Mia", "an old question", "Do you deliver?")
        order = await stage.order("Mia", "Yes, daily.")
        order = order.model_copy(update={"known_external_ids": order.known_external_ids[:1]})
        await stage.sandbox.client.customer_says(chat, "Never mind!")
        await _away(stage)
        at = _with_new_journal(stage, tmp_path)
        assert await at.machine(LocalAuthority(order.known_external_ids[0])).run(order) == "returned"
        assert await stage.received(chat) == []
        assert _messages(at) == [
            (order.chat_id, "an old question", True),
            (order.chat_id, "Do you deliver?", False),
            (order.chat_id, "Never mind!", False),
        ]

    async def test_of_two_namesakes_the_one_with_the_orders_message_is_written_to(
        self, stage: Stage, tmp_path: Path
    ) -> None:
        first = await stage.customer("Zoe", "I am the first")
        order = await stage.order("Zoe", "Hello, first.")
        second = await stage.customer("Zoe", "I am the second")
        await _away(stage)
        at = _with_new_journal(stage, tmp_path)
        assert await at.machine(LocalAuthority(order.known_external_ids[0])).run(order) == "sent"
        assert (await stage.received(first), await stage.received(second)) == (["Hello, first."], [])

    async def test_nobody_is_written_to_who_never_wrote(self, stage: Stage, tmp_path: Path) -> None:
        chat = await stage.sandbox.client.add_chat("Cold")
        ours = await stage.sandbox.client.phone_says(chat.id, "we wrote first")
        at = _with_new_journal(stage, tmp_path)
        order = (await stage.order("Cold", "Buy!", new_id())).model_copy(update={"known_external_ids": [ours]})
        assert await at.machine(LocalAuthority(ours)).run(order) == "returned"
        assert await stage.received(chat.id) == []

    async def test_a_chat_with_a_name_of_its_own_is_called_as_the_order_says(
        self, stage: Stage, tmp_path: Path
    ) -> None:
        chat = await stage.customer("Ida", "Do you deliver?")
        at = _with_new_journal(stage, tmp_path)
        reported = await at.read("Ida")
        order: SendOrder = await at.order("Ida", "Yes, daily.", reported)
        order = order.model_copy(update={"chat_id": new_id()})
        assert await at.machine(LocalAuthority(order.known_external_ids[0])).run(order) == "sent"
        assert await stage.received(chat) == ["Yes, daily."]
        assert [one.id for one in at.journal.chats.with_title("Ida")] == [order.chat_id]
        assert {chat_id for chat_id, *_ in _messages(at)} == {order.chat_id}
