"""Reading a file in a child process of its own: strangers made it, so neither its crash nor its hunger may hurt the worker."""

import asyncio
import json
import os
import signal
import sys
import tempfile
from dataclasses import dataclass

from core.errors import Unavailable
from domain.knowledge.documents import Document, Unreadable

_MODULE = "domain.knowledge.reading_child"


@dataclass(frozen=True, slots=True)
class FileReader:
    """Starts one child a file. `memory_mb` bounds its address space, `cpu_s` its computing, `wall_s` the wait."""

    memory_mb: int = 2048
    cpu_s: int = 60
    wall_s: float = 90.0

    async def read(self, data: bytes, mime: str | None) -> Document:
        """Return the blocks of a file. `mime` is what it was declared to be.

        Raises:
            Unreadable: the file cannot become knowledge; says why.
            Unavailable: the child was killed from outside; trying again may help.
        """
        order = json.dumps({"mime": mime, "memory_mb": self.memory_mb, "cpu_s": self.cpu_s}).encode() + b"\n"
        with tempfile.TemporaryDirectory(prefix="waxos-reading-") as scratch:
            return await self._read(order + data, scratch)

    async def _read(self, order: bytes, scratch: str) -> Document:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-m",
            _MODULE,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={"PATH": os.defpath, "LANG": "C.UTF-8", "TMPDIR": scratch},
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(self.wall_s):
                output, _ = await process.communicate(order)
        except TimeoutError:
            raise _too_slow() from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return _answer(process.returncode or 0, output)


def _answer(status: int, output: bytes) -> Document:
    if status == -signal.SIGXCPU:
        raise _too_slow()
    if status == -signal.SIGKILL:
        raise Unavailable("The process that read the file was stopped from outside.", retry_after=5)
    if status:
        raise Unreadable(
            "Reading the file failed: it is damaged in a way that breaks its reader, or needs too much memory.",
            hint="Open it in its own program, save it again or split it, and upload that.",
        )
    answer = json.loads(output)
    if "unreadable" in answer:
        raise Unreadable(answer["unreadable"]["detail"], hint=answer["unreadable"]["hint"])
    return Document.model_validate(answer["document"])


def _too_slow() -> Unreadable:
    return Unreadable("Reading the file took too long.", hint="Split it into smaller files and upload those.")
