"""Which providers rest: a circuit for each, on marks that all processes share, and on the process's own while those cannot be reached.

Three failures in a row open a circuit for 5 s; then one caller at a time tries it, until an answer closes it. A named Retry-After, and a
key that is refused, open it at once.
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Protocol, TypeVar

AFTER_FAILURES = 3
REST_SECONDS = 5.0
LONGEST_REST_SECONDS = 120.0
_FAILURES_SECONDS = 60.0
_TIRED_SECONDS = 600.0
_PROBE_SECONDS = 5.0

T = TypeVar("T")


class Marks(Protocol):
    """Names that hold for a while. Every method raises OSError, soon, where the marks cannot be reached."""

    async def left(self, names: Sequence[str]) -> list[float]:
        """Return for how many more seconds each name holds; 0 where it does not."""

    async def take(self, name: str, seconds: float) -> bool:
        """Set a name that does not hold yet; false where somebody else has."""

    async def hold(self, name: str, seconds: float) -> None:
        """Let a name hold for so long from now."""

    async def count(self, name: str, seconds: float) -> int:
        """Count one more of a name, and return how many; forgotten when none came for so long."""

    async def drop(self, names: Sequence[str]) -> None:
        """Forget names."""


class MemoryMarks:
    """Marks of one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until: dict[str, float] = {}
        self._counts: dict[str, int] = {}

    async def left(self, names: Sequence[str]) -> list[float]:
        """See Marks."""
        return [max(0.0, self._until.get(name, 0.0) - self._clock()) for name in names]

    async def take(self, name: str, seconds: float) -> bool:
        """See Marks."""
        if self._until.get(name, 0.0) > self._clock():
            return False
        await self.hold(name, seconds)
        return True

    async def hold(self, name: str, seconds: float) -> None:
        """See Marks."""
        self._until[name] = self._clock() + seconds

    async def count(self, name: str, seconds: float) -> int:
        """See Marks."""
        known = self._counts.get(name, 0) if self._until.get(name, 0.0) > self._clock() else 0
        self._counts[name] = known + 1
        await self.hold(name, seconds)
        return known + 1

    async def drop(self, names: Sequence[str]) -> None:
        """See Marks."""
        for name in names:
            self._until.pop(name, None)
            self._counts.pop(name, None)


class Circuits:
    """The `CooldownStore` of every process; without `shared` of this process alone."""

    def __init__(self, own: Marks, shared: Marks | None = None) -> None:
        self._own = own
        self._shared = shared
        self._troubled: set[str] = set()

    async def may_ask(self, circuit: str) -> bool:
        """See CooldownStore."""
        return await self._on(lambda marks: self._may_ask(marks, circuit))

    async def resting(self, circuit: str) -> float:
        """See CooldownStore."""
        return (await self._on(lambda marks: marks.left([_rest(circuit)])))[0]

    async def failed(self, circuit: str, rest_seconds: float | None) -> None:
        """See CooldownStore."""
        self._troubled.add(circuit)
        await self._fail(self._own, circuit, rest_seconds)
        if self._shared is not None:
            with suppress(OSError):
                await self._fail(self._shared, circuit, rest_seconds)

    async def worked(self, circuit: str) -> None:
        """See CooldownStore."""
        if circuit not in self._troubled:  # the usual case asks nobody
            return
        self._troubled.discard(circuit)
        await self._own.drop(_names(circuit))
        if self._shared is not None:
            with suppress(OSError):
                await self._shared.drop(_names(circuit))

    async def _on(self, work: Callable[[Marks], Awaitable[T]]) -> T:
        if self._shared is not None:
            with suppress(OSError):
                return await work(self._shared)
        return await work(self._own)

    async def _may_ask(self, marks: Marks, circuit: str) -> bool:
        resting, tired, failures = await marks.left([_rest(circuit), _tired(circuit), _failures(circuit)])
        if tired or failures:
            self._troubled.add(circuit)
        if resting:
            return False
        return not tired or await marks.take(_probe(circuit), _PROBE_SECONDS)

    async def _fail(self, marks: Marks, circuit: str, rest_seconds: float | None) -> None:
        failures = await marks.count(_failures(circuit), _FAILURES_SECONDS)
        if rest_seconds:
            await marks.hold(_rest(circuit), min(rest_seconds, LONGEST_REST_SECONDS))
        elif failures >= AFTER_FAILURES:
            await marks.take(_rest(circuit), REST_SECONDS)
        if failures >= AFTER_FAILURES:
            await marks.hold(_tired(circuit), _TIRED_SECONDS)


def _rest(circuit: str) -> str:
    return f"rest:{circuit}"


def _tired(circuit: str) -> str:
    return f"tired:{circuit}"


def _failures(circuit: str) -> str:
    return f"failures:{circuit}"


def _probe(circuit: str) -> str:
    return f"probe:{circuit}"


def _names(circuit: str) -> list[str]:
    return [_rest(circuit), _tired(circuit), _failures(circuit), _probe(circuit)]


def memory_circuits(clock: Callable[[], float] = time.monotonic) -> Circuits:
    """Return the circuits of one process."""
    return Circuits(MemoryMarks(clock))


class NeverResting:
    """A `CooldownStore` for a chain of one link: with nobody else to ask, whoever asks again wants an answer of that one."""

    async def may_ask(self, circuit: str) -> bool:  # noqa: ARG002 - the port's
        """Return true."""
        return True

    async def resting(self, circuit: str) -> float:  # noqa: ARG002 - the port's
        """Return 0."""
        return 0.0

    async def failed(self, circuit: str, rest_seconds: float | None) -> None:
        """Note nothing."""

    async def worked(self, circuit: str) -> None:
        """Note nothing."""
