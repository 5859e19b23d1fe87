"""The stand-in itself, asked without any of the product's code: formats, faults, journal, and life as a process of its own."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.standins.provider import (
    BAD_JSON,
    HANG,
    HUGE,
    NO_CHOICES,
    NO_TIER,
    RESET,
    TRICKLE,
    VENDORS,
    ProviderStandin,
    slow,
    status,
)

ROOT = Path(__file__).parents[3]
DRAFT = {
    "type": "object",
    "properties": {"parts": {"type": "array"}, "claims": {"type": "array"}, "missing": {"type": "array"}},
}
PROMPT = (
    "⟦new messages⟧\nWhen do you open on Saturday?\n⟦end of new messages⟧\n\n"
    "⟦passages⟧\n[1] (Parking) There is parking behind the shop.\n\n"
    "[2] (Hours) We open at nine. On Saturday we open at ten.\n⟦end of passages⟧"
)


@pytest.fixture(scope="module")
async def http() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(headers={"authorization": "Bearer k"}, timeout=20) as client:
        yield client


def chat(text: str, **more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": text}], **more}


def tool(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"type": "function", "function": {"name": "reply", "parameters": schema}}]


@pytest.mark.parametrize("vendor", [vendor for vendor in VENDORS if vendor != "gemini"])
async def test_a_draft_quotes_the_passage_that_answers(
    vendor: str, provider: ProviderStandin, http: httpx.AsyncClient
) -> None:
    sent = chat(PROMPT, tools=tool(DRAFT))
    body = (await http.post(f"{provider.base_url(vendor)}/chat/completions", json=sent)).json()
    (call,) = body["choices"][0]["message"]["tool_calls"]
    said = "On Saturday we open at ten."
    assert json.loads(call["function"]["arguments"]) == {
        "parts": [said],
        "claims": [{"text": said, "passages": [2]}],
        "missing": [],
        "confidence": 0.9,
    }
    assert ("service_tier" in body) == (vendor == "groq")
    (kept,) = provider.journal
    assert (kept.vendor, kept.body, kept.headers["authorization"]) == (vendor, sent, "Bearer k")


async def test_gemini_speaks_its_own_format(provider: ProviderStandin, http: httpx.AsyncClient) -> None:
    sent = {
        "contents": [{"role": "user", "parts": [{"text": PROMPT}]}],
        "tools": [{"functionDeclarations": [{"name": "reply", "parameters": DRAFT}]}],
    }
    url = f"{provider.base_url('gemini')}/models/gemini-2.5-flash:generateContent"
    body = (await http.post(url, json=sent)).json()
    (part,) = body["candidates"][0]["content"]["parts"]
    assert part["functionCall"]["args"]["claims"][0]["passages"] == [2]


async def test_a_shape_asked_in_words_is_answered_in_json(provider: ProviderStandin, http: httpx.AsyncClient) -> None:
    facts = "⟦facts⟧\nWe open at ten.\n⟦end of facts⟧\nLanguage: en. Register: neutral. First reply: greet Ana."
    schema = json.dumps({"properties": {"parts": {"type": "array"}}})
    sent = chat(f"{facts}\nAnswer by this JSON schema:\n{schema}")
    body = (await http.post(f"{provider.base_url('bytez')}/chat/completions", json=sent)).json()
    assert json.loads(body["choices"][0]["message"]["content"]) == {"parts": ["Hi Ana! We open at ten."]}


async def test_embeddings(provider: ProviderStandin, http: httpx.AsyncClient) -> None:
    url = f"{provider.base_url('openai')}/embeddings"
    body = (await http.post(url, json={"model": "ada", "input": ["a", "b", "a"]})).json()
    first, second, third = (row["embedding"] for row in body["data"])
    assert len(first) == 1536
    assert first == third != second
    assert sum(value * value for value in first) == pytest.approx(1)
    url = f"{provider.base_url('gemini')}/models/text-embedding-004:batchEmbedContents"
    body = (await http.post(url, json={"requests": [{"content": {"parts": [{"text": "a"}]}}]})).json()
    assert len(body["embeddings"][0]["values"]) == 768


async def test_faults_come_in_their_order_and_end(provider: ProviderStandin, http: httpx.AsyncClient) -> None:
    url = f"{provider.base_url('groq')}/chat/completions"
    provider.script("groq", status(429, retry_after="7"), status(503), BAD_JSON, HUGE, NO_CHOICES, NO_TIER, "Hello.")
    replies = [await http.post(url, json=chat("Hi")) for _ in range(8)]
    limited, down, bad, huge, none, tierless, scripted, usual = replies
    assert (limited.status_code, limited.headers["retry-after"], down.status_code) == (429, "7", 503)
    with pytest.raises(ValueError, match="Unterminated"):
        bad.json()
    assert len(huge.content) > 5_000_000
    assert none.json()["choices"] == []
    assert "service_tier" not in tierless.json()
    assert scripted.json()["choices"][0]["message"]["content"] == "Hello."
    assert usual.json()["choices"][0]["message"]["content"]


async def test_broken_connections(provider: ProviderStandin, http: httpx.AsyncClient) -> None:
    url = f"{provider.base_url('openai')}/chat/completions"
    provider.script("openai", RESET, HANG, TRICKLE, slow(0.3))
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        await http.post(url, json=chat("Hi"))
    with pytest.raises(httpx.ReadTimeout):
        await http.post(url, json=chat("Hi"), timeout=0.5)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(http.post(url, json=chat("Hi")), 0.5)
    late = await http.post(url, json=chat("Hi"))
    assert late.is_success
    assert late.elapsed.total_seconds() >= 0.3
    with pytest.raises(httpx.ConnectError):
        await http.post(f"{provider.refused_url('openai')}/chat/completions", json=chat("Hi"))


async def test_no_key_no_answer(provider: ProviderStandin) -> None:
    async with httpx.AsyncClient() as http:
        reply = await http.post(f"{provider.base_url('openai')}/chat/completions", json=chat("Hi"))
        assert reply.status_code == 401
        reply = await http.post(f"{provider.base_url('local')}/chat/completions", json=chat("Hi"))
        assert reply.is_success


async def test_it_runs_by_itself() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.standins.provider", "--port", "0", cwd=ROOT, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        line = json.loads(await asyncio.wait_for(process.stdout.readline(), 60))
        (bytez,) = (link for link in line["chain"] if link["provider"] == "bytez")
        async with httpx.AsyncClient(headers={"authorization": f"Bearer {bytez['api_key']}"}) as http:
            assert (await http.post(f"{bytez['base_url']}/chat/completions", json=chat("Hi"), timeout=20)).is_success
    finally:
        process.send_signal(signal.SIGTERM)
        code = await asyncio.wait_for(process.wait(), 30)
    assert code == 0
