"""The one module that knows operating systems: what it finds on each, what it starts there, and that nobody else knows them."""

import ast
import os
import plistlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from core.errors import SetupError
from desktop_bridge import host
from desktop_bridge.commands import app

FOLDER = Path(host.__file__).parent
POSIX_MODULES = {
    "fcntl",
    "grp",
    "msvcrt",
    "posix",
    "pty",
    "pwd",
    "resource",
    "termios",
    "tty",
    "winreg",
    "_winapi",
    "ctypes",
}
POSIX_NAMES = {
    "os": {"fork", "forkpty", "getuid", "geteuid", "getgid", "getegid", "setsid", "setpgid", "getpgid", "killpg", "kill",
           "chown", "chmod", "mkfifo", "uname", "nice", "getloadavg", "startfile", "O_DIRECT", "WNOHANG"},
    "signal": {"SIGKILL", "SIGSTOP", "SIGCONT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGCHLD", "SIGPIPE", "alarm",
               "pthread_kill", "sigwait", "setitimer"},
    "sys": {"platform", "getwindowsversion"},
}  # fmt: skip
METHODS = {"add_signal_handler", "remove_signal_handler", "chmod", "lchmod"}
FAILPOINTS = "failpoints.py"
"""A tool of crash tests, which asks before it uses a signal that a system may not have."""


