"""The process that holds the key: a real process, real agents and LiteLLM, on the provider's stand-in."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest
from pydantic import SecretStr

from core.contracts.ids import new_id
from core.contracts.reasoning import Conversation, Passage, ToneProfile, Turn
from core.contracts.states import Direction, MessageKind, Verdict
from core.contracts.texts import text_sha256
from core.errors import Unavailable
from desktop_bridge.byok.thinker import Thinker
from desktop_bridge.byok.thought import Failure, Thinking, Thought
from desktop_bridge.byok.vault import Provider
from tests.standins.provider import ProviderStandin, run_provider
from tests.standins.provider.faults import status

pytest.importorskip("litellm", reason="the extra byok is not installed")

KEY = SecretStr("sk-canary-3b77-of-the-owner")
PASSAGE = Passage(
    id=new_id(), source_id=new_id(), source_title="Prices", text="The beginner wheel course is 145 EUR.", language="en",
    score=0.9,
)  # fmt: skip


@pytest.fixture(scope="module")
async def provider() -> AsyncIterator[ProviderStandin]:
    async with run_provider() as running:
        yield running


@pytest.fixture(scope="module")
async def thinker(provider: ProviderStandin) -> AsyncIterator[Thinker]:
    thinker = await Thinker.start(KEY, Provider("openai", "gpt-4o-mini", provider.base_url("openai")))
    yield thinker
    await thinker.stop()


def _asks(text: str) -> Conversation:
    turn = Turn(
        message_id=new_id(), seq=1, direction=Direction.IN, kind=MessageKind.TEXT, text=text, at=datetime.now(UTC)
    )
    return Conversation(chat_id=new_id(), contact_name="Ana", language=None, history=[], burst=[turn])


def _thinking(conversation: Conversation) -> Thinking:
    return Thinking(conversation=conversation, passages=[PASSAGE], tone=ToneProfile(business_name="Clay"))


async def test_the_same_agents_draft_humanize_and_check_with_the_owners_key(
    thinker: Thinker, provider: ProviderStandin
) -> None:
    looked = await thinker.look(_asks("How much is the beginner wheel course?"))
    assert looked.conversation.language == "en"
    assert looked.queries == ["How much is the beginner wheel course?"]
    made = await thinker.think(_thinking(looked.conversation))
    assert isinstance(made, Thought)
    assert "145 EUR" in " ".join(made.parts)
    assert made.proposal.claims[0].passage_ids == [PASSAGE.id]
    assert made.report is not None
    assert (made.report.verdict, made.report.text_sha256) == (Verdict.PASS, text_sha256(made.parts))
    assert [call.purpose for call in made.calls] == ["draft", "humanize"]
    assert all(call.tokens_in > 0 for call in made.calls)
    asked = provider.asked("openai")
    assert {request.headers["authorization"] for request in asked} == {f"Bearer {KEY.get_secret_value()}"}
    assert (await thinker.look(_asks("Thanks!"))).queries == []


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")
async def test_the_key_is_in_no_argument_no_environment_and_no_core_dump(thinker: Thinker) -> None:
    seen = Path(f"/proc/{thinker.pid}")
    for name in ("cmdline", "environ"):
        assert b"canary-3b77" not in (seen / name).read_bytes()
    core = next(line for line in (seen / "limits").read_text().splitlines() if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"]
    assert (seen / "fd" / "2").resolve() == Path("/dev/null")


async def test_a_failure_is_in_our_words_and_asks_nobody_else(thinker: Thinker, provider: ProviderStandin) -> None:
    provider.clear()
    provider.script("openai", status(401))
    made = await thinker.think(_thinking(_asks("How much is the beginner wheel course?")))
    assert isinstance(made, Failure)
    assert made.code == "provider_key_refused"
    assert "canary-3b77" not in json.dumps(made.model_dump(mode="json"))
    assert [request.vendor for request in provider.journal] == ["openai"]
    assert thinker.running


async def test_locking_ends_the_process_and_whatever_was_asked(thinker: Thinker) -> None:
    process = psutil.Process(thinker.pid)
    asking = asyncio.create_task(thinker.think(_thinking(_asks("How much is the beginner wheel course?"))))
    await asyncio.sleep(0)  # it is on its way
    await thinker.stop()
    assert not process.is_running()
    with pytest.raises(Unavailable):
        await asking
    with pytest.raises(Unavailable):
        await thinker.look(_asks("Hello?"))
