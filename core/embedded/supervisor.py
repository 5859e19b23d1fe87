"""Child processes of a desk on one machine: started, watched, restarted with a growing pause, and ended with all their own children."""

import contextlib
import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from core.embedded.processes import die_with_parent
from core.errors import SetupError

SETUP_EXIT_CODE = 2
"""What a process exits with after it said in two lines (`error: …`, `hint: …`) why it cannot start; it is not restarted."""

_STEADY_SECONDS = 10.0
"""Who lived so long had started: it is back at once when it is killed now and then, and does not wait as if it could not start."""

_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 30.0
_LARGEST_LOG = 20 * 1024 * 1024
_TAIL = 16_384


@dataclass(frozen=True, slots=True)
class Command:
    """One process to keep running: `arguments` as for exec, the whole environment, its log file."""

    name: str
    arguments: Sequence[str]
    environ: Mapping[str, str]
    log: Path


@dataclass(slots=True)
class Child:
    """A command and its present process."""

    command: Command
    process: subprocess.Popen[bytes]
    started_at: float
    log_offset: int
    failures: int = 0

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process.poll() is None

    def written(self) -> str:
        """Return the end of what this process has written to its log."""
        try:
            with self.command.log.open("rb") as log:
                size = log.seek(0, os.SEEK_END)
                log.seek(max(self.log_offset, size - _TAIL))
                return log.read().decode(errors="replace")
        except FileNotFoundError:
            return ""


@dataclass(frozen=True, slots=True)
class Exit:
    """A child that ended without being asked to."""

    child: Child
    code: int

    def explanation(self) -> SetupError | None:
        """Return the two lines that the process left, if it said why it cannot start."""
        if self.code != SETUP_EXIT_CODE:
            return None
        lines = self.child.written().splitlines()
        found = {
            key: line.removeprefix(f"{key}: ")
            for line in lines
            for key in ("error", "hint")
            if line.startswith(f"{key}: ")
        }
        return SetupError(found.get("error", f"{self.child.command.name} cannot start"), hint=found.get("hint"))


@dataclass(slots=True)
class Supervisor:
    """Keeps commands running. Call all of it from one long-lived thread: the kernel ends the children when that thread ends."""

    on_restart: Callable[[str, int, float], None] = lambda _name, _code, _pause: None
    children: dict[str, Child] = field(default_factory=dict)
    _exits: "queue.Queue[Child | None]" = field(default_factory=queue.Queue, init=False)
    _due: dict[str, float] = field(default_factory=dict, init=False)
    _stopping: bool = field(default=False, init=False)

    def start(self, command: Command) -> Child:
        """Start a command and watch it."""
        command.log.parent.mkdir(parents=True, exist_ok=True)
        _rotate(command.log)
        with command.log.open("ab") as log:
            offset = log.tell()
            process = subprocess.Popen(  # noqa: S603 - commands of our own
                list(command.arguments),
                env=dict(command.environ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGTERM),
            )
        before = self.children.get(command.name)
        child = Child(command, process, time.monotonic(), offset, before.failures if before else 0)
        self.children[command.name] = child
        threading.Thread(target=self._await, args=(child,), name=f"watch-{command.name}", daemon=True).start()
        return child

    def next_exit(self, timeout_s: float) -> Exit | None:
        """Restart what is due and wait up to `timeout_s` seconds for a child to end; `wake` ends the wait at once."""
        self._restart_due()
        wait = min([timeout_s, *(max(at - time.monotonic(), 0.0) for at in self._due.values())])
        try:
            child = self._exits.get(timeout=wait)
        except queue.Empty:
            return None
        if child is None or self._stopping or self.children.get(child.command.name) is not child:
            return None
        return Exit(child, child.process.wait())

    def wake(self) -> None:
        """End a running `next_exit`; may be called from a signal handler or another thread."""
        self._exits.put(None)

    def restart_later(self, exit_: Exit) -> float:
        """Plan the restart of a child that ended, and return the pause in seconds: it doubles while the child keeps failing."""
        child = exit_.child
        child.failures = 0 if time.monotonic() - child.started_at > _STEADY_SECONDS else child.failures + 1
        pause = min(_FIRST_PAUSE_S * 2.0 ** max(child.failures - 1, 0), _LONGEST_PAUSE_S)
        self._due[child.command.name] = time.monotonic() + pause
        self.on_restart(child.command.name, exit_.code, pause)
        return pause

    def stop(self, patience_s: float = 10.0) -> None:
        """Ask every child to end, wait, then kill what is left of them and of their own children."""
        self._stopping = True
        self._due.clear()
        families = [member for child in self.children.values() for member in _family(child.process)]
        for child in self.children.values():
            if child.alive:
                child.process.terminate()
        deadline = time.monotonic() + patience_s
        for child in self.children.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.process.wait(max(deadline - time.monotonic(), 0.0))
        for member in families:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.kill()
        for child in self.children.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.process.pid, signal.SIGKILL)
            child.process.wait()
        self.children.clear()

    def _await(self, child: Child) -> None:
        child.process.wait()
        self._exits.put(child)

    def _restart_due(self) -> None:
        now = time.monotonic()
        for name in [name for name, at in self._due.items() if at <= now]:
            del self._due[name]
            self.start(self.children[name].command)


def _family(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > _LARGEST_LOG:
        log.replace(log.with_name(log.name + ".1"))
