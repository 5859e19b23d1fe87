"""When a provider fails: who is asked next, how often, for how long, and what is said when nobody answers."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent

from agents.text.sayable import sayable
from core.aal import CallLog, Purpose
from core.aal.circuits import memory_circuits
from core.aal.errors import (
    NoProviderAnswered,
    ProviderAnswerUnusable,
    ProviderDown,
    ProviderLimited,
    ProviderOutOfCredit,
    ProviderRefusedKey,
    ProviderRejected,
    ProviderSlow,
)
from core.aal.language import LanguageDetector
from tests.core.aal.conftest import GOOD, Chain, NeverResting
from tests.core.aal.test_providers import ask
from tests.standins.provider import (
    BAD_JSON,
    CUT_OFF,
    EMPTY,
    HANG,
    HUGE,
    NO_CHOICES,
    RESET,
    TRICKLE,
    WRONG_LANGUAGE,
    ProviderStandin,
    slow,
    status,
)


class Parts(BaseModel):
    """A reply of some messages."""

    parts: list[str]


VENDORS = ["bytez", "openrouter", "groq", "gemini", "openai"]
QUICK = [
    (status(400), {ProviderRejected}),
    (status(401), {ProviderRefusedKey}),
    (status(404), {ProviderRejected}),
    (status(429), {ProviderLimited}),
    (status(500), {ProviderDown}),
    (status(503), {ProviderDown}),
    (RESET, {ProviderDown}),
    (BAD_JSON, {ProviderDown, ProviderAnswerUnusable, ProviderRejected}),  # LiteLLM calls Gemini's a 422
    (EMPTY, {ProviderAnswerUnusable}),
    (NO_CHOICES, {ProviderAnswerUnusable, ProviderDown}),
    (HUGE, {ProviderAnswerUnusable}),
    (CUT_OFF, {ProviderAnswerUnusable}),
]


@pytest.mark.parametrize("vendor", VENDORS)
async def test_each_fault_is_asked_once_and_the_next_one_answers(
    vendor: str, chain: Chain, providers: ProviderStandin
) -> None:
    aal = chain(vendor, "local", cooldowns=NeverResting())
    alone = chain(vendor, cooldowns=NeverResting())
    for fault, kinds in QUICK:
        providers.journal.clear()
        providers.script(vendor, fault)
        log = CallLog()
        assert (await ask(aal, log)).sure, fault
        assert (log.calls[0].provider, log.calls[0].attempts) == ("local", 2), fault
        assert [request.vendor for request in providers.journal] == [vendor, "local"], fault
        providers.script(vendor, fault)
        with pytest.raises(NoProviderAnswered) as caught:
            await ask(alone)
        (attempt,) = caught.value.attempts
        assert type(attempt) in kinds, (fault, attempt)


@pytest.mark.parametrize("vendor", ["openai", "gemini"])
async def test_a_silent_provider_costs_one_attempt(vendor: str, chain: Chain, providers: ProviderStandin) -> None:
    aal = chain(vendor, "local", attempt_seconds=3.0, cooldowns=NeverResting())
    await aal.warm()
    faults = [HANG, TRICKLE, slow(60)]
    providers.script(vendor, *faults)
    log = CallLog()
    started = time.monotonic()
    await asyncio.gather(*(ask(aal, log) for _ in faults))
    assert time.monotonic() - started < 20
    assert [(row.provider, row.attempts) for row in log.calls] == [("local", 2)] * 3
    assert all(row.latency_ms >= 2900 for row in log.calls)
    assert len(providers.asked(vendor)) == 3


async def test_a_slow_first_byte_within_the_time_is_an_answer(chain: Chain, providers: ProviderStandin) -> None:
    providers.script("openai", slow(0.5))
    log = CallLog()
    await ask(chain("openai", "local"), log)
    assert (log.calls[0].provider, log.calls[0].attempts) == ("openai", 1)


@pytest.mark.parametrize("vendor", VENDORS)
async def test_a_refused_connection(vendor: str, chain: Chain, providers: ProviderStandin) -> None:
    log = CallLog()
    await ask(chain(vendor, "local", dead=vendor), log)
    assert log.calls[0].provider == "local"
    assert [request.vendor for request in providers.journal] == ["local"]


async def test_the_order_of_the_chain_is_kept(chain: Chain, providers: ProviderStandin) -> None:
    order = ["groq", "bytez", "gemini", "openrouter", "openai"]
    for vendor in order[:-1]:
        providers.script(vendor, status(503))
    log = CallLog()
    await ask(chain(*order), log)
    assert [request.vendor for request in providers.journal] == order
    assert (log.calls[0].provider, log.calls[0].attempts) == ("openai", 5)


async def test_the_total_time_is_kept(chain: Chain, providers: ProviderStandin) -> None:
    aal = chain("openai", "groq", "gemini", attempt_seconds=50, total_seconds=1.5)
    await aal.warm()
    for name in ("openai", "groq", "gemini"):
        providers.script(name, HANG)
    started = time.monotonic()
    log = CallLog()
    with pytest.raises(NoProviderAnswered) as caught:
        await ask(aal, log)
    assert time.monotonic() - started < 15  # one attempt alone would take 50
    assert caught.value.call == log.calls[0]
    assert log.calls[0].outcome == ProviderSlow.code


async def test_all_down_says_how_each_failed_and_what_to_do(chain: Chain, providers: ProviderStandin) -> None:
    providers.script("bytez", status(500))
    providers.script("openrouter", status(402))
    providers.script("groq", status(429, retry_after="9"))
    log = CallLog()
    with pytest.raises(NoProviderAnswered) as caught:
        await ask(chain("bytez", "openrouter", "groq", "gemini", dead="gemini"), log)
    error = caught.value
    assert [type(a) for a in error.attempts] == [ProviderDown, ProviderOutOfCredit, ProviderLimited, ProviderDown]
    assert error.attempts[2].retry_after == 9
    assert error.status == 502
    assert error.hint
    for said in ("bytez/", "no credit left", "rate limit", "gemini/", "cannot be reached"):
        assert said in error.detail
    assert [row.attempts for row in log.calls] == [4]


@pytest.mark.parametrize("vendor", VENDORS)
async def test_retry_after_is_read_in_both_forms(vendor: str, chain: Chain, providers: ProviderStandin) -> None:
    cooldowns = NeverResting()
    aal = chain(vendor, "local", cooldowns=cooldowns)
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    providers.script(vendor, *(status(429, retry_after=value) for value in ("7", later, "soon")))
    for _ in range(3):
        await ask(aal)
    seconds, date, nonsense = cooldowns.asked_for
    assert seconds == 7
    assert date is not None
    assert 3000 < date <= 3600
    assert nonsense is None


async def test_a_limited_provider_rests_and_comes_back(chain: Chain, providers: ProviderStandin) -> None:
    now = [100.0]
    aal = chain("openai", "groq", cooldowns=memory_circuits(lambda: now[0]))
    providers.script("openai", status(429, retry_after="6"))
    for _ in range(2):
        await ask(aal)
    assert [request.vendor for request in providers.journal] == ["openai", "groq", "groq"]
    assert (await aal.status()).chain[0].resting_seconds == 6
    now[0] += 6
    log = CallLog()
    await ask(aal, log)
    assert log.calls[0].provider == "openai"


WRONG = [
    "I would rather not.",
    '{"text": "half',
    {"text": "Yes."},
    {"text": "Yes.", "sure": "perhaps"},
    {"text": "Yes.", "sure": True, "score": 7},
]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
async def test_a_wrong_shape_is_corrected_once(
    wrong: str | dict[str, object], chain: Chain, providers: ProviderStandin
) -> None:
    providers.script("openai", wrong)
    log = CallLog()
    assert (await ask(chain("openai", "groq"), log)).text == GOOD["text"]
    row = log.calls[0]
    assert (row.provider, row.attempts, row.tokens_in) == ("openai", 2, 100)
    first, second = providers.journal
    asked_first, asked_again = first.body["messages"], second.body["messages"]
    assert asked_again[: len(asked_first)] == asked_first
    assert [message["role"] for message in asked_again[len(asked_first) :]] == ["assistant", "user"]
    assert "cannot be used" in asked_again[-1]["content"]


@pytest.mark.parametrize("wrong", WRONG[:1] + WRONG[3:], ids=str)
async def test_wrong_twice_goes_to_the_next_provider(
    wrong: str | dict[str, object], chain: Chain, providers: ProviderStandin
) -> None:
    providers.script("bytez", wrong, wrong)
    log = CallLog()
    await ask(chain("bytez", "groq"), log)
    assert [request.vendor for request in providers.journal] == ["bytez", "bytez", "groq"]
    row = log.calls[0]
    assert (row.provider, row.attempts, row.tokens_in, row.tokens_out) == ("groq", 3, 150, 60)


async def test_digits_in_quotes_are_a_number(chain: Chain, providers: ProviderStandin) -> None:
    providers.script("openai", {"text": "Yes.", "sure": True, "score": "0.5"})
    assert (await ask(chain("openai"))).score == 0.5
    assert len(providers.journal) == 1


@pytest.mark.parametrize("vendor", VENDORS)
async def test_another_language_and_a_novel_are_corrected_once_and_then_no_answers(
    vendor: str, chain: Chain, providers: ProviderStandin
) -> None:
    """As the drafter judges it: what the customer could not read, or would not, is no answer."""
    aal = chain(vendor, "local", cooldowns=NeverResting())
    wrong = sayable(LanguageDetector(), "en")
    good = {"parts": ["We are open on Saturday from nine to one."]}
    providers.answer_with(lambda _: good)
    agent = Agent(output_type=Parts, retries=0)
    for faults, asked in (
        ((WRONG_LANGUAGE,), [vendor, vendor]),
        ((WRONG_LANGUAGE, WRONG_LANGUAGE), [vendor, vendor, "local"]),
        (({"parts": ["Open. " * 600]},) * 2, [vendor, vendor, "local"]),
    ):
        providers.journal.clear()
        providers.script(vendor, *faults)
        found = await agent.run("Are you open?", model=aal.model(Purpose.DRAFT, accepts=wrong))
        assert found.output.parts == good["parts"]
        assert [request.vendor for request in providers.journal] == asked
        assert "cannot be used" in str(providers.journal[1].body)
