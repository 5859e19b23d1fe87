"""What a request may meet: a fault, or an answer made from what was asked."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Asked:
    """A chat request, the same for every vendor. `schema` is the shape that is wanted, none for plain text."""

    vendor: str
    model: str
    messages: Sequence[Mapping[str, str]]
    schema: Mapping[str, Any] | None
    tool: str | None

    def text(self) -> str:
        """Return all that was written, oldest first."""
        return "\n".join(message["content"] for message in self.messages)


Reply = str | Mapping[str, Any]
"""A text is sent as the message; a mapping as the arguments of the asked tool, or as JSON where no tool was offered."""

Answering = Callable[[Asked], Reply]


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to fail. `seconds` is how long the first byte takes where the kind is slow."""

    kind: Literal[
        "status",
        "hang",
        "reset",
        "slow",
        "trickle",
        "bad_json",
        "empty",
        "no_choices",
        "huge",
        "cut_off",
        "no_tier",
        "base64",
        "narrow",
        "wrong_language",
    ]
    code: int = 500
    retry_after: str | None = None
    seconds: float = 0.0


HANG = Fault("hang")
"""The request is read and never answered."""
RESET = Fault("reset")
"""The connection is reset (RST) after the request was read."""
TRICKLE = Fault("trickle")
"""Headers at once, then a byte now and again, without an end."""
BAD_JSON = Fault("bad_json")
"""Status 200 with half a JSON document."""
EMPTY = Fault("empty")
"""A message without content."""
NO_CHOICES = Fault("no_choices")
"""Not even a message."""
HUGE = Fault("huge")
"""A well-formed message of 5 MB."""
CUT_OFF = Fault("cut_off")
"""Half of the answer, and the reason `length`; of vectors the first half."""
NO_TIER = Fault("no_tier")
"""Groq's answer without its `service_tier`."""


BASE64 = Fault("base64")
"""Vectors in base64 whatever was asked for."""
NARROW = Fault("narrow")
"""Vectors of another width than the model's."""


WRONG_LANGUAGE = Fault("wrong_language")
"""A well-formed answer whose every text is in German."""

KINDS = {
    "429": Fault("status", code=429),
    "429_retry_after": Fault("status", code=429, retry_after="1"),
    "500": Fault("status", code=500),
    "503": Fault("status", code=503),
    "hang": HANG,
    "reset": RESET,
    "bad_json": BAD_JSON,
    "empty": EMPTY,
    "no_choices": NO_CHOICES,
    "huge": HUGE,
    "cut_off": CUT_OFF,
    "wrong_language": WRONG_LANGUAGE,
    "slow": Fault("slow", seconds=10.0),
}
"""Every fault by the name that a mix gives it."""


@dataclass(frozen=True, slots=True)
class Mix:
    """How a vendor behaves without a script: each answer after so many seconds, and a share of the requests with each fault."""

    seconds: float = 0.0
    shares: Mapping[str, float] = field(default_factory=dict)

    def draw(self, chance: random.Random) -> Fault | None:
        """Return the fault of one request, none for most."""
        at = chance.random()
        for name, share in self.shares.items():
            at -= share
            if at < 0:
                return KINDS[name]
        return None


def status(code: int, *, retry_after: str | None = None) -> Fault:
    """Fail with an HTTP status; the body quotes the key, as careless providers do."""
    return Fault("status", code=code, retry_after=retry_after)


def slow(seconds: float) -> Fault:
    """Answer well, with the first byte after so many seconds."""
    return Fault("slow", seconds=seconds)


Scripted = Fault | Reply | Answering
