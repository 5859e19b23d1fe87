"""A silent provider gets the next one beside it: who answers, what it costs, and when it is not done."""

import asyncio
import time

import pytest

from core.aal import CallLog
from core.aal.asking import Paces
from core.aal.errors import NoProviderAnswered, ProviderSlow
from tests.core.aal.conftest import Chain
from tests.core.aal.test_providers import ask
from tests.standins.provider import HANG, ProviderStandin, slow, status


async def test_the_next_one_answers_while_the_first_is_silent(chain: Chain, providers: ProviderStandin) -> None:
    aal = chain("openai", "groq", hedge_seconds=0.3)
    await aal.warm()
    await ask(aal)
    providers.script("openai", *[slow(30)] * 3)
    log = CallLog()
    began = time.monotonic()
    await asyncio.gather(*(ask(aal, log) for _ in range(3)))
    assert time.monotonic() - began < 10
    assert [(row.provider, row.attempts) for row in log.calls] == [("groq", 2)] * 3
    await ask(aal, log)  # three times overtaken is three failures: it rests
    assert (log.calls[-1].provider, log.calls[-1].attempts) == ("groq", 1)


async def test_the_first_one_still_wins_when_it_answers_first(chain: Chain, providers: ProviderStandin) -> None:
    aal = chain("openai", "groq", hedge_seconds=0.3)
    await aal.warm()
    providers.script("openai", slow(1.0))
    providers.script("groq", HANG)
    log = CallLog()
    await ask(aal, log)
    assert (log.calls[0].provider, log.calls[0].attempts) == ("openai", 2)
    assert len(providers.asked("groq")) == 1


async def test_no_more_than_two_at_once_and_a_failure_makes_room(chain: Chain, providers: ProviderStandin) -> None:
    aal = chain("openai", "groq", "gemini", "bytez", hedge_seconds=0.2, attempt_seconds=30, total_seconds=3)
    await aal.warm()
    providers.script("openai", HANG)
    providers.script("groq", status(500))
    providers.script("gemini", HANG)
    log = CallLog()
    with pytest.raises(NoProviderAnswered) as caught:
        await ask(aal, log)
    assert [request.vendor for request in providers.journal] == ["openai", "groq", "gemini"]
    assert sum(isinstance(attempt, ProviderSlow) for attempt in caught.value.attempts) == 2
    assert log.calls[0].latency_ms < 10_000


def test_who_usually_takes_long_is_given_longer() -> None:
    paces = Paces(0.8)
    assert paces.patience("a") == 0.8
    for _ in range(10):
        paces.note("a", 2.0)
        paces.note("b", 0.1)
    paces.note("a", 60.0)
    assert paces.patience("a") == 3.0
    assert paces.patience("b") == 0.8
    assert Paces(0).patience("a") is None
