"""After days without the bridge every message is there, once and in order, and only chats that changed were opened."""

import random
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from core.contracts.bridge import ChatSeen, MessageSeen
from core.contracts.ids import new_id
from core.contracts.states import Direction, MessageKind, ReadingChoice
from core.settings import BridgeSettings
from desktop_bridge.inbound.gaps import ListOrder, joined, risen
from desktop_bridge.inbound.intake import PageIntake
from desktop_bridge.inbound.rows import RowWatch
from desktop_bridge.journal.chats import News
from desktop_bridge.journal.choice import Choice
from desktop_bridge.journal.journal import Journal, open_journal
from desktop_bridge.page.bubbles import Row
from desktop_bridge.sandbox.models import JournalKind, NewChat, NewMessage, Source
from tests.desktop_bridge.stage import Crash, Stage, bridge_settings, set_stage


class Told:
    """The server's side: each message once, whatever is repeated."""

    def __init__(self) -> None:
        self.titles: dict[str, str] = {}
        self.rows: dict[str, MessageSeen] = {}

    async def post(self, news: Sequence[News]) -> dict[UUID, UUID]:
        for one in news:
            if isinstance(one, ChatSeen):
                self.titles[str(one.id)] = one.title
            elif isinstance(one, MessageSeen):
                self.rows.setdefault(one.external_id, one)
        return {}

    def of(self, title: str) -> list[str]:
        """Return the ids of a chat's messages in the order in which they were told."""
        chats = {chat_id for chat_id, called in self.titles.items() if called == title}
        return [one.external_id for one in self.rows.values() if str(one.chat_id) in chats]


async def _until_calm(stage: Stage, intake: PageIntake) -> None:
    """Scan as the bridge does after each change, until a scan finds nothing on a page that stands still."""
    calm = 0
    while calm < 2:
        seen = await stage.page.reader.ask("watch.count")
        read = await intake.scan()
        calm = 0 if read else calm + 1
        await stage.page.reader.changed(seen, 0.3)
    await intake.flush()


async def _both_sides(stage: Stage, chat: str, count: int, at: datetime) -> list[str]:
    sides = [Source.CUSTOMER, Source.PHONE]
    return await stage.sandbox.client.add_messages(
        NewMessage(
            chat=chat, text=f"{at:%d} {number}", source=sides[number % 2], seen=True, at=at + timedelta(minutes=number)
        )
        for number in range(count)
    )


@pytest.mark.parametrize("count", [5, 150])
async def test_a_chat_that_was_read_on_the_phone_meanwhile_is_filled_in(tmp_path: Path, count: int) -> None:
    async with set_stage(tmp_path) as stage:
        told = Told()
        intake = PageIntake(stage.page, stage.journal, told.post)
        quiet = await stage.customer("Quiet", "from long ago")
        await intake.scan()
        chat = await stage.customer("Anna", "When do you open?")
        await _until_calm(stage, intake)
        ids = list(told.rows)
        before = (await stage.sandbox.client.state()).seq
        ids += await _both_sides(stage, chat, count, datetime.now(UTC) - timedelta(days=3))
        await stage.customer("Ben", "Hello")
        await stage.browser.restart()
        await stage.page.linked()
        again = PageIntake(stage.page, stage.journal, told.post)
        await _until_calm(stage, again)
        assert told.of("Anna") == ids
        afters = [told.rows[one].after for one in ids]
        assert afters[1:] == ids[:-1]
        assert {told.rows[one].direction for one in ids} == {Direction.IN, Direction.OUT}
        assert len(set(told.titles.values())) == len(told.titles), "no chat was taken for another one"
        opened = [e.chat for e in await stage.sandbox.client.journal(before) if e.kind is JournalKind.CHAT_OPENED]
        assert quiet not in opened


async def test_the_same_words_again_are_news(tmp_path: Path) -> None:
    async with set_stage(tmp_path) as stage:
        told = Told()
        intake = PageIntake(stage.page, stage.journal, told.post)
        await intake.scan()
        anna, ben = await stage.customer("Anna", "ok"), await stage.customer("Ben", "hello")
        await _until_calm(stage, intake)
        for number in range(3):
            await stage.sandbox.client.customer_says(ben, f"me {number}")
            await _until_calm(stage, intake)
            await stage.sandbox.client.customer_says(anna, "ok")
            await _until_calm(stage, intake)
        assert [told.rows[one].text for one in told.of("Anna")] == ["ok"] * 4
        for number in range(2):  # answered on the phone: no number, the same preview, only further up the list
            await stage.sandbox.client.customer_says(ben, f"and me {number}")
            await _until_calm(stage, intake)
            await stage.sandbox.client.phone_says(anna, "well")
            await stage.sandbox.client.add_messages([NewMessage(chat=anna, text="ok", seen=True)])
            await _until_calm(stage, intake)
        assert [told.rows[one].text for one in told.of("Anna")] == ["ok"] * 4 + ["well", "ok"] * 2


