"""With "only these" a title is read where the list is sure to show it once, and again as soon as it stands alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from core.contracts.states import ReadingChoice
from core.settings import BridgeSettings
from desktop_bridge.inbound.namesakes import AGAIN_SECONDS
from desktop_bridge.inbound.rows import RowWatch
from desktop_bridge.journal.choice import Choice
from desktop_bridge.journal.journal import Journal, open_journal
from desktop_bridge.page.bubbles import Row

_PAGE, _STEP, _PX = 10, 8, 72


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = open_journal(BridgeSettings(home=tmp_path, journal_passphrase=SecretStr("one two three")))
    journal.choice.set(Choice(ReadingChoice.ONLY, frozenset({journal.choice.key("Anna")})))
    yield journal
    journal.close()


class List:
    """A list of which a walk sees one page after the other, as long as it wants more."""

    def __init__(self, journal: Journal, *titles: str) -> None:
        self.titles = list(titles)
        self.now = 0.0
        self.watch = RowWatch(journal, lambda: self.now)

    def walk(self, *, comes_in: str | None = None) -> bool:
        """Walk, and tell whether it went to the end; `comes_in` is on top from the second page on."""
        self.watch.begin()
        whole, start = False, 0
        while not whole and self.watch.come_by(self._page(start)):
            whole, start = start + _PAGE >= len(self.titles), start + _STEP
            if comes_in is not None:
                self.titles, comes_in = [comes_in, *self.titles], None
        self.watch.end(whole=whole)
        self.watch.settle()
        return whole

    def _page(self, start: int) -> list[Row]:
        return [
            Row(title, title, 0, "ok", 0, group=False, selected=False, place=number * _PX)
            for number, title in list(enumerate(self.titles))[start : start + _PAGE]
        ]

    @property
    def unclear(self) -> tuple[bool, int]:
        return self.watch.unsure("Anna"), self.watch.scope().unclear


OTHERS = [f"Chat {number}" for number in range(40)]


def test_namesakes_that_look_alike_far_apart_are_told_from_one_that_stands_alone(journal: Journal) -> None:
    shown = List(journal, "Anna", *OTHERS, "Anna")
    assert shown.walk()
    assert shown.unclear == (True, 1)
    alone = List(journal, "Anna", *OTHERS)
    assert alone.walk()
    assert alone.unclear == (False, 0)


def test_a_title_that_stands_alone_again_is_read_again(journal: Journal) -> None:
    shown = List(journal, "Anna", *OTHERS, "Anna")
    assert [shown.walk() for _ in range(4)] == [True, True, False, False]  # looked at once more, and then left alone
    shown.titles[-1] = "Anna from the club"
    assert not shown.walk()
    shown.now += AGAIN_SECONDS
    assert shown.walk()
    assert shown.unclear == (False, 0)


def test_who_comes_in_under_the_name_of_a_chosen_chat_out_of_sight_is_not_taken_for_it(journal: Journal) -> None:
    shown = List(journal, *OTHERS, "Anna")
    shown.walk()
    shown.walk()
    shown.titles.insert(0, "Anna")
    assert shown.walk()
    assert shown.unclear == (True, 1)


def test_a_chosen_chat_that_rises_from_out_of_sight_is_read_with_the_same_walk(journal: Journal) -> None:
    shown = List(journal, *OTHERS, "Anna")
    shown.walk()
    shown.walk()
    shown.titles = ["Anna", *OTHERS]
    assert shown.walk()
    assert shown.unclear == (False, 0)
    assert not shown.walk()  # in sight all the time: nobody else came in under its name
    assert shown.unclear == (False, 0)


def test_a_list_that_moved_under_the_walk_is_looked_at_once_more_and_at_once(journal: Journal) -> None:
    shown = List(journal, *OTHERS[:9], "Anna", *OTHERS[9:])
    assert shown.walk(comes_in="Newcomer")
    assert shown.unclear[0]
    assert shown.walk()
    assert shown.unclear == (False, 0)
