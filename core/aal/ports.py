"""What the AAL needs from its surroundings, as protocols, each with the version that lives in memory (the bridge uses those)."""

import time
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Protocol

from core.contracts.reasoning import AiCall

Vector = list[float]
"""An embedding of length 1, JSON-native so that it may cross a process."""


class Purpose(StrEnum):
    """What a model is asked for; each may have its own chain and budget later."""

    DRAFT = "draft"
    HUMANIZE = "humanize"
    JUDGE = "judge"
    EMBED = "embed"


class Embedder(Protocol):
    """Turns texts into unit vectors. `name` tells vectors of different models apart: they are never compared."""

    @property
    def name(self) -> str:
        """Model and version, the key of a vector table."""

    @property
    def dims(self) -> int:
        """Width of a vector."""

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return one unit vector per text, in order. Raises ProviderError where a remote model fails."""


class UsageRecorder(Protocol):
    """Takes the row of every finished call, answered or not."""

    def record(self, call: AiCall) -> None:
        """Keep the row; called once per call, from the event loop, must not block."""


class Budget(Protocol):
    """The tenant's money limit."""

    async def allows(self, purpose: Purpose) -> bool:
        """Return whether one more call may be made."""


class CooldownStore(Protocol):
    """Which providers rest, shared by all workers where it lives in Redis."""

    async def resting(self, link: str) -> float:
        """Return for how many more seconds the link should be left alone; 0 when it is healthy."""

    async def failed(self, link: str, retry_after: float | None) -> None:
        """Note a failure; the store decides how long the link rests."""

    async def worked(self, link: str) -> None:
        """Note an answer: the link is healthy again."""


class CallLog:
    """A recorder that keeps the rows of one run, for the caller to hand on."""

    def __init__(self) -> None:
        self.calls: list[AiCall] = []

    def record(self, call: AiCall) -> None:
        """Append the row."""
        self.calls.append(call)


class NoLimit:
    """A budget without a limit."""

    async def allows(self, purpose: Purpose) -> bool:
        """Return True."""
        del purpose
        return True


class MemoryCooldowns:
    """Cooldowns of one process: three failures in a row rest a link for 30 s, a named Retry-After for that long, 2 minutes at most."""

    _AFTER_FAILURES = 3
    _REST_SECONDS = 30.0
    _LONGEST_SECONDS = 120.0

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: dict[str, int] = {}
        self._until: dict[str, float] = {}

    async def resting(self, link: str) -> float:
        """Return the seconds left."""
        return max(0.0, self._until.get(link, 0.0) - self._clock())

    async def failed(self, link: str, retry_after: float | None) -> None:
        """Count the failure and rest the link when it is time."""
        self._failures[link] = self._failures.get(link, 0) + 1
        if retry_after:
            self._until[link] = self._clock() + min(retry_after, self._LONGEST_SECONDS)
        elif self._failures[link] >= self._AFTER_FAILURES:
            self._until[link] = self._clock() + self._REST_SECONDS

    async def worked(self, link: str) -> None:
        """Forget failures and rest."""
        self._failures.pop(link, None)
        self._until.pop(link, None)
