"""Children are restarted with a growing pause, explained when they cannot start, and never outlive us."""

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.embedded.supervisor import Command, Exit, Supervisor
from tests.core.embedded.test_servers import gone


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    made = Supervisor()
    yield made
    made.stop(patience_s=1)


def python(tmp_path: Path, name: str, code: str) -> Command:
    return Command(name, [sys.executable, "-c", textwrap.dedent(code)], os.environ, tmp_path / f"{name}.log")


def exit_of(supervisor: Supervisor) -> Exit:
    deadline = time.monotonic() + 10
    while (found := supervisor.next_exit(1)) is None:
        assert time.monotonic() < deadline
    return found


def test_a_crash_is_restarted_with_a_growing_pause(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(python(tmp_path, "crasher", "raise SystemExit(7)"))
    pauses = []
    for _ in range(3):
        ended = exit_of(supervisor)
        assert ended.code == 7
        assert ended.explanation() is None
        pauses.append(supervisor.restart_later(ended))
    assert pauses == [0.5, 1.0, 2.0]


def test_a_process_that_cannot_start_is_heard(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.start(
        python(
            tmp_path,
            "unset",
            """
            import sys
            print("error: the key is missing", "hint: set WAXOS_KEY", sep="\\n", file=sys.stderr)
            sys.exit(2)
            """,
        )
    )
    error = exit_of(supervisor).explanation()
    assert error is not None
    assert (error.detail, error.hint) == ("the key is missing", "set WAXOS_KEY")


def test_stop_ends_stubborn_children_and_their_own_children(supervisor: Supervisor, tmp_path: Path) -> None:
    notes = tmp_path / "pids"
    supervisor.start(
        python(
            tmp_path,
            "stubborn",
            f"""
            import os, signal, subprocess, sys, time
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
            open({str(notes)!r}, "w").write(f"{{os.getpid()}} {{other.pid}}\\n")
            time.sleep(60)
            """,
        )
    )
    deadline = time.monotonic() + 10
    while not notes.exists() or "\n" not in notes.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    pids = [int(pid) for pid in notes.read_text().split()]
    began = time.monotonic()
    supervisor.stop(patience_s=0.5)
    assert time.monotonic() - began < 5
    assert gone(pids, 2)


def test_children_die_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import os, sys, time
        from pathlib import Path
        from core.embedded.supervisor import Command, Supervisor
        supervisor = Supervisor()
        child = supervisor.start(Command("c", [sys.executable, "-c", "import time; time.sleep(60)"], os.environ, Path(sys.argv[1]) / "log"))
        print(child.process.pid, flush=True)
        time.sleep(60)
        """
    )
    parent = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert gone([pid])
