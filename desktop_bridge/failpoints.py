"""Named places where a test may let the bridge die. Without a plan a failpoint is one call of an empty function.

A plan is `name=action` pairs, comma-separated: `kill` (SIGKILL to oneself), `stop` (SIGSTOP), or milliseconds to wait.
`sends.machine` names its points `send.<phase>` (after the phase is on disk) and `send.before_<phase>`.
"""

import os
import signal
import time
from collections.abc import Callable, Mapping

Failpoint = Callable[[str], None]


def no_failpoint(name: str) -> None:
    """Do nothing."""


def planned(plan: str, act: Callable[[str], None] | None = None) -> Failpoint:
    """Return the failpoint function of a plan such as `send.armed=kill`; an empty plan costs nothing.

    Raises:
        ValueError: a pair without `=`.
    """
    actions: Mapping[str, str] = dict(pair.split("=", 1) for pair in plan.split(",") if pair)
    if not actions:
        return no_failpoint
    perform = act or _perform

    def hit(name: str) -> None:
        if name in actions:
            perform(actions[name])

    return hit


def _perform(action: str) -> None:
    if action == "kill":
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    elif action == "stop" and hasattr(signal, "SIGSTOP"):
        os.kill(os.getpid(), signal.SIGSTOP)
    else:
        time.sleep(int(action) / 1000)  # house: sleep - a crash test asks for just this delay
