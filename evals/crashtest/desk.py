"""A whole desk of the test's own (`waxos up` in a folder of its own, every process real) and the processes of it that are killed."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

import psutil

from core.errors import SetupError
from evals.crashtest.orders import Orders
from evals.demo.desk_process import DeskAddresses, DeskProcess

PARTS = ("api", "worker", "beat", "sandbox", "bridge")
SETTINGS: Mapping[str, str] = {
    "WAXOS_AAL__CHAIN": "[]",
    "WAXOS_AUTH__ACCESS_MINUTES": "1440",
    "WAXOS_BRIDGE__PACING": "false",
    "WAXOS_BRIDGE__SENDS_PER_HOUR": "1000000",
    "WAXOS_BRIDGE__SENDS_PER_CHAT_HOUR": "1000000",
    "WAXOS_DESK__SENDS_PER_HOUR": "1000000",
    "WAXOS_DESK__SENDS_PER_CHAT_HOUR": "1000000",
    "WAXOS_DESK__CHANNEL_LEASE_SECONDS": "5",
    "WAXOS_DESK__RUN_LEASE_SECONDS": "5",
    "WAXOS_DESK__QUIET_SECONDS": "20",
    "WAXOS_DESK__QUIET_MAX_SECONDS": "60",
    "WAXOS_WORKER__SWEEP_SECONDS": "1",
}
"""No provider, no pacing, no hourly limits (the test sends a day's messages in an hour), short leases, drafting left to staff."""


class Target(StrEnum):
    """What is killed."""

    BRIDGE = "bridge"
    BROWSER = "browser"
    API = "api"
    WORKER = "worker"
    POSTGRES = "postgres"
    VALKEY = "valkey"


_ENDS = {Target.BRIDGE: ["bridge", "run"], Target.API: ["api"], Target.WORKER: ["worker"]}
_NAMES = {Target.POSTGRES: "postgres", Target.VALKEY: "valkey-server"}


class CrashDesk:
    """Starts and stops the desk, and finds the process that is a target at this moment."""

    def __init__(self, home: Path, settings: Mapping[str, str] | None = None, parts: Sequence[str] = PARTS) -> None:
        self.home = home.absolute()
        self.orders = Orders(self.home.parent / f"{self.home.name}-failpoints")
        given = {**SETTINGS, **(settings or {}), "FAILPOINTS": self.orders.plan}
        self._process = DeskProcess(self.home, given, parts=parts, inherit=("WAXOS_LOG__",))

    async def start(self) -> DeskAddresses:
        """Start everything and return where it is.

        Raises:
            SetupError: it does not start; the desk's own words.
        """
        return await self._process.start()

    async def stop(self) -> None:
        """Stop everything."""
        await self._process.stop()

    def victim(self, target: Target) -> psutil.Process | None:
        """Return the living process that `target` names now; None while it is on its way back.

        Raises:
            SetupError: the desk itself has ended.
        """
        supervisor = self._process.pid
        if supervisor is None:
            raise SetupError("the desk ended while it was tested", hint=f"see {self.home / 'logs'}")
        with suppress(psutil.NoSuchProcess):
            if target is Target.BROWSER:
                bridge = self.victim(Target.BRIDGE)
                return browser_of(bridge) if bridge is not None else None
            for child in psutil.Process(supervisor).children():
                if alive(child) and _is(target, child):
                    return child
        return None


def browser_of(bridge: psutil.Process) -> psutil.Process | None:
    """Return the main process of a bridge's browser."""
    with suppress(psutil.NoSuchProcess):
        for process in bridge.children(recursive=True):
            words = _words(process)
            main = any(word.startswith("--user-data-dir=") for word in words)
            if main and not any(word.startswith("--type=") for word in words) and alive(process):
                return process
    return None


def alive(process: psutil.Process) -> bool:
    """Tell whether a process runs and is no zombie."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _is(target: Target, child: psutil.Process) -> bool:
    if target in _NAMES:
        with suppress(psutil.NoSuchProcess):
            return bool(child.name() == _NAMES[target])
        return False
    end = _ENDS[target]
    return _words(child)[-len(end) :] == end


def _words(process: psutil.Process) -> list[str]:
    with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
        return list(process.cmdline())
    return []
