"""Reading the page without losing a customer's message, and without taking an old one for a new one."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.contracts.bridge import MessageSeen
from core.contracts.states import ChatKind, Direction, MessageKind
from desktop_bridge import host
from desktop_bridge.errors import PageError, PageStuck
from desktop_bridge.inbound.intake import live_from
from desktop_bridge.page import chat_list
from desktop_bridge.page.bubbles import Bubble, Row
from desktop_bridge.page.chat_page import OPEN_SECONDS
from desktop_bridge.sandbox.models import NewChat, NewMessage, Source
from desktop_bridge.sends.ports import Target
from tests.desktop_bridge.stage import Crash, Stage, crash_at, set_stage

SINCE = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def _told(stage: Stage) -> list[tuple[str | None, bool]]:
    return [(news.text, news.history) for news in stage.told if isinstance(news, MessageSeen)]


async def _linked(stage: Stage) -> None:
    assert await stage.intake.scan() == 0
    assert stage.journal.chats.linked


async def test_new_messages_are_seen_after_a_search_far_down_the_list(tmp_path: Path) -> None:
    async with set_stage(tmp_path) as stage:
        await stage.sandbox.client.add_chats(NewChat(title=f"Chat {number:03}") for number in range(120))
        await _linked(stage)
        await stage.page.find_rows("no such chat")
        await stage.customer("Newcomer", "Do you deliver?")
        await stage.intake.scan()
        await stage.intake.flush()
        assert _told(stage) == [("Do you deliver?", False)]


async def test_a_newcomer_of_the_same_name_as_the_open_chat_is_news(tmp_path: Path) -> None:
    async with set_stage(tmp_path) as stage:
        await _linked(stage)
        await stage.customer("Maria", "I am the first")
        await stage.intake.scan()
        await stage.sandbox.client.set_fault(slow_open_ms=400)
        await stage.customer("Maria", "I am the second")
        for _ in range(3):
            await stage.intake.scan()
        await stage.intake.flush()
        assert _told(stage) == [("I am the first", False), ("I am the second", False)]


async def test_a_bubble_of_ours_is_told_in_its_place_while_its_send_is_not_settled(tmp_path: Path) -> None:
    async with set_stage(tmp_path) as stage:
        await _linked(stage)
        chat = await stage.customer("Anna", "When do you open?")
        order = await stage.order("Anna", "At nine.")
        with pytest.raises(Crash):
            await stage.machine(await stage.local(), failpoint=crash_at("send.clicked")).run(order)
        assert [one.text for one in stage.journal.sends.unsettled()] == ["At nine."]
        await stage.sandbox.client.customer_says(chat, "And on Sunday?")
        await stage.page.reader.until("read.state", lambda seen: len(seen["ids"]) == 3, OPEN_SECONDS)
        await stage.intake.scan()
        await stage.intake.flush()
        assert [text for text, _ in _told(stage)] == ["When do you open?", "At nine.", "And on Sunday?"]


async def test_a_first_message_is_news_still_after_a_crash_between_opening_and_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with set_stage(tmp_path) as stage:
        await _linked(stage)
        await stage.customer("Anna", "When do you open?")

        async def dies(*_: Any, **__: Any) -> Any:
            raise PageError("the page went away")

        with monkeypatch.context() as patched:
            patched.setattr(stage.intake, "_all_new", dies)
            with pytest.raises(PageError):
                await stage.intake.scan()
        await stage.browser.restart()
        await stage.page.linked()
        await stage.intake.scan()
        await stage.intake.flush()
        assert _told(stage) == [("When do you open?", False)]


async def test_a_list_that_moves_under_the_mouse_opens_no_other_chat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with set_stage(tmp_path) as stage:
        await _linked(stage)
        other = await stage.sandbox.client.add_chat("Ben")
        await stage.customer("Anna", "I am first")
        (row,) = await stage.page.find_rows("Anna")
        click = stage.page.reader.click

        async def too_late(point: dict[str, float]) -> None:
            monkeypatch.setattr(stage.page.reader, "click", click)
            await stage.sandbox.client.customer_says(other.id, "I am on top now")
            await stage.page.reader.until("read.list", lambda rows: rows[0]["title"] == "Ben", 3)
            await click(point)

        monkeypatch.setattr(stage.page.reader, "click", too_late)
        assert await stage.page.open_row(row)
        assert [row.title for row in await stage.page.visible_rows() if row.unread] == ["Ben"]


async def test_what_comes_in_right_after_its_chat_was_read_is_news_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with set_stage(tmp_path) as stage:
        await _linked(stage)
        await stage.sandbox.client.add_chat("Ben")
        chat = await stage.customer("Anna", "When do you open?")
        rows = stage.page.visible_rows

        async def later() -> list[Row]:
            monkeypatch.setattr(stage.page, "visible_rows", rows)
            await stage.sandbox.client.customer_says(chat, "And on Sunday?")
            await stage.page.reader.until("read.list", lambda seen: seen[0]["preview"] == "And on Sunday?", 3)
            return await rows()

        monkeypatch.setattr(stage.page, "visible_rows", later)
        assert await stage.intake.scan() == 1
        await stage.page.open_row((await stage.page.find_rows("Ben"))[0])  # as a send to Ben does
        for _ in range(2):
            await stage.intake.scan()
        await stage.intake.flush()
        assert _told(stage) == [("When do you open?", False), ("And on Sunday?", False)]


async def test_a_message_whose_row_comes_before_its_bubble_is_read_though_another_chat_is_opened(
    tmp_path: Path,
) -> None:
    async with set_stage(tmp_path) as stage:
        await _linked(stage)
        chat = await stage.customer("Anna", "When do you open?")
        assert await stage.intake.scan() == 1
        await stage.sandbox.client.set_fault(slow_bubbles_ms=60_000)
        await stage.sandbox.client.customer_says(chat, "And on Sunday?")
        await stage.page.reader.until("read.list", lambda seen: seen[0]["preview"].find("Sunday") >= 0, 3)
        await stage.page.reader.until("read.list", lambda seen: not seen[0]["unread"], 3)  # open, so read at once
        assert await stage.intake.scan() == 0
        await stage.sandbox.client.clear_faults()
        await stage.customer("Ben", "Hello")  # takes the page away before the bubble is drawn
        for _ in range(3):
            await stage.intake.scan()
        await stage.intake.flush()
        assert sorted(_told(stage)) == [("And on Sunday?", False), ("Hello", False), ("When do you open?", False)]


async def test_what_another_computer_has_opened_is_read_here_even_if_its_bubble_comes_late(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No number stands beside such a row: its words alone say that there is something to read."""
    async with set_stage(tmp_path) as stage:
        await _linked(stage)
        monkeypatch.setattr(chat_list, "OPEN_SECONDS", 1.0)
        await stage.customer("Anna", "Hello")
        chat = await stage.customer("Anna", "When do you open?")
        for _ in range(4):
            await stage.intake.scan()
        await stage.sandbox.client.set_fault(history_delay_ms=3000)
        await stage.sandbox.client.add_messages(
            [NewMessage(chat=chat, text="And on Sunday?", source=Source.CUSTOMER, seen=True)]
        )
        await stage.page.reader.until("read.list", lambda seen: seen[0]["preview"] == "And on Sunday?", 3)
        assert await stage.intake.scan() == 0
        await stage.sandbox.client.clear_faults()
        await stage.page.reader.until("read.state", lambda s: len(s["ids"]) == 2, OPEN_SECONDS)
        for _ in range(4):
            await stage.intake.scan()
        await stage.intake.flush()
        assert sorted(_told(stage))[0] == ("And on Sunday?", False)


