"""Run as a program: imports the modules named in the arguments and prints, as JSON, what that did and what it loaded.

What importing those marked `before:` does is not noted.

An audit hook notes every act that reaches outside the process. It stays in force for as long as the process lives, which is why this
is a process of its own.
"""

import importlib
import json
import sys
import threading
from typing import Any

ACTS = [
    "socket.connect",
    "socket.bind",
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "socket.sendto",
    "subprocess.Popen",
    "os.system",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "_thread.start_new_thread",
    "os.mkdir",
    "os.remove",
    "os.rename",
]


BEFORE = "before:"


class Witness:
    """Notes acts together with the module that was being imported."""

    def __init__(self) -> None:
        self.importing = ""
        self.acts: list[str] = []

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Be an audit hook."""
        if (event in ACTS or (event == "open" and _writes(arguments))) and not _asks_for_ipv6(event, arguments):
            self.acts.append(f"{self.importing}: {event} {arguments}")


def _writes(arguments: tuple[Any, ...]) -> bool:
    mode = arguments[1]
    return isinstance(mode, str) and bool(set("wax+") & set(mode))


def _asks_for_ipv6(event: str, arguments: tuple[Any, ...]) -> bool:
    """urllib3 learns whether the machine speaks IPv6 by binding to its loopback once; it neither listens nor connects."""
    return event == "socket.bind" and arguments[1] == ("::1", 0)


def main() -> None:
    """Import, then tell."""
    witness = Witness()
    sys.addaudithook(witness)
    for name in sys.argv[1:]:
        witness.importing = name
        importlib.import_module(name.removeprefix(BEFORE))
    acts = [
        *(act for act in witness.acts if not act.startswith(BEFORE)),
        *(f"thread {thread.name}" for thread in threading.enumerate()[1:]),
    ]
    print(json.dumps({"acts": acts, "loaded": sorted({name.split(".")[0] for name in sys.modules})}))  # noqa: T201


if __name__ == "__main__":
    main()