async def test_changed_chats_far_down_the_list_are_found_and_old_ones_left_alone(tmp_path: Path) -> None:
    async with set_stage(tmp_path) as stage:
        told = Told()
        old = [NewChat(title=f"Old {number:02}") for number in range(60)]
        made = await stage.sandbox.client.add_chats(old)
        await stage.sandbox.client.add_messages(NewMessage(chat=chat.id, text="before linking") for chat in made)
        intake = PageIntake(stage.page, stage.journal, told.post)
        await intake.scan()
        new = await stage.sandbox.client.add_chats(NewChat(title=f"New {number:02}") for number in range(40))
        ids = await stage.sandbox.client.add_messages(NewMessage(chat=chat.id, text="after linking") for chat in new)
        await _until_calm(stage, intake)
        assert set(told.rows) == set(ids)
        opened = {e.chat for e in await stage.sandbox.client.journal() if e.kind is JournalKind.CHAT_OPENED}
        assert opened == {chat.id for chat in new}


class Life:
    """Customers write, the owner answers on the phone, the page is scrolled, and the bridge dies between any two commits."""

    def __init__(self, stage: Stage, home: Path, seed: int) -> None:
        self.stage = stage
        self.home = home
        self.dice = random.Random(seed)
        self.told = Told()
        self.dying = False
        self.chats: dict[str, str] = {}
        self.journal = stage.journal
        self.intake = PageIntake(stage.page, stage.journal, self.told.post)

    def restart(self) -> None:
        """Begin a new process on what the last one left on disk."""
        if self.journal is not self.stage.journal:
            self.journal.close()
        self.journal = open_journal(bridge_settings(self.stage.sandbox, self.home))
        store, commit = self.journal.store, self.journal.store.transaction

        def maybe() -> AbstractContextManager[None]:
            if self.dying and self.dice.random() < 0.3:
                raise Crash("killed before a commit")
            return commit()

        store.transaction = maybe  # type: ignore[method-assign]
        self.intake = PageIntake(self.stage.page, self.journal, self.told.post)

    async def step(self) -> None:
        """Let one thing happen."""
        await getattr(
            self,
            self.dice.choice(
                ["writes", "writes", "burst", "answers", "scan", "scan", "scan", "scrolls", "kill", "reload"]
            ),
        )()

    async def writes(self) -> None:
        await self.stage.sandbox.client.customer_says(self._one(), self.dice.choice(["ok", "hm", "and now?"]))

    async def burst(self) -> None:
        await _both_sides(self.stage, self._one(), self.dice.choice([3, 75]), datetime.now(UTC))

    async def answers(self) -> None:
        await self.stage.sandbox.client.phone_says(self._one(), self.dice.choice(["ok", "well"]))

    async def scan(self) -> None:
        await self.intake.scan()

    async def scrolls(self) -> None:
        await self.stage.page.scroll_up()

    async def kill(self) -> None:
        self.dying = True
        with suppress(Crash):
            await self.intake.scan()
            await self.intake.flush()
        self.dying = False
        self.restart()

    async def reload(self) -> None:
        await self.stage.browser.restart()
        await self.stage.page.linked()
        self.restart()

    def _one(self) -> str:
        return self.dice.choice(list(self.chats.values()))


@pytest.mark.parametrize("seed", range(2))
async def test_every_message_once_and_in_order_whatever_happens(tmp_path: Path, seed: int) -> None:
    async with set_stage(tmp_path) as stage:
        life = Life(stage, tmp_path, seed)
        await life.intake.scan()
        life.chats = {title: await stage.customer(title, "ok") for title in ("Anna", "Ben", "Carla")}
        await _until_calm(stage, life.intake)
        life.restart()
        for _ in range(20):
            await life.step()
        await _until_calm(stage, life.intake)
        state = await stage.sandbox.client.state()
        for title, chat in life.chats.items():
            assert life.told.of(title) == [m.id for m in state.messages if m.chat == chat], title
        assert all(row.text for row in life.told.rows.values())
        life.journal.close()