async def test_an_opened_chat_is_read_once_its_messages_are_drawn(tmp_path: Path) -> None:
    async with set_stage(tmp_path) as stage:
        await _linked(stage)
        await stage.sandbox.client.set_fault(history_delay_ms=int(OPEN_SECONDS * 1000) + 1500)
        await stage.customer("Anna", "When do you open?")
        seen = await stage.page.reader.ask("watch.count")
        assert await stage.intake.scan() == 0
        await stage.page.reader.until("read.state", lambda s: s["tail"], 5)
        await stage.page.reader.changed(seen, 1)
        assert await stage.intake.scan() == 1
        await stage.intake.flush()
        assert _told(stage) == [("When do you open?", False)]


async def test_a_chat_that_a_person_opened_is_not_ours_until_its_customer_writes(tmp_path: Path) -> None:
    async with set_stage(tmp_path) as stage:
        chat = await stage.sandbox.client.add_chat("Private")
        await stage.sandbox.client.customer_says(chat.id, "from long ago")
        await _linked(stage)
        (row,) = await stage.page.find_rows("Private")
        assert await stage.page.open_row(row)
        await stage.intake.scan()
        await stage.sandbox.client.phone_says(chat.id, "and my answer")
        for _ in range(2):
            await stage.intake.scan()
        await stage.intake.flush()
        assert _told(stage) == []
        assert stage.journal.chats.with_title("Private") == []

        said = await stage.sandbox.client.customer_says(chat.id, "When do you open?")
        await stage.page.reader.until("read.state", lambda s: s["tail"] and said in s["tail"], 3)
        await stage.page.reader.until("read.list", lambda seen: seen[0]["preview"] == "When do you open?", 3)
        await stage.intake.scan()
        await stage.intake.flush()
        assert _told(stage)[-1] == ("When do you open?", False)
        assert all(history for _, history in _told(stage)[:-1])


