"""Work goes on while the channel is held, rests until its bell, and calms down after faults that waiting may heal."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from types import SimpleNamespace

import pytest

from core.errors import NotAuthenticated, Unavailable, WaxosError
from desktop_bridge.errors import JournalDamaged
from desktop_bridge.running import holding


class Work:
    """Does what the test lays out for it: a rest is returned, a fault is raised; `did` counts."""

    def __init__(self, *turns: float | WaxosError) -> None:
        self.lease = SimpleNamespace(held=asyncio.Event())
        self.bell = asyncio.Event()
        self.faults: list[WaxosError] = []
        self.did = 0
        self._turns: Iterator[float | WaxosError] = iter(turns)
        self._moved = asyncio.Condition()

    async def once(self) -> float:
        self.bell.clear()
        turn = next(self._turns, 60.0)
        async with self._moved:
            self.did += 1
            self._moved.notify_all()
        if isinstance(turn, WaxosError):
            raise turn
        return turn

    async def until(self, did: int) -> None:
        async with asyncio.timeout(5), self._moved:
            await self._moved.wait_for(lambda: self.did >= did)

    def run(self, patience: int = 0) -> "asyncio.Task[None]":
        return asyncio.create_task(
            holding.while_held(self.lease, self.once, self.bell, self.faults.append, patience=patience)
        )


async def _idle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_nothing_is_done_without_the_channel_and_a_rest_ends_with_the_bell() -> None:
    work = Work(0.0, 60.0)
    task = work.run()
    await _idle()
    assert work.did == 0
    work.lease.held.set()
    await work.until(2)
    await _idle()
    assert work.did == 2, "there was nothing more to do"
    work.bell.set()
    await work.until(3)
    work.lease.held.clear()
    work.bell.set()
    await _idle()
    assert work.did == 3
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_pauses_grow_with_faults_in_a_row_and_begin_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[int] = []

    def short(tries: int) -> float:
        pauses.append(tries)
        return 0.0

    monkeypatch.setattr(holding, "pause", short)
    away = Unavailable("the server is away")
    work = Work(away, away, 0.0, away)
    work.lease.held.set()
    task = work.run(patience=2)
    await work.until(5)
    task.cancel()
    assert pauses == [3, 4, 3]
    assert work.faults == [away] * 3


@pytest.mark.parametrize("fault", [NotAuthenticated("revoked"), JournalDamaged("altered")])
async def test_what_waiting_does_not_heal_ends_the_work(fault: WaxosError) -> None:
    work = Work(fault)
    work.lease.held.set()
    with pytest.raises(type(fault)):
        await asyncio.wait_for(work.run(), 5)
    assert work.faults == []
