"""Handing news over: nothing is lost, and a row that the server can never take stands in nobody's way."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from core.contracts.bridge import ChatSeen, MessageSeen
from core.contracts.states import Direction
from core.errors import InvalidInput, TooLarge, Unavailable
from core.settings import BridgeSettings
from desktop_bridge.inbound.handing import HandOver
from desktop_bridge.journal.chats import News
from desktop_bridge.journal.journal import Journal, open_journal


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return open_journal(BridgeSettings(home=tmp_path, journal_passphrase=SecretStr("one two three")))


class Server:
    """Takes a batch whole or refuses it whole, as the API does."""

    def __init__(self, *bad: str) -> None:
        self.bad = set(bad)
        self.taken: list[str] = []
        self.calls = 0
        self.away = False

    async def post(self, news: list[News]) -> None:
        self.calls += 1
        if self.away:
            raise Unavailable("the server cannot be reached")
        texts = [one.text or "" for one in news if isinstance(one, MessageSeen)]
        if self.bad & set(texts):
            raise InvalidInput("a row cannot be stored")
        self.taken += texts


def _owe(journal: Journal, count: int) -> None:
    with journal.store.transaction():
        chat_id = journal.chats.add_chat("Anna")
        journal.chats.owe(ChatSeen(id=chat_id, title="Anna"))
        for number in range(count):
            journal.chats.owe(
                MessageSeen(external_id=f"M{number}", chat_id=chat_id, direction=Direction.IN, text=f"t{number}")
            )


@pytest.mark.parametrize("bad", [[0], [250], [449], [7, 8, 300]])
async def test_a_row_that_is_refused_is_put_aside_and_all_others_arrive_in_order(
    journal: Journal, bad: list[int]
) -> None:
    _owe(journal, 450)
    server = Server(*(f"t{number}" for number in bad))
    await HandOver(journal.chats, server.post).flush()
    assert server.taken == [f"t{number}" for number in range(450) if number not in bad]
    assert journal.chats.put_aside_count == len(bad)
    assert journal.chats.owed() == (0, [])
    assert server.calls < 60
    kept = journal.store.all("SELECT body, refused FROM outbox")
    assert [row["refused"] for row in kept] == ["invalid_input"] * len(bad)
    assert all(f'"t{number}"' in row["body"] for number, row in zip(bad, kept, strict=True))


async def test_a_batch_that_is_too_large_is_made_smaller(journal: Journal) -> None:
    _owe(journal, 60)
    taken: list[int] = []

    async def post(news: list[News]) -> None:
        if len(news) > 9:
            raise TooLarge("too much at once")
        taken.append(len(news))

    await HandOver(journal.chats, post).flush()
    assert sum(taken) == 61
    assert journal.chats.put_aside_count == 0


async def test_what_waiting_may_heal_puts_nothing_aside(journal: Journal) -> None:
    _owe(journal, 3)
    server = Server()
    server.away = True
    with pytest.raises(Unavailable):
        await HandOver(journal.chats, server.post).flush()
    assert journal.chats.put_aside_count == 0
    server.away = False
    await HandOver(journal.chats, server.post).flush()
    assert server.taken == ["t0", "t1", "t2"]
