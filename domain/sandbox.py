"""Reading a stranger's file in a child process of its own, so that neither its crash nor its hunger hurts who asked.

The child is a module that calls `domain.sandboxed.serve`.
"""

import asyncio
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from core.errors import Unavailable
from domain.knowledge.documents import Unreadable

_GIVES_BACK = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "131072"}
"""Has glibc return at once what a library let go: of 1,000 pages of a PDF that is a third of what reading them takes at most."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Starts one child a file. `memory_mb` bounds its address space, `cpu_s` its computing, `wall_s` the wait."""

    memory_mb: int = 2048
    cpu_s: int = 60
    wall_s: float = 90.0

    async def run(self, module: str, order: Mapping[str, object], data: AsyncIterable[bytes]) -> dict[str, Any]:
        """Hand an order and a file to a child that runs `module`, and return its answer.

        Raises:
            Unreadable: the file cannot be used; says why.
            Unavailable: the child was killed from outside; trying again may help.
        """
        first = json.dumps({**order, "memory_mb": self.memory_mb, "cpu_s": self.cpu_s}).encode() + b"\n"
        with tempfile.TemporaryDirectory(prefix="waxos-reading-") as scratch:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                "-m",
                module,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env={"PATH": os.defpath, "LANG": "C.UTF-8", "TMPDIR": scratch} | _GIVES_BACK,
                start_new_session=True,
            )
            try:
                async with asyncio.timeout(self.wall_s):
                    _, output = await asyncio.gather(_feed(process, first, data), _output(process))
                    await process.wait()
            except TimeoutError:
                raise _too_slow() from None
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
        return _answer(process.returncode or 0, output)


async def _feed(process: asyncio.subprocess.Process, first: bytes, data: AsyncIterable[bytes]) -> None:
    """Write the order and the file; a child that has died says so by its status."""
    if process.stdin is None:
        return
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(first)
        async for part in data:
            process.stdin.write(part)
            await process.stdin.drain()
        await process.stdin.drain()
    process.stdin.close()


async def _output(process: asyncio.subprocess.Process) -> bytes:
    return await process.stdout.read() if process.stdout is not None else b""


def _answer(status: int, output: bytes) -> dict[str, Any]:
    if status == -signal.SIGXCPU:
        raise _too_slow()
    if status == -signal.SIGKILL:
        raise Unavailable("The process that read the file was stopped from outside.", retry_after=5)
    if status:
        raise Unreadable(
            "Reading the file failed: it is damaged in a way that breaks its reader, or needs too much memory.",
            hint="Open it in its own program, save it again or split it, and upload that.",
        )
    answer: dict[str, Any] = json.loads(output)
    if "unreadable" in answer:
        raise Unreadable(answer["unreadable"].pop("detail"), **answer["unreadable"])
    return answer


def _too_slow() -> Unreadable:
    return Unreadable("Reading the file took too long.", hint="Split it into smaller files and upload those.")