def _offences(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in POSIX_MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = POSIX_NAMES.get(node.module, set())
            yield from (f"{node.module}.{alias.name}" for alias in node.names if alias.name in names)
            if node.module.split(".")[0] in POSIX_MODULES:
                yield node.module
        elif isinstance(node, ast.Attribute):
            whose = node.value.id if isinstance(node.value, ast.Name) else ""
            if node.attr in POSIX_NAMES.get(whose, METHODS):
                yield f"{whose}.{node.attr}"


def test_nobody_else_knows_operating_systems() -> None:
    found = {
        str(path.relative_to(FOLDER)): offences
        for path in FOLDER.rglob("*.py")
        if path.name not in {"host.py", FAILPOINTS} and (offences := list(_offences(path.read_text(encoding="utf-8"))))
    }
    assert found == {}
    assert len(list(_offences((FOLDER / "host.py").read_text(encoding="utf-8")))) > 5


@pytest.mark.parametrize(
    "line", ["import fcntl", "from os import fork", "os.kill(1, 9)", "signal.SIGKILL", "loop.add_signal_handler(2, f)",
             "if sys.platform == 'win32': pass", "from pwd import getpwnam", "path.chmod(0o600)"],
)  # fmt: skip
def test_a_call_of_one_system_is_seen(line: str) -> None:
    assert list(_offences(line))


class TestFindBrowser:
    @pytest.fixture(autouse=True)
    def _bare(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A computer without any browser."""
        monkeypatch.setenv("PATH", str(tmp_path / "bin"))
        monkeypatch.setattr(Path, "home", lambda: tmp_path)
        for name in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"):
            monkeypatch.delenv(name, raising=False)

    @pytest.mark.parametrize(
        ("system", "variable", "place"),
        [
            ("linux", "PATH", "chromium"),
            ("linux", "PATH", "google-chrome-stable"),
            ("linux", "PATH", "microsoft-edge"),
            ("darwin", None, "Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
            ("darwin", None, "Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge"),
            ("darwin", "PATH", "chromium"),
            ("win32", "PROGRAMFILES", "Google\\Chrome\\Application\\chrome.exe"),
            ("win32", "PROGRAMFILES(X86)", "Microsoft\\Edge\\Application\\msedge.exe"),
            ("win32", "LOCALAPPDATA", "Google\\Chrome\\Application\\chrome.exe"),
        ],
    )
    def test_on_each_system(
        self, system: str, variable: str | None, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patched:
            patched.setattr(host.sys, "platform", system)
            with pytest.raises(SetupError, match="no Chromium, Chrome or Edge"):
                host.find_browser()
        where = tmp_path / place if variable is None else tmp_path / "there" / place
        where.parent.mkdir(parents=True)
        where.touch(mode=0o755)
        if variable is not None:
            monkeypatch.setenv(variable, str(tmp_path / "there"))
        with monkeypatch.context() as patched:
            patched.setattr(host.sys, "platform", system)
            if system == "win32":  # which() of Windows asks Windows itself
                patched.setattr(shutil, "which", lambda _: None)
            found = host.find_browser()
        assert found == where

    def test_the_named_one(self, tmp_path: Path) -> None:
        mine = tmp_path / "mine"
        with pytest.raises(SetupError, match="there is no browser at"):
            host.find_browser(mine)
        mine.touch()
        assert host.find_browser(mine) == mine


SETTINGS = {"WAXOS_BRIDGE__HOME": "/srv/a b", "WAXOS_BRIDGE__PAGE_URL": 'https://chat.example.com/?a="1"&b=100%$'}


class TestService:
    def test_systemd(self, tmp_path: Path) -> None:
        made = host.service(Path("/srv/a b"), SETTINGS, "linux")
        assert made.path.name == "waxos-bridge.service"
        assert f'ExecStart="{sys.executable}" "-m" "api.cli.main" "bridge" "run"' in made.text
        assert '"WAXOS_BRIDGE__PAGE_URL=https://chat.example.com/?a=\\"1\\"&b=100%%$$"' in made.text
        if shutil.which("systemd-analyze") is None:
            pytest.skip("no systemd-analyze here")
        unit = tmp_path / made.path.name
        unit.write_text(made.text)
        done = subprocess.run(
            ["systemd-analyze", "verify", "--user", unit], capture_output=True, text=True, check=False,
            env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        )  # fmt: skip
        assert not [line for line in done.stderr.splitlines() if made.path.name in line], done.stderr

    def test_launchd(self) -> None:
        made = host.service(Path("/srv/a b"), SETTINGS, "darwin")
        agent = plistlib.loads(made.text.encode())
        assert agent["ProgramArguments"] == [sys.executable, "-m", "api.cli.main", "bridge", "run"]
        assert agent["EnvironmentVariables"] == SETTINGS
        assert agent["KeepAlive"] == {"SuccessfulExit": False}

    def test_windows(self) -> None:
        made = host.service(Path("/srv/a b"), SETTINGS, "win32")
        task = ElementTree.fromstring(made.text.encode())  # noqa: S314 - our own text
        name = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"
        arguments = task.findtext(f"{name}Actions/{name}Exec/{name}Arguments") or ""
        assert arguments.startswith('/d /s /c "set "WAXOS_BRIDGE__HOME=/srv/a b" & ')
        assert arguments.endswith(f'"{sys.executable}" "-m" "api.cli.main" "bridge" "run""')
        assert task.findtext(f"{name}Principals/{name}Principal/{name}RunLevel") == "LeastPrivilege"

    def test_the_command_tells_no_secret(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Path, "home", lambda: tmp_path)
        environment = {
            "WAXOS_BRIDGE__HOME": str(tmp_path / "home"),
            "WAXOS_BRIDGE__JOURNAL_PASSPHRASE": "one two three",
            "WAXOS_BRIDGE__PAIRING_CODE": "K7QMN",
            "WAXOS_BRIDGE__PACING": "false",
        }
        printed = CliRunner().invoke(app, ["service"], env=environment)
        assert printed.exit_code == 0
        assert "WAXOS_BRIDGE__PACING=False" in printed.stdout
        written = CliRunner().invoke(app, ["service", "--install"], env=environment)
        assert written.exit_code == 0
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert [path.name for path in files] == [host.service(tmp_path, {}).path.name]
        assert files[0].read_text() + "\n" == printed.stdout
        for secret in ("one two three", "K7QMN"):
            assert secret not in printed.stdout
