"""Sends and kills keep in step, and neither waits for the other for ever."""

import asyncio

import pytest

from evals.crashtest.pace import Pace


async def begin(pace: Pace, sends: int) -> None:
    for _ in range(sends):
        assert await pace.may_send(1)


async def test_sends_do_not_run_ahead_of_the_kills() -> None:
    pace = Pace(sends=100, kills=100, tell=lambda _: None)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(begin(pace, 50), 1)
    assert 0 < pace.begun < 20


async def test_a_kill_that_waits_for_a_send_gets_one() -> None:
    pace = Pace(sends=100, kills=100, tell=lambda _: None)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(begin(pace, 50), 1)
    pace.settled(pace.begun)
    before = pace.begun
    assert await asyncio.wait_for(pace.may_send(1), 10)
    assert pace.begun == before + 1