@given(st.permutations(range(12)), st.lists(st.integers(0, 11), max_size=6))
def test_what_had_news_and_nothing_else_has_risen(before: list[int], news: list[int]) -> None:
    now = list(before)
    for key in news:
        now.remove(key)
        now.insert(0, key)
    moved = risen(before, now)
    assert moved <= set(news)
    untouched = [key for key in before if key not in news]
    # Whoever had news stands above everybody who had none; it can only be missed where it stood there before.
    for key in set(news) - moved:
        assert all(before.index(key) < before.index(other) for other in untouched)


def test_of_what_stands_in_the_list_twice_nothing_is_told() -> None:
    assert risen(["a", "b", "a", "c"], ["a", "b"]) == set()
    assert risen(["a", "b", "c"], ["c", "a", "c", "b"]) == set()
    assert risen(["a", "b", "c"], ["c", "b", "a"]) == {"b", "c"}


def test_a_look_at_the_top_keeps_the_rest() -> None:
    assert joined(["c", "a"], ["a", "b", "c", "d"]) == ["c", "a", "b", "d"]


def test_who_rose_to_the_foot_of_a_screen_is_seen_once_the_next_one_is(tmp_path: Path) -> None:
    a, b, c, d, e, new = (bytes([number]) * 16 for number in range(6))
    with _journal(tmp_path) as journal:
        order = ListOrder(journal)
        order.begin()
        assert order.come_by([a, b, c, d, e], ())
        order.keep()
        order.begin()
        assert order.come_by([new, c, d], ()), "of the two that overtook a and b none is below one of them yet"
        assert order.risen(()) == set()
        assert not order.come_by([a, b], ())
        assert order.risen(()) == {c, d}
        assert order.risen({c}) == {d}
        order.keep()
        order.begin()
        assert not order.come_by([new, c, d], ()), "dealt with"
        assert journal.chats.order() == [new, c, d, a, b, e]


def test_the_files_of_a_chat_go_where_it_goes_and_are_forgotten_with_it(tmp_path: Path) -> None:
    with _journal(tmp_path) as journal:
        chat_id, other = journal.chats.add_chat("Mum"), new_id()
        with journal.store.transaction():
            journal.files.want("A1", 0, chat_id, MessageKind.IMAGE)
            journal.chats.adopt(chat_id, other)
        assert (wanted := journal.files.due()) is not None
        assert wanted.chat_id == other
        journal.choice.set(Choice(ReadingChoice.ALL_BUT, frozenset({journal.choice.key("Mum")})))
        assert journal.files.waiting == 0


@contextmanager
def _journal(home: Path) -> Iterator[Journal]:
    journal = open_journal(
        BridgeSettings(page_url="http://127.0.0.1:1/", home=home, journal_passphrase=SecretStr("a long passphrase"))
    )
    try:
        yield journal
    finally:
        journal.close()


async def test_a_row_far_down_that_could_not_be_opened_is_come_back_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with set_stage(tmp_path) as stage:
        told = Told()
        intake = PageIntake(stage.page, stage.journal, told.post)
        anna = await stage.customer("Anna")
        friends = await stage.sandbox.client.add_chats(NewChat(title=f"Friend {number}") for number in range(30))

        async def to_all_friends(text: str) -> None:
            await stage.sandbox.client.add_messages(
                NewMessage(chat=friend.id, text=text, source=Source.PHONE) for friend in friends
            )

        await to_all_friends("good morning")
        await _until_calm(stage, intake)
        await stage.sandbox.client.customer_says(anna, "Do you deliver?")
        await to_all_friends("good night")
        missed: list[str] = []

        async def miss(row: Row) -> bool:
            missed.append(row.title)
            return False

        with monkeypatch.context() as patch:
            patch.setattr(stage.page, "open_row", miss)
            await intake.scan()
        assert missed == ["Anna"]
        await _until_calm(stage, intake)
        assert [told.rows[one].text for one in told.of("Anna")] == ["Do you deliver?"]


def test_namesakes_that_look_alike_are_so_many_rows_of_the_walk(tmp_path: Path) -> None:
    journal = open_journal(BridgeSettings(home=tmp_path, journal_passphrase=SecretStr("one two three")))
    watch = RowWatch(journal)
    alike = [
        Row("Family", "Family", nth, "Ana: see you", 0, group=False, selected=False, place=72 * nth)
        for nth in range(15)
    ]
    for page in (alike[:9], alike[6:]):  # a group is among the first 15 of the groups, not among the first one
        watch.come_by(page)
    assert watch.walked == 15
    watch.begin()
    assert watch.walked == 0
    journal.close()
