"""Our end of the bridge's failpoints: tells it at which named point somebody dies, and reads from its trace how far it is.

The folder is what `FAILPOINTS=@FOLDER` names; `desktop_bridge/failpoints.py` is the other end.
"""

import shutil
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from evals.crashtest.waiting import until

IDLE = "idle"
TO_ARM = (
    "send.leased",
    "send.before_opened",
    "send.opened",
    "send.before_typed",
    "send.typed",
    "send.before_arm_requested",
    "send.arm_requested",
)
ARMED = ("send.before_armed", "send.armed", "send.before_clicked", "send.clicked", "send.before_read_back")
"""From the answer to the request to arm up to the moment before the read-back is on disk."""
SETTLING = "send.settling"
TO_REPORT = ("send.read_back",)
EDGES = ("send.before_leased", "send.before_reported", "send.reported")
IN_HAND = frozenset({*TO_ARM, *ARMED, *TO_REPORT, SETTLING})
"""Between the lease and the report: the points after which a send is in the bridge's hands."""
UNSETTLED = frozenset({*ARMED, SETTLING})
"""Between the arm and the read-back."""
ALL = (*TO_ARM, *ARMED, *TO_REPORT, *EDGES)


@dataclass(frozen=True, slots=True)
class Passed:
    """One line of the trace: when (epoch seconds), which process, which point."""

    at: float
    pid: int
    point: str


class Orders:
    """One bridge's folder."""

    def __init__(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)  # an earlier run's trace would tell of phases that never were
        folder.mkdir(parents=True)
        self._folder = folder
        self._read = 0
        self._last = Passed(0.0, 0, IDLE)

    @property
    def plan(self) -> str:
        """The value of the bridge's `FAILPOINTS` variable."""
        return f"@{self._folder}"

    def give(self, point: str, action: str) -> None:
        """Let the bridge perform `action` when it comes to `point` next."""
        with suppress(FileNotFoundError):
            (self._folder / "taken").unlink()
        fresh = self._folder / "order.new"
        fresh.write_text(f"{point}={action}", encoding="ascii")
        fresh.rename(self._folder / "order")

    async def taken(self, seconds: float) -> bool:
        """Wait until the order was carried out; one that was not in time is taken back."""

        async def look() -> bool | None:
            return (self._folder / "taken").exists() or None

        if await until(look, seconds, 0.03):
            return True
        with suppress(FileNotFoundError):
            (self._folder / "order").unlink()
        return (self._folder / "taken").exists()

    def passed(self) -> list[Passed]:
        """Return every point passed so far, oldest first."""
        try:
            lines = (self._folder / "trace").read_text(encoding="ascii").splitlines()
        except FileNotFoundError:
            return []
        return [Passed(float(at), int(pid), point) for at, pid, point in (line.split() for line in lines)]

    def last(self) -> Passed:
        """Return the newest point passed."""
        with suppress(FileNotFoundError), (self._folder / "trace").open("rb") as trace:
            trace.seek(self._read)
            fresh = trace.read()
            whole = fresh.rfind(b"\n") + 1
            if whole:
                self._read += whole
                at, pid, point = fresh[:whole].split(b"\n")[-2].decode().split()
                self._last = Passed(float(at), int(pid), point)
        return self._last

    def phase(self, pid: int | None) -> str:
        """Return how far the bridge with this process id is in a send: the point passed last, or `idle`."""
        last = self.last()
        return last.point if last.pid == pid and last.point in IN_HAND else IDLE

    def silent_for(self) -> float:
        """Return seconds since a point was passed."""
        return time.time() - self.last().at
