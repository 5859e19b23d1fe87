"""A sandbox and a bridge on it, each a process of its own as an owner runs them; the bridge sends what it is told to."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import SetupError
from evals.crashtest.phones import Phones

_ANSWER_SECONDS = 120.0
_SETTINGS: Mapping[str, str] = {
    "WAXOS_BRIDGE__SENDS_PER_HOUR": "1000000",
    "WAXOS_BRIDGE__SENDS_PER_CHAT_HOUR": "1000000",
    "WAXOS_BRIDGE__JOURNAL_PASSPHRASE": "of a benchmark, kept nowhere",
    "WAXOS_LOG__LEVEL": "warning",
}


@dataclass(frozen=True)
class Sandbox:
    """Where the page is, and the phones of its customers."""

    url: str
    phones: Phones


class Rehearsal:
    """One `waxos bridge rehearse`: `ask` gives it one thing to do and returns what became of it."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self._log = log

    async def ask(self, **what: str) -> dict[str, Any]:
        """Write one line and return the answer.

        Raises:
            SetupError: the bridge ended or is silent; the end of its log.
        """
        if self._process.stdin is None:
            raise SetupError("the bridge was started without an input")
        self._process.stdin.write((json.dumps(what) + "\n").encode())
        return await self.answer()

    async def answer(self) -> dict[str, Any]:
        """Return the next line that it prints. Raises as `ask`."""
        if self._process.stdout is None:
            raise SetupError("the bridge was started without an output")
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                line = await self._process.stdout.readline()
        except TimeoutError:
            line = b""
        if not line:
            raise SetupError(f"the bridge does not answer: {self._log.read_text(encoding='utf-8')[-600:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer


@asynccontextmanager
async def sandbox(home: Path) -> AsyncIterator[Sandbox]:
    """Serve a sandbox for as long as the block lasts."""
    async with _command(["bridge", "sandbox", "--port", "0", "--json"], home, {}) as (process, log):
        line = await process.stdout.readline() if process.stdout else b""
        if not line:
            raise SetupError(f"the sandbox does not start: {log.read_text(encoding='utf-8')[-600:]}")
        said = json.loads(line)
        async with Phones(said["business"], said["token"]) as phones:
            yield Sandbox(said["business"], phones)


@asynccontextmanager
async def rehearsal(page_url: str, home: Path, *, pacing: bool) -> AsyncIterator[tuple[Rehearsal, dict[str, Any]]]:
    """Run a bridge on the page; yields it and what it said when it was ready."""
    given = {
        **_SETTINGS,
        "WAXOS_BRIDGE__PAGE_URL": page_url,
        "WAXOS_BRIDGE__HOME": str(home),
        "WAXOS_BRIDGE__PACING": str(pacing).lower(),
    }
    async with _command(["bridge", "rehearse"], home, given) as (process, log):
        running = Rehearsal(process, log)
        yield running, await running.answer()


@asynccontextmanager
async def _command(
    words: list[str], home: Path, settings: Mapping[str, str]
) -> AsyncIterator[tuple[asyncio.subprocess.Process, Path]]:
    home.mkdir(parents=True, exist_ok=True)
    log = home / f"{words[1]}.log"
    outside = {name: value for name, value in os.environ.items() if not name.startswith("WAXOS_")}
    browser = {name: value for name, value in os.environ.items() if name.startswith("WAXOS_BRIDGE__BROWSER")}
    with log.open("ab") as errors:
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).parent / "waxos"),
            *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            env={**outside, **browser, **settings},
        )
    try:
        yield process, log
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    if process.stdin is not None:
        process.stdin.close()  # a bridge closes its browser then
    for ask in (None, process.terminate, process.kill):
        if ask is not None:
            ask()
        try:
            async with asyncio.timeout(10 if ask is None else 5):
                await process.wait()
        except TimeoutError:
            continue
        return
