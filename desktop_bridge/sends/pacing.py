"""How fast we type (readable for somebody who watches, time enough to stop, and bounded) and how long the machine waits."""

from dataclasses import dataclass

CHAR_MS = 12.0
READ_MS = 500.0
LONGEST_MS = 4000.0


def typing_pace(text: str, *, on: bool) -> tuple[float, float]:
    """Return (seconds to wait before the first stroke, milliseconds a character); 200 characters stay under 3 s in all."""
    if not on:
        return 0.0, 0.0
    return READ_MS / 1000, min(CHAR_MS, LONGEST_MS / max(len(text), 1))


@dataclass(frozen=True)
class Timing:
    """How long the machine waits, in seconds."""

    read_back: float = 8.0
    tick: float = 10.0
    settle_margin: float = 10.0
    settle_look: float = 3.0
    pending: float = 15.0
