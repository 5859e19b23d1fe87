"""Names that hold for a while, in memory and in Redis: the same promises."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from core.aal.circuits import Marks, MemoryMarks
from core.jobs.marks import RedisMarks


@pytest.fixture(params=["memory", "redis"])
async def marks(request: pytest.FixtureRequest) -> AsyncIterator[Marks]:
    if request.param == "memory":
        yield MemoryMarks()
        return
    shared = RedisMarks(request.getfixturevalue("valkey_url"), wait_s=10)
    yield shared
    await shared.close()


async def test_a_name_is_taken_by_one(marks: Marks) -> None:
    took = await asyncio.gather(*(marks.take("probe", 5) for _ in range(10)))
    assert sorted(took) == [False] * 9 + [True]
    await marks.drop(["probe"])
    assert await marks.take("probe", 5)


async def test_a_name_holds_for_as_long_as_was_said(marks: Marks) -> None:
    await marks.hold("long", 30)
    await marks.hold("short", 0.05)
    long, _, never = await marks.left(["long", "short", "never"])
    assert 28 < long <= 30
    assert never == 0
    gone = asyncio.get_running_loop().time() + 2
    while (await marks.left(["short"]))[0]:
        assert asyncio.get_running_loop().time() < gone
        await asyncio.sleep(0.02)
    await marks.hold("long", 5)
    assert (await marks.left(["long"]))[0] <= 5


async def test_counting_begins_again_when_none_came_for_long(marks: Marks) -> None:
    assert [await marks.count("failures", 30) for _ in range(3)] == [1, 2, 3]
    await marks.drop(["failures"])
    assert await marks.count("failures", 0.05) == 1
    await asyncio.sleep(0.1)
    assert await marks.count("failures", 0.05) == 1