async def test_a_browser_that_dies_under_the_hands_is_an_error_of_ours(tmp_path: Path) -> None:
    async with set_stage(tmp_path) as stage:
        await stage.customer("Anna", "Hello?")
        await stage.read("Anna")
        await stage.page.type("a", 0, lambda: None)
        host.end_browser(stage.browser.profile)
        with pytest.raises(PageStuck):
            await stage.page.reader.press("Backspace")
        with pytest.raises(PageStuck):
            await stage.page.reader.click({"x": 5, "y": 5})


def _bubble(external_id: str, minute: int | None, direction: Direction = Direction.IN) -> Bubble:
    return Bubble(
        raw_id=external_id, external_id=external_id, direction=direction, kind=MessageKind.TEXT, text=external_id, author=None,
        wa_at=None if minute is None else SINCE + timedelta(minutes=minute), tick=None, quoted=None, edited=False, deleted=False,
        cut=False, empty=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("bubbles", "unread", "news"),
    [
        (
            [_bubble("a", 1), _bubble("b", 1), _bubble("c", 1)],
            1,
            ["a", "b", "c"],
        ),  # more came in while the row was opened
        ([_bubble("old", -1), _bubble("b", 0), _bubble("c", 1)], 1, ["b", "c"]),
        ([_bubble("a", 1), _bubble("photo", None), _bubble("c", 1)], 1, ["a", "photo", "c"]),
        ([_bubble("photo", None), _bubble("c", 1)], 1, ["c"]),
        ([_bubble("a", 1), _bubble("ours", 1, Direction.OUT), _bubble("c", 1)], 1, ["c"]),
        ([_bubble("a", 1), _bubble("b", 1)], 0, []),
    ],
)
def test_of_a_burst_that_goes_on_all_is_news(bubbles: list[Bubble], unread: int, news: list[str]) -> None:
    live = live_from(bubbles, (), unread, SINCE)
    assert [seen.external_id for seen in bubbles[live:]] == news


@pytest.mark.parametrize("build", ["testid", "plain"])
@pytest.mark.parametrize("lang", ["en", "pt", "es"])
async def test_a_filter_or_a_search_that_a_person_left_hides_no_chat(tmp_path: Path, build: str, lang: str) -> None:
    async with set_stage(tmp_path) as stage:
        await stage.sandbox.client.configure(build=build, lang=lang)
        await stage.page.reader.until("read.session", lambda seen: seen["side"], 5)
        await _linked(stage)
        await stage.customer("Anna", "When do you open?")
        await stage.browser.page.click("[data-tab='3']")
        await stage.browser.page.keyboard.type("nobody")
        assert await stage.intake.scan() == 1
        order = await stage.order("Anna", "At nine.")
        await stage.customer("Ben", "Hello")
        await stage.intake.scan()
        await stage.browser.page.click("#unread-filter")
        assert await stage.page.visible_rows() == []
        await stage.page.open(Target(order.chat_id, "Anna", ChatKind.PERSON, tuple(order.known_external_ids)))
        await stage.browser.page.click("#unread-filter")
        await stage.intake.scan()
        assert {row.title for row in await stage.page.visible_rows()} == {"Anna", "Ben"}
