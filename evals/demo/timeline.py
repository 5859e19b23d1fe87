"""The timeline that the demo prints while it plays: step, what happened, milliseconds since the step before."""

import time
from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the timeline."""

    step: str
    what: str
    ms: float
    at_ms: float


@dataclass(slots=True)
class Timeline:
    """Collects steps by the monotonic clock and prints each one as it happens; prints nothing where `quiet`."""

    quiet: bool = False
    steps: list[Step] = field(default_factory=list)
    _console: Console = field(default_factory=lambda: Console(highlight=False))
    _began: float = field(default_factory=time.monotonic)
    _last: float = field(default_factory=time.monotonic)

    def say(self, step: str, what: str) -> Step:
        """Add a step that has just ended."""
        now = time.monotonic()
        line = Step(step, what, round((now - self._last) * 1000, 1), round((now - self._began) * 1000, 1))
        self._last = now
        self.steps.append(line)
        if not self.quiet:
            self._console.print(
                f"[dim]{line.at_ms:>8,.0f} ms[/dim]  [bold]{escape(step):<11}[/bold] {escape(what)}", soft_wrap=True
            )
        return line

    def heading(self, text: str) -> None:
        """Print a line between parts of the story."""
        if not self.quiet:
            self._console.print(f"\n[bold cyan]{escape(text)}[/bold cyan]", soft_wrap=True)

    def elapsed_s(self) -> float:
        """Return seconds since the timeline began."""
        return time.monotonic() - self._began
