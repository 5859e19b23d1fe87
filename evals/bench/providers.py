"""The AI providers of a benchmark: the stand-in of the tests as a process of its own, told over HTTP how to behave."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from pydantic import SecretStr

from core.errors import SetupError
from core.settings import ProviderSettings

ROOT = Path(__file__).parents[2]
_START_S = 60.0
_MODELS = {"openai": "gpt-4o-mini", "groq": "llama-3.3-70b-versatile", "gemini": "gemini-2.5-flash"}


@dataclass(frozen=True, slots=True)
class Providers:
    """The running stand-in."""

    origin: str
    base_urls: Mapping[str, str]
    http: httpx.AsyncClient

    def chain(self, *names: str) -> list[ProviderSettings]:
        """Return a chain of these vendors, all at the stand-in."""
        return [
            ProviderSettings.model_validate(
                {"provider": n, "model": _MODELS[n], "api_key": SecretStr(f"bench-{n}"), "base_url": self.base_urls[n]}
            )
            for n in names
        ]

    async def behave(self, vendor: str, seconds: float, shares: Mapping[str, float] | None = None) -> dict[str, int]:
        """Let a vendor answer after so long and fail in these shares; returns how often each was asked since the last time."""
        said = {"vendor": vendor, "seconds": seconds, "shares": dict(shares or {})}
        asked: dict[str, int] = (await self.http.post(f"{self.origin}/behave", json=said)).json()["asked"]
        return asked


@asynccontextmanager
async def providers() -> AsyncIterator[Providers]:
    """Run the stand-in while the block runs.

    Raises:
        SetupError: this is no checkout, which alone has the stand-in.
    """
    if not (ROOT / "tests" / "standins" / "provider").is_dir():
        raise SetupError("the provider stand-in is not here", hint="run this benchmark in a checkout of WAXOS")
    process = await _python("-m", "tests.standins.provider")
    try:
        told = json.loads(await asyncio.wait_for(_line(process), _START_S))
        async with httpx.AsyncClient(timeout=30) as http:
            yield Providers(told["origin"], told["base_urls"], http)
    finally:
        process.terminate()
        await process.wait()


@dataclass(frozen=True, slots=True)
class Reference:
    """A peer in a process of its own that times its calls itself."""

    process: asyncio.subprocess.Process

    async def times(self, calls: int) -> list[float]:
        """Return the milliseconds of so many calls, one after another."""
        assert self.process.stdin is not None  # noqa: S101 - it was asked for
        self.process.stdin.write(f"{calls}\n".encode())
        await self.process.stdin.drain()
        took: list[float] = json.loads(await _line(self.process))
        return took


@asynccontextmanager
async def reference(script: str, *arguments: str) -> AsyncIterator[Reference]:
    """Run a script of `references/` while the block runs."""
    process = await _python(str(Path(__file__).parent / "references" / script), *arguments)
    try:
        yield Reference(process)
    finally:
        process.terminate()
        await process.wait()


async def _python(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=10_000_000,
    )


async def _line(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None  # noqa: S101 - it was asked for
    line = await process.stdout.readline()
    if not line:
        raise SetupError("a process of the benchmark ended", hint="what it wrote before stands above")
    return line


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that so large a share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
