"""Each provider's own wire format through the real LiteLLM path: what is sent, what is read, what it costs."""

import json

import pytest
from pydantic_ai import Agent

from core.aal import Aal, CallLog, Purpose
from tests.core.aal.conftest import CANARY, GOOD, MODELS, Answer, Chain
from tests.standins.provider import NO_TIER, ProviderStandin


async def ask(aal: Aal, log: CallLog | None = None, words: str = "Are you open?") -> Answer:
    """Ask the chain for a structured answer."""
    agent = Agent(output_type=Answer, instructions="Answer truly.", retries=0)
    return (await agent.run(words, model=aal.model(Purpose.DRAFT, log))).output


@pytest.mark.parametrize("name", sorted(MODELS))
async def test_structured_answer_from_each_provider(name: str, chain: Chain, providers: ProviderStandin) -> None:
    log = CallLog()
    assert await ask(chain(name), log) == Answer.model_validate(GOOD)
    (row,) = log.calls
    assert (row.provider, row.model, row.outcome, row.attempts) == (name, MODELS[name], "ok", 1)
    assert (row.tokens_in, row.tokens_out) == (50, 20)
    (call,) = providers.journal
    assert call.vendor == name
    sent = str(call.body)
    assert "Are you open?" in sent
    assert "Answer truly." in sent
    key = call.headers.get("x-goog-api-key") or call.headers.get("authorization", "").removeprefix("Bearer ")
    assert key == (f"{CANARY}-{name}" if name != "local" else "no-key")


async def test_plain_text_answer(chain: Chain, providers: ProviderStandin) -> None:
    providers.script("openai", "We open at nine.")
    result = await Agent(retries=0).run("When?", model=chain("openai").model(Purpose.DRAFT))
    assert result.output == "We open at nine."


async def test_openrouter_carries_our_name_and_the_data_policy(chain: Chain, providers: ProviderStandin) -> None:
    await ask(chain("openrouter"))
    (call,) = providers.asked("openrouter")
    assert call.headers["x-title"] == "WAXOS"
    assert "litellm" not in call.headers["http-referer"]
    assert call.body["provider"] == {"data_collection": "deny"}


async def test_price_comes_from_our_own_table(chain: Chain) -> None:
    log = CallLog()
    await ask(chain("gemini"), log)
    assert log.calls[0].cost_micro == 65  # 50 tokens at 0.30 USD and 20 at 2.50 USD a million
    await ask(chain("bytez"), log)
    assert log.calls[1].price_version is None


async def test_groq_without_service_tier_is_no_crash(chain: Chain, providers: ProviderStandin) -> None:
    providers.script("groq", NO_TIER)
    assert (await ask(chain("groq", "openai"))).sure


async def test_a_tool_and_its_result_reach_the_provider(chain: Chain, providers: ProviderStandin) -> None:
    agent = Agent(output_type=Answer, retries=0)

    @agent.tool_plain
    def hours() -> str:
        return "nine to five"

    def lookup(_: object) -> dict[str, object]:
        return {}

    providers.script("groq", lookup, json.dumps(GOOD))
    result = await agent.run("When?", model=chain("groq").model(Purpose.DRAFT))
    assert result.output.sure
    _, second = providers.asked("groq")
    assert "nine to five" in str(second.body["messages"])
