"""`waxos aal` as a person runs it, against the provider stand-in."""

import asyncio
import json
import os
import sys
from pathlib import Path

from core.aal.catalog import catalog
from core.aal.chain import build_chain
from core.aal.circuits import Circuits, MemoryMarks
from core.jobs.marks import RedisMarks
from core.settings import AalSettings, ProviderSettings
from tests.core.aal.conftest import CANARY, link
from tests.standins.provider import HANG, ProviderStandin, status


def chain_of(provider: ProviderStandin, *names: str) -> list[ProviderSettings]:
    return [link(name, provider.base_url(name)) for name in names]


async def waxos(chain: list[ProviderSettings], *words: str, **more: str) -> tuple[int, str]:
    entries = [
        entry.model_dump(mode="json") | {"api_key": entry.api_key.get_secret_value() if entry.api_key else None}
        for entry in chain
    ]
    env = {name: value for name, value in os.environ.items() if not name.startswith("WAXOS_")}
    env |= {"WAXOS_AAL__CHAIN": json.dumps(entries), **more}
    command = str(Path(sys.executable).parent / "waxos")
    process = await asyncio.create_subprocess_exec(
        command, "aal", *words, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    out, _ = await asyncio.wait_for(process.communicate(), 100)
    assert CANARY not in out.decode()
    assert process.returncode is not None
    return process.returncode, out.decode()


async def test_status_shows_the_order_the_facts_and_who_rests(provider: ProviderStandin, valkey_url: str) -> None:
    chain = chain_of(provider, "groq", "bytez")
    circuit = build_chain(AalSettings(chain=chain), catalog())[0].circuit
    await Circuits(MemoryMarks(), RedisMarks(valkey_url)).failed(circuit, 60)
    code, said = await waxos(chain, "status", WAXOS_REDIS_URL=valkey_url)
    groq, bytez = said.split("2. ")
    assert code == 0
    assert "Groq" in groq
    assert "rests for" in groq
    assert "trains on what it reads: no" in groq
    assert "console.groq.com" in groq
    assert "is asked" in bytez
    assert "not known, which counts as yes" in bytez
    assert provider.journal == []
    code, said = await waxos([], "status")
    assert (code, "No AI provider is set up" in said) == (0, True)


async def test_each_provider_is_really_asked_and_a_bad_key_is_told(provider: ProviderStandin) -> None:
    provider.script("openai", status(401))
    code, said = await waxos(chain_of(provider, "groq", "openai", "gemini"), "test", "--json")
    groq, openai, gemini = (json.loads(line) for line in said.splitlines())
    assert code == 1
    assert [request.vendor for request in provider.journal] == ["groq", "openai", "gemini"]
    assert (groq["answered_by"], groq["attempts"]) == ("groq/llama-3.3-70b-versatile", 1)
    assert openai["answered_by"] is None
    assert "refused the key" in openai["fault"]
    assert "check the key" in openai["hint"]
    assert gemini["cost_micro"] > 0


async def test_a_drill_forces_failures_and_shows_who_takes_over(provider: ProviderStandin) -> None:
    code, said = await waxos(chain_of(provider, "openai", "groq", "bytez"), "drill")
    assert code == 0
    assert [request.vendor for request in provider.journal] == ["groq", "bytez"]
    assert said.index("groq/llama-3.3-70b-versatile answered") < said.index("bytez/google/gemma-3-4b-it answered")
    assert "nobody answered" in said
    assert "(forced)" in said
    provider.script("bytez", HANG)
    code, said = await waxos(
        chain_of(provider, "openai", "groq", "bytez"),
        "drill",
        WAXOS_AAL__TOTAL_SECONDS="2",
        WAXOS_AAL__ATTEMPT_SECONDS="1",
    )
    assert code == 1
    assert "did not answer in time" in said
