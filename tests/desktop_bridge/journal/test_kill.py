"""SIGKILL at random instants: whatever was acknowledged is there, nothing is there by halves, and the journal opens."""

import multiprocessing
import random
import time
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from core.contracts.bridge import MessageSeen
from core.contracts.states import Direction
from desktop_bridge.journal.chats import ChatLog
from desktop_bridge.journal.file import connect
from desktop_bridge.journal.store import Store

KEY = b"k" * 32
KILLS = 120
BIRTHS = 40
ROWS = 5
"""Rows of one transaction."""


def write_for_ever(path: Path, first: int, tell: Connection) -> None:
    """Write transactions from number `first` on and tell the number of each that ended; some are far larger than the others."""
    store = Store(path, KEY)
    log = ChatLog(store)
    with store.transaction():
        chat = log.add_chat("Anna")
    for number in range(first, first + 100_000):
        text = "x" * (20_000 if number % 20 == 0 else 300)
        with store.transaction():
            for row in range(ROWS):
                seen = MessageSeen(external_id=f"{number}-{row}", chat_id=chat, direction=Direction.IN, text=text)
                log.keep_message(seen)
                log.owe(seen)
        tell.send(number)


def make(path: Path, tell: Connection) -> None:
    """Make a journal where none is."""
    tell.send(0)
    Store(path, KEY).close()


@pytest.fixture(scope="module")
def forks() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def kill(process: BaseProcess) -> None:
    """Kill a process without a warning, and wait until it is gone."""
    process.kill()
    process.join()


def told(tell: Connection) -> list[int]:
    """Return everything that a dead process has said."""
    numbers = []
    try:
        while True:
            numbers.append(tell.recv())
    except EOFError:
        return numbers


@pytest.mark.timeout(400)
def test_killed_while_it_writes(tmp_path: Path, forks: ForkServerContext) -> None:
    path, chance = tmp_path / "journal.db", random.Random(7)
    kept: set[int] = set()
    unacknowledged = 0
    for _ in range(KILLS):
        first = max(kept, default=-1) + 1
        ours, theirs = forks.Pipe(duplex=False)
        writer = forks.Process(target=write_for_ever, args=(path, first, theirs))
        writer.start()
        theirs.close()
        assert ours.recv() == first
        time.sleep(chance.uniform(0, 0.05))
        kill(writer)
        said = {*kept, first, *told(ours)}
        store = Store(path, KEY)
        found = store.all("SELECT CAST(external_id AS INTEGER) AS number, count(*) AS rows FROM messages GROUP BY 1")
        owed = store.one("SELECT count(*) AS rows FROM outbox")["rows"]
        store.close()
        now = {row["number"] for row in found}
        assert {row["rows"] for row in found} == {ROWS}
        assert owed == ROWS * len(now)
        assert said <= now
        assert len(now - said) <= 1
        unacknowledged += len(now - said)
        kept = now
    assert len(kept) > KILLS
    assert not list(tmp_path.glob("*.new*"))


def test_killed_while_it_is_made(tmp_path: Path, forks: ForkServerContext) -> None:
    chance = random.Random(11)
    half = 0
    for number in range(BIRTHS):
        path = tmp_path / str(number) / "journal.db"
        path.parent.mkdir()
        ours, theirs = forks.Pipe(duplex=False)
        maker = forks.Process(target=make, args=(path, theirs))
        maker.start()
        theirs.close()
        ours.recv()
        time.sleep(chance.uniform(0, 0.03))
        kill(maker)
        half += not path.exists()
        store = Store(path, KEY)
        assert store.one("SELECT count(*) AS rows FROM installation")["rows"] == 1
        store.close()
        assert not list(path.parent.glob("*.new*"))
    assert half, "no kill fell into the making"


def test_opening_a_new_journal_changes_nothing_that_a_kill_could_leave_half_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    path = tmp_path / "journal.db"
    monkeypatch.setattr(Store, "_settle", killed)
    with pytest.raises(Killed):
        Store(path, KEY)
    made = connect(path, KEY, writable=False)
    assert made.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    made.close()
