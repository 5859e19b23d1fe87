"""How our child processes are started: they die with us even after kill -9, and never run as root where root is refused."""

import ctypes
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import SetupError

_PR_SET_PDEATHSIG = 1
_SERVICE_USER = "waxos-db"


def die_with_parent(sig: signal.Signals = signal.SIGTERM) -> Callable[[], None] | None:
    """Return a `preexec_fn` after which the kernel sends `sig` to the child when the starting thread ends (Linux; else none).

    The kernel watches the thread, not the process: start children from a thread that lives as long as they should.
    """
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def arm() -> None:
        prctl(_PR_SET_PDEATHSIG, int(sig), 0, 0, 0)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)

    return arm


def free_port(host: str = "127.0.0.1") -> int:
    """Return a TCP port that nothing listens on at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class RunAs:
    """The user that a database server runs as: ourselves, or a service user where we are root, which Postgres refuses."""

    uid: int | None = None
    gid: int | None = None

    @classmethod
    def for_database(cls) -> "RunAs":
        """Return ourselves, or for root a system user that is made at first use.

        Raises:
            SetupError: root without a way to make that user.
        """
        if not hasattr(os, "geteuid") or os.geteuid() != 0:
            return cls()
        try:
            entry = pwd.getpwnam(_SERVICE_USER)
        except KeyError:
            _make_user()
            entry = pwd.getpwnam(_SERVICE_USER)
        return cls(entry.pw_uid, entry.pw_gid)

    def popen(self) -> dict[str, Any]:
        """Return the `subprocess` arguments that drop to this user."""
        return {} if self.uid is None else {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, folder: Path) -> None:
        """Give a fresh folder (0700) to this user; parents get only the right to be passed through, never to be read."""
        folder.chmod(0o700)
        if self.uid is None or self.gid is None:
            return
        os.chown(folder, self.uid, self.gid)
        for parent in folder.resolve().parents:
            let_pass(parent)


def let_pass(folder: Path) -> None:
    """Let other users pass through a folder without reading it."""
    mode = folder.stat().st_mode
    if not mode & stat.S_IXOTH:
        folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)


def _make_user() -> None:
    tool = shutil.which("useradd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    hint = "run WAXOS as an ordinary user, or set WAXOS_DATABASE_URL to a Postgres of yours"
    if tool is None:
        raise SetupError("Postgres will not run as root and no user can be made for it (useradd is missing)", hint=hint)
    made = subprocess.run(  # noqa: S603 - fixed arguments
        [tool, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", _SERVICE_USER],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode not in {0, 9}:
        raise SetupError(f"no user can be made for Postgres: {made.stderr.strip()}", hint=hint)
