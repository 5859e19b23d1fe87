"""Everything that differs between operating systems: browsers, processes of ours, locks, signals, files, environment, service."""

import asyncio
import os
import plistlib
import shutil
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

import psutil

from core.errors import SetupError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl
    import resource

_SETTINGS = "WAXOS_"
_OURS = (_SETTINGS, "FAILPOINTS")
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge", "msedge")
_MAC = (
    "Google Chrome.app/Contents/MacOS/Google Chrome",
    "Chromium.app/Contents/MacOS/Chromium",
    "Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
_WINDOWS = (r"Google\Chrome\Application\chrome.exe", r"Microsoft\Edge\Application\msedge.exe")


def find_browser(preferred: Path | None = None) -> Path:
    """Return the executable of an installed Chromium, Chrome or Edge.

    Raises:
        SetupError: there is none, or `preferred` does not exist.
    """
    if preferred is not None:
        if preferred.is_file():
            return preferred
        raise SetupError(f"there is no browser at {preferred}", hint="correct WAXOS_BRIDGE__BROWSER_PATH or unset it")
    for candidate in _candidates():
        if candidate.is_file():
            return candidate
    raise SetupError(
        "no Chromium, Chrome or Edge was found",
        hint="install one (Debian, Ubuntu: apt-get install -y chromium) or name it in WAXOS_BRIDGE__BROWSER_PATH",
    )


def _candidates() -> Iterator[Path]:
    if sys.platform == "darwin":
        yield from (root / app for app in _MAC for root in (Path("/Applications"), Path.home() / "Applications"))
    if sys.platform == "win32":
        roots = [os.environ.get(name) for name in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")]
        yield from (Path(root) / app for root in roots if root for app in _WINDOWS)
    yield from (Path(found) for name in _NAMES if (found := shutil.which(name)))


def needs_no_sandbox() -> bool:
    """Chromium refuses its sandbox to root, and only then may we switch it off."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def on_loopback(url: str) -> bool:
    """Tell whether an address is on this computer."""
    name = urlsplit(url).hostname or ""
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def harmless_environment() -> Mapping[str, str]:
    """Return the environment for programs that we start: all but our own settings, among which are secrets."""
    return {name: value for name, value in os.environ.items() if not name.upper().startswith(_OURS)}


def drop_secrets() -> None:
    """Take our settings out of the environment once they are read, so that no program started later inherits them."""
    for name in [name for name in os.environ if name.upper().startswith(_SETTINGS)]:
        del os.environ[name]


def forbid_core_dumps() -> None:
    """Let a crash write no picture of our memory, which holds the journal's key, to the disk."""
    if sys.platform != "win32":
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def private_folder(path: Path) -> Path:
    """Make a folder that only its owner may enter, and return its absolute path."""
    path = path.absolute()
    path.mkdir(parents=True, exist_ok=True)
    if os.name == "posix":
        path.chmod(0o700)
    return path


def private_file(path: Path, *, make: bool = False) -> Path:
    """See that only its owner may read a file, which with `make` must not be there yet, and return its path."""
    if make:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    if os.name == "posix":
        path.chmod(0o600)
    return path


def put_in_place(fresh: Path, path: Path) -> None:
    """Rename a file that is on disk already, and see that the new name is on disk too."""
    fresh.replace(path)
    if os.name == "posix":  # Windows can open no folder, and notes the name by itself
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def write_private(path: Path, text: str) -> None:
    """Replace a small file that only its owner may read: after a crash there is the old one or the new one, whole."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    private_file(fresh, make=True)
    with fresh.open("w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    put_in_place(fresh, path)


def browser_processes(profile: Path) -> list[psutil.Process]:
    """Return the browser's main and child processes that run on this profile (ours: the profile lies in our home)."""
    mark = f"--user-data-dir={profile}"
    found = [p for p in psutil.process_iter(["cmdline"]) if mark in (p.info["cmdline"] or [])]
    for process in list(found):
        if not any(part.startswith("--type=") for part in process.info["cmdline"]):
            with suppress(psutil.NoSuchProcess):
                found.extend(process.children(recursive=True))
    return list(dict.fromkeys(found))


def end_browser(profile: Path, patience: float = 5.0) -> None:
    """Kill what still runs on our profile, stopped processes included, and wait until it is gone.

    Raises:
        SetupError: it is still there after `patience` seconds.
    """
    left = browser_processes(profile)
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    _, alive = psutil.wait_procs(left, timeout=patience)
    alive = [p for p in alive if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    if alive:
        raise SetupError(
            f"an earlier browser (process {alive[0].pid}) does not end",
            hint="end it by hand, then start the bridge again",
        )


def browser_memory(profile: Path) -> int:
    """Return the bytes of all browser processes on this profile, pages that they share counted once where the system can tell."""
    total = 0
    for process in browser_processes(profile):
        with suppress(psutil.NoSuchProcess):
            memory = process.memory_full_info()
            total += getattr(memory, "pss", None) or memory.uss
    return total


@contextmanager
def single_instance(home: Path) -> Iterator[None]:
    """Hold the bridge's home for as long as the block runs; the system frees it when the process dies.

    Raises:
        SetupError: another bridge holds it.
    """
    with (home / "bridge.lock").open("a+b") as handle:
        try:
            _lock(handle.fileno())
        except OSError:
            raise SetupError(
                f"another bridge already works with {home}", hint="stop it first, or set WAXOS_BRIDGE__HOME"
            ) from None
        yield


def _lock(descriptor: int) -> None:
    if sys.platform == "win32":
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def on_stop_signal(stop: Callable[[], None]) -> None:
    """Call `stop` in the running event loop when the system or a person asks the process to end."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        try:
            loop.add_signal_handler(number, stop)
        except NotImplementedError:  # Windows' event loop has no signal handlers
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))


@dataclass(frozen=True)
class Service:
    """What starts the bridge when its user signs in: a file, where it belongs, and the command that makes it known."""

    path: Path
    text: str
    start: str


def service(home: Path, settings: Mapping[str, str], system: str = sys.platform) -> Service:
    """Return the service of this user: a systemd user unit, a launchd agent, or a task of Windows.

    `settings` are variables of the environment, none of them secret: the passphrase is in the keyring, or with systemd in the file
    bridge.env of the bridge's home, which only its user may read.
    """
    command = [sys.executable, "-m", "api.cli.main", "bridge", "run"]
    if system == "darwin":
        return _launchd(home, settings, command)
    if system == "win32":
        return _task(home, settings, command)
    return _systemd(home, settings, command)


def _systemd(home: Path, settings: Mapping[str, str], command: list[str]) -> Service:
    lines = [f"Environment={_quoted(f'{name}={value}')}" for name, value in settings.items()]
    text = "\n".join(
        [
            "[Unit]", "Description=WAXOS desktop bridge", "StartLimitIntervalSec=300", "StartLimitBurst=10", "",
            "[Service]", f"ExecStart={' '.join(_quoted(word) for word in command)}", *lines,
            f"EnvironmentFile=-{str(home / 'bridge.env').replace('%', '%%')}",
            "Restart=on-failure", "RestartSec=5", "RestartPreventExitStatus=2", "KillSignal=SIGTERM", "TimeoutStopSec=20",
            "UMask=0077", "LimitCORE=0", "NoNewPrivileges=yes", "",
            "[Install]", "WantedBy=default.target", "",
        ]
    )  # fmt: skip
    path = Path.home() / ".config" / "systemd" / "user" / "waxos-bridge.service"
    return Service(path, text, "systemctl --user daemon-reload && systemctl --user enable --now waxos-bridge")


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{escaped}"'


def _launchd(home: Path, settings: Mapping[str, str], command: list[str]) -> Service:
    label = "waxos.bridge"
    agent = {
        "Label": label,
        "ProgramArguments": command,
        "EnvironmentVariables": dict(settings),
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": 10,
        "Umask": 0o077,
        "StandardErrorPath": str(home / "bridge.log"),
    }
    path = Path.home() / "Library" / "LaunchAgents" / f"{label}.plist"
    return Service(path, plistlib.dumps(agent).decode("utf-8"), f"launchctl bootstrap gui/$(id -u) {path}")


def _task(home: Path, settings: Mapping[str, str], command: list[str]) -> Service:
    """A task has no environment of its own, so a command sets it first."""
    sets = "".join(f'set "{name}={value}" & ' for name, value in settings.items())
    words = " ".join(f'"{word}"' for word in command)
    text = f"""<?xml version="1.0" encoding="UTF-8"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <Triggers><LogonTrigger><Enabled>true</Enabled></LogonTrigger></Triggers>
  <Principals><Principal id="user"><LogonType>InteractiveToken</LogonType><RunLevel>LeastPrivilege</RunLevel></Principal></Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure><Interval>PT1M</Interval><Count>10</Count></RestartOnFailure>
  </Settings>
  <Actions Context="user">
    <Exec><Command>cmd.exe</Command><Arguments>{escape(f'/d /s /c "{sets}{words}"')}</Arguments></Exec>
  </Actions>
</Task>
"""
    path = home / "waxos-bridge.xml"
    return Service(path, text, f'schtasks /Create /TN waxos-bridge /XML "{path}"')
