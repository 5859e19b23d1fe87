"""What one call costs over the answer itself: our layer beside bare httpx, a bare LiteLLM Router and the LiteLLM proxy, one stand-in."""

import asyncio
import json
import random
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from pydantic_ai.messages import ModelRequest, UserPromptPart
from pydantic_ai.models import ModelRequestParameters
from pydantic_ai.tools import ToolDefinition

from core.aal import CallLog, Purpose, build_aal
from core.errors import SetupError
from core.settings import AalSettings
from evals.bench.providers import Providers, percentile, reference

_ROUNDS = 10
_WARM_UP = 20
_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"parts": {"type": "array", "items": {"type": "string"}}},
    "required": ["parts"],
}
_WORDS = "⟦facts⟧\nOn Saturday we are open from 9 to 13.\n⟦end of facts⟧\n\nLanguage: en. Register: neutral."
_BODY: Mapping[str, Any] = {
    "model": "gpt-4o-mini",
    "messages": [{"role": "user", "content": _WORDS}],
    "tools": [{"type": "function", "function": {"name": "reply", "description": "", "parameters": _SCHEMA}}],
    "tool_choice": {"type": "function", "function": {"name": "reply"}},
}
_PROXY_KEY = "sk-bench-0123456789abcdef0123456789abcdef"

Way = Callable[[int], Awaitable[list[float]]]
"""Makes so many calls one after another and returns the milliseconds of each."""


async def overhead(vendors: Providers, calls: int, proxy: Path | None) -> dict[str, float]:
    """Return the figures of every way, in rounds that are shuffled anew, so that no way has the quiet part of the machine."""
    await vendors.behave("openai", 0.0)
    async with AsyncExitStack() as stack:
        base = vendors.base_urls["openai"]
        http = await stack.enter_async_context(httpx.AsyncClient(timeout=30))
        router = await stack.enter_async_context(reference("litellm_router.py", base, json.dumps(_BODY)))
        ways: dict[str, Way] = {
            "httpx": _posting(http, f"{base}/chat/completions", "bench"),
            "router": router.times,
            "aal": await _ours(vendors),
        }
        if proxy is not None:
            url = await stack.enter_async_context(_proxy(proxy, base))
            ways["proxy"] = _posting(http, f"{url}/v1/chat/completions", _PROXY_KEY)
        took: dict[str, list[float]] = {name: [] for name in ways}
        for way in ways.values():
            await way(_WARM_UP)
        chance = random.Random(1)  # noqa: S311 - an order, not a secret
        for _ in range(_ROUNDS):
            for name in chance.sample(sorted(ways), len(ways)):
                took[name] += await ways[name](max(1, calls // _ROUNDS))
    found = {f"{name}_call_ms_p50": round(percentile(times, 0.5), 2) for name, times in took.items()}
    found |= {f"{name}_call_ms_p95": round(percentile(times, 0.95), 2) for name, times in took.items()}
    found["router_ratio_p50"] = round(found["aal_call_ms_p50"] / found["router_call_ms_p50"], 3)
    found["router_ratio_p95"] = round(found["aal_call_ms_p95"] / found["router_call_ms_p95"], 3)
    if proxy is not None:
        found["proxy_ratio_p50"] = round(found["aal_call_ms_p50"] / found["proxy_call_ms_p50"], 3)
    return found


async def _timed(one: Callable[[], Awaitable[object]], calls: int) -> list[float]:
    took = []
    for _ in range(calls):
        began = time.perf_counter()
        await one()
        took.append((time.perf_counter() - began) * 1000)
    return took


def _posting(http: httpx.AsyncClient, url: str, key: str) -> Way:
    async def one() -> None:
        reply = await http.post(url, json=dict(_BODY), headers={"authorization": f"Bearer {key}"})
        reply.raise_for_status().json()

    return lambda calls: _timed(one, calls)


async def _ours(vendors: Providers) -> Way:
    """Ask by `AalModel`, as agents do: circuits, hedging, reading, the schema and the row are all in it."""
    layer = build_aal(AalSettings(chain=vendors.chain("openai", "groq")))
    await layer.warm()
    log = CallLog()
    model = layer.model(Purpose.HUMANIZE, log)
    assert model is not None  # noqa: S101 - a chain was given
    asked = [ModelRequest(parts=[UserPromptPart(content=_WORDS)])]
    wanted = ModelRequestParameters(output_tools=[ToolDefinition(name="reply", parameters_json_schema=dict(_SCHEMA))])

    async def one() -> None:
        await model.request([*asked], None, wanted)

    return lambda calls: _timed(one, calls)


@asynccontextmanager
async def _proxy(python: Path, base_url: str) -> AsyncIterator[str]:
    """Run LiteLLM's proxy with one worker from another environment while the block runs, and yield its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    params = {"model": "openai/gpt-4o-mini", "api_base": base_url, "api_key": "bench"}
    config = {"model_list": [{"model_name": "gpt-4o-mini", "litellm_params": params}]}
    with tempfile.TemporaryDirectory(prefix="waxos-bench-") as home:
        path = Path(home) / "config.json"
        path.write_text(json.dumps(config), encoding="utf-8")
        process = await asyncio.create_subprocess_exec(
            str(python.with_name("litellm")),
            *("--config", str(path), "--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"),
            cwd=home,
            env={"PATH": str(python.parent), "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MASTER_KEY": _PROXY_KEY},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            await _until_ready(f"http://127.0.0.1:{port}/health/liveliness")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            await process.wait()


async def _until_ready(url: str) -> None:
    async with httpx.AsyncClient(timeout=2) as http:
        for _ in range(240):
            try:
                if (await http.get(url)).is_success:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.5)  # house: sleep - the proxy tells nobody when it is ready
    raise SetupError("the LiteLLM proxy did not start", hint="try it by hand: litellm --config …")
