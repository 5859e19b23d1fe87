"""What the AAL needs from its surroundings, as protocols, each with the version that lives in memory (the bridge uses those)."""

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Protocol

from core.contracts.reasoning import AiCall

Vector = list[float]
"""An embedding of length 1, JSON-native so that it may cross a process."""


Accepts = Callable[[Mapping[str, Any]], str | None]
"""Says what keeps an answer of the asked shape from being one, none where nothing does: said back to the model once, in plain words."""


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
    """Which providers rest. A circuit is a provider's model under one key at one address: `core.aal.chain.Link.circuit`."""

    async def may_ask(self, circuit: str) -> bool:
        """Return whether it may be asked now; of those who would try a circuit that has rested, one at a time may."""

    async def resting(self, circuit: str) -> float:
        """Return for how many more seconds it is left alone; 0 when it is not."""

    async def failed(self, circuit: str, rest_seconds: float | None) -> None:
        """Note a failure; the store decides how long the circuit rests where nobody says."""

    async def worked(self, circuit: str) -> None:
        """Note an answer: the circuit is healthy again."""


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
