"""Named places where a test may let the bridge, or something beside it, die. Without a plan a failpoint is one call of an empty function.

A plan is `name=action` pairs, comma-separated: `kill` (SIGKILL to oneself), `stop` (SIGSTOP), or milliseconds to wait.
`sends.machine` names its points `send.<phase>` (after the phase is on disk) and `send.before_<phase>`.

The plan `@FOLDER` takes its orders from outside while the bridge runs: each point passed is a line of FOLDER/trace, and FOLDER/order
may hold one pair, done once and then renamed to `taken`. There `kill:PID` and `stop:PID` reach another process by its number.
"""

import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

Failpoint = Callable[[str], None]


def no_failpoint(name: str) -> None:
    """Do nothing."""


def planned(plan: str, act: Callable[[str], None] | None = None) -> Failpoint:
    """Return the failpoint function of a plan such as `send.armed=kill`; an empty plan costs nothing.

    Raises:
        ValueError: a pair without `=`.
    """
    perform = act or _perform
    if plan.startswith("@"):
        return _ordered(Path(plan[1:]), perform)
    actions: Mapping[str, str] = dict(pair.split("=", 1) for pair in plan.split(",") if pair)
    if not actions:
        return no_failpoint

    def hit(name: str) -> None:
        if name in actions:
            perform(actions[name])

    return hit


def _ordered(folder: Path, perform: Callable[[str], None]) -> Failpoint:
    folder.mkdir(parents=True, exist_ok=True)
    order, taken = folder / "order", folder / "taken"
    trace = os.open(folder / "trace", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def hit(name: str) -> None:
        os.write(trace, f"{time.time():.6f} {os.getpid()} {name}\n".encode())
        with suppress(OSError):
            wanted, _, action = order.read_text(encoding="ascii").partition("=")
            if wanted == name:
                order.rename(taken)
                perform(action)

    return hit


def _perform(action: str) -> None:
    what, _, others = action.partition(":")
    if what == "kill":
        number = getattr(signal, "SIGKILL", signal.SIGTERM)
        for pid in _pids(others) or [os.getpid()]:
            _signal(pid, number)
    elif what == "stop" and hasattr(signal, "SIGSTOP"):
        for pid in [*_pids(others), os.getpid()]:
            _signal(pid, signal.SIGSTOP)
    else:
        time.sleep(int(action) / 1000)  # house: sleep - a crash test asks for just this delay


def _pids(text: str) -> list[int]:
    return [int(pid) for pid in text.split(",") if pid]


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
