"""Providers that rest: after how many failures, for how long, who tries them again, and that all processes know."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator

import pytest
import redis

from core.aal import CallLog
from core.aal.circuits import Circuits, MemoryMarks, memory_circuits
from core.aal.errors import NoProviderAnswered, ProviderResting
from core.jobs.marks import RedisMarks
from tests.core.aal.conftest import Chain
from tests.core.aal.test_providers import ask
from tests.standins.provider import ProviderStandin, status

VENDORS = ["bytez", "openrouter", "groq", "gemini", "openai", "local"]


@pytest.fixture
async def shared(valkey_url: str) -> AsyncIterator[RedisMarks]:
    marks = RedisMarks(valkey_url, wait_s=10)  # on a busy machine an answer may take longer than a desk would wait
    yield marks
    await marks.close()


async def test_three_failures_rest_it_and_one_caller_tries_it_again() -> None:
    now = [100.0]
    circuits = memory_circuits(lambda: now[0])
    for asked in (True, True, True, False):
        assert await circuits.may_ask("a") is asked
        if asked:
            await circuits.failed("a", None)
    assert await circuits.resting("a") == 5
    now[0] += 5
    assert [await circuits.may_ask("a") for _ in range(20)] == [True] + [False] * 19
    await circuits.failed("a", None)
    assert not await circuits.may_ask("a")
    now[0] += 5
    assert await circuits.may_ask("a")
    await circuits.worked("a")
    assert all([await circuits.may_ask("a") for _ in range(20)])


async def test_a_prober_that_dies_does_not_keep_the_others_out() -> None:
    now = [100.0]
    circuits = memory_circuits(lambda: now[0])
    for _ in range(3):
        await circuits.failed("a", None)
    now[0] += 5
    assert await circuits.may_ask("a")
    now[0] += 5
    assert await circuits.may_ask("a")


async def test_an_answer_of_any_process_closes_the_circuit_for_all(shared: RedisMarks) -> None:
    one, two = Circuits(MemoryMarks(), shared), Circuits(MemoryMarks(), shared)
    await one.failed("a", None)
    await two.failed("a", None)
    assert await two.may_ask("a")
    await one.failed("a", None)
    assert not await two.may_ask("a")
    assert 4 < await two.resting("a") <= 5
    await one.worked("a")
    assert await two.may_ask("a")
    await two.failed("b", 60)
    assert not await one.may_ask("b")


async def test_an_emptied_redis_lets_ask_again(shared: RedisMarks, valkey_url: str) -> None:
    circuits = Circuits(MemoryMarks(), shared)
    await circuits.failed("a", 60)
    redis.Redis.from_url(valkey_url).flushall()
    assert await circuits.may_ask("a")


@pytest.mark.parametrize("state", ["hung", "refused"])
async def test_without_redis_a_process_knows_its_own_and_waits_100_ms_at_most(state: str) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        if state == "hung":
            listener.listen()
        took = [await _asked_without(f"redis://127.0.0.1:{listener.getsockname()[1]}/0") for _ in range(3)]
    assert min(took) < 0.1


async def _asked_without(url: str) -> float:
    """Use circuits whose Redis does not answer, and return how long that took."""
    marks = RedisMarks(url)
    circuits = Circuits(MemoryMarks(), marks)
    began = time.monotonic()
    assert await circuits.may_ask("a")
    for _ in range(3):
        await circuits.failed("a", None)
    assert not await circuits.may_ask("a")
    await marks.close()
    return time.monotonic() - began


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_dead_provider_of_any_prefix_is_left_alone_by_all(
    vendor: str, chain: Chain, providers: ProviderStandin, shared: RedisMarks
) -> None:
    """A refused connection, and a 503: some prefixes never rest in LiteLLM's own counting."""
    other = "openai" if vendor == "local" else "local"
    for dead in (None, vendor):  # at two addresses: two circuits
        aals = [chain(vendor, other, dead=dead, cooldowns=Circuits(MemoryMarks(), shared)) for _ in range(2)]
        providers.clear()
        providers.answer_with(lambda _: {"text": "Yes.", "sure": True})
        providers.script(vendor, *[status(503)] * 30)
        log = CallLog()
        for number in range(8):
            await ask(aals[number % 2], log)
        assert [row.attempts for row in log.calls] == [2, 2, 2, 1, 1, 1, 1, 1]
        assert len(providers.asked(vendor)) == (0 if dead else 3)


async def test_when_all_rest_it_is_said_at_once_and_one_of_many_tries(chain: Chain, providers: ProviderStandin) -> None:
    now = [100.0]
    aal = chain("openai", "groq", cooldowns=memory_circuits(lambda: now[0]))
    providers.script("openai", *[status(500)] * 4)
    providers.script("groq", *[status(500)] * 4)
    for _ in range(3):
        with pytest.raises(NoProviderAnswered):
            await ask(aal)
    began = time.monotonic()
    with pytest.raises(NoProviderAnswered, match="rests after failing") as caught:
        await ask(aal)
    assert time.monotonic() - began < 1
    assert [type(attempt) for attempt in caught.value.attempts] == [ProviderResting] * 2
    assert caught.value.retry_after == 5
    assert caught.value.call.attempts == 0
    assert len(providers.journal) == 6
    now[0] += 5
    found = await asyncio.gather(*(ask(aal) for _ in range(20)), return_exceptions=True)
    assert len(providers.journal) == 8
    assert all(isinstance(one, NoProviderAnswered) for one in found)
    now[0] += 5
    await ask(aal)
    assert (await ask(aal)).sure


async def test_a_refused_question_rests_nobody_and_a_refused_key_does_at_once(
    chain: Chain, providers: ProviderStandin
) -> None:
    aal = chain("openai", "groq")
    providers.script("openai", *[status(400)] * 4)
    for _ in range(5):
        await ask(aal)
    assert len(providers.asked("openai")) == 5
    providers.script("openai", status(401))
    for _ in range(3):
        await ask(aal)
    assert len(providers.asked("openai")) == 6
    assert 50 < (await aal.status()).chain[0].resting_seconds <= 60
