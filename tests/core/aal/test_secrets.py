"""Keys and customers' words stay where they belong, and nobody is called but the providers of the chain."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from core.aal.errors import NoProviderAnswered
from tests.core.aal.conftest import CANARY, MODELS, Chain
from tests.core.aal.test_providers import ask
from tests.standins.provider import BAD_JSON, RESET, ProviderStandin, status

NAMES = ("openai", "openrouter", "groq", "gemini", "bytez")
ROOT = Path(__file__).parents[3]


async def test_no_key_in_any_error(chain: Chain, providers: ProviderStandin) -> None:
    aal = chain(*NAMES)
    for name in NAMES:
        providers.script(name, status(401))
    with pytest.raises(NoProviderAnswered) as caught:
        await ask(aal)
    error: BaseException | None = caught.value
    seen = []
    while error is not None:
        seen.append(repr(error) + str(error) + str(vars(error)))
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    seen += [repr(attempt) + str(vars(attempt)) for attempt in caught.value.attempts]
    assert not any(CANARY in text for text in seen)
    assert all(attempt.__cause__ is None and attempt.__suppress_context__ for attempt in caught.value.attempts)
    assert CANARY in str(providers.journal)  # the key did reach the provider, so the search above could have found it


async def test_a_process_with_loud_logs_shows_no_key_and_calls_nobody_else(providers: ProviderStandin) -> None:
    chain: list[dict[str, Any]] = [
        {"provider": n, "model": MODELS[n], "api_key": f"{CANARY}-{n}", "base_url": providers.base_url(n)}
        for n in NAMES
    ]
    for name, fault in zip(NAMES, (status(401), status(500), status(429), RESET, BAD_JSON), strict=True):
        providers.script(name, fault)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.core.aal.quiet_run",
        json.dumps(chain),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, logs = await asyncio.wait_for(process.communicate(), 100)
    assert process.returncode == 0, logs.decode()
    found = json.loads(out)
    assert "no AI provider answered" in found["said"]
    assert found["answer"] == "Yes, on Saturdays."
    assert [row["outcome"] == "ok" for row in found["rows"]] == [False, True]
    assert CANARY in str(providers.journal)
    assert CANARY not in out.decode()
    assert CANARY not in logs.decode()
    assert "customer-words" in str(providers.journal)
    assert "customer-words" not in logs.decode()
    assert set(found["hosts"]) <= {"127.0.0.1", "localhost", "None"}
