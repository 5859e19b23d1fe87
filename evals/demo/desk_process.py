"""A desk of the demo's own: `waxos up` as a child, in a folder of its own and on ports that are free now."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import httpx
import psutil

from core.errors import SetupError

READY_SECONDS = 120


@dataclass(frozen=True, slots=True)
class DeskAddresses:
    """What `waxos up --json` says when everything answers."""

    api: str
    panel: str
    sandbox: str
    sandbox_token: str
    browser: str
    logins: list[dict[str, str]]
    ready_s: dict[str, float]
    pids: dict[str, int]


class DeskProcess:
    """Starts, measures and stops one desk."""

    def __init__(
        self,
        home: Path,
        settings: Mapping[str, str] | None = None,
        *,
        parts: Sequence[str] = (),
        inherit: tuple[str, ...] = ("WAXOS_AAL__",),
    ) -> None:
        """Prepare a desk of `parts` (all if empty) with `settings` and, of our own WAXOS_ variables, those that begin as `inherit` says."""
        self.home = home
        self._settings = dict(settings or {})
        self._parts = parts
        self._inherit = inherit
        self._process: asyncio.subprocess.Process | None = None
        self._listener: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the desk's supervisor while it runs."""
        process = self._process
        return process.pid if process is not None and process.returncode is None else None

    async def start(self) -> DeskAddresses:
        """Start the desk and return its addresses once all of it answers.

        Raises:
            SetupError: it could not start; the desk's own words.
        """
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(parents=True)
        self._process = await asyncio.create_subprocess_exec(
            str(Path(sys.executable).parent / "waxos"),
            "up",
            "--json",
            *(word for part in self._parts for word in ("--only", part)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._environment(),
            start_new_session=True,
        )
        ready = await self._ready(self._process)
        self._listener = asyncio.create_task(_hear_out(self._process))
        return DeskAddresses(**{field.name: ready[field.name] for field in fields(DeskAddresses)})

    async def stop(self) -> None:
        """Ask the desk to stop, and wait until it is gone."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(20):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    def _environment(self) -> dict[str, str]:
        ports = _free_ports(3)
        return {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith("WAXOS_") or name.startswith(self._inherit)
            },
            "WAXOS_HOME": str(self.home),
            "WAXOS_STORAGE__FOLDER": str(self.home / "blobs"),
            "WAXOS_BRIDGE__HOME": str(self.home / "bridge"),
            "WAXOS_API__PORT": str(ports[0]),
            "WAXOS_UI__PORT": str(ports[1]),
            "WAXOS_BRIDGE__SANDBOX_PORT": str(ports[2]),
            **self._settings,
        }

    async def _ready(self, process: asyncio.subprocess.Process) -> dict[str, Any]:
        if process.stdout is None:
            raise SetupError("The desk was started without a way to hear from it.")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(READY_SECONDS):
                async for line in process.stdout:
                    said = json.loads(line)
                    if said.get("event") == "ready":
                        return dict(said)
        await self.stop()
        raise SetupError(await self._last_words(process), hint=f"The logs are in {self.home / 'logs'}.")

    async def _last_words(self, process: asyncio.subprocess.Process) -> str:
        words = (await process.stderr.read()).decode(errors="replace").strip() if process.stderr else ""
        return words.splitlines()[-1] if words else f"The desk was not ready within {READY_SECONDS} s."


async def _hear_out(process: asyncio.subprocess.Process) -> None:
    """Read what the desk goes on to say: a full pipe would hold it up."""
    while process.stdout is not None and await process.stdout.read(4096):
        pass


async def restart_seconds(pid: int, port: int, health_url: str) -> float:
    """Kill a process that listens on `port` and return how long its successor took from its birth to its first answer.

    Raises:
        TimeoutError: nothing answered within 30 s.
    """
    os.kill(pid, signal.SIGKILL)
    async with httpx.AsyncClient(timeout=0.5) as http, asyncio.timeout(30):
        while True:
            with contextlib.suppress(httpx.HTTPError):
                if (await http.get(health_url)).is_success:
                    break
            await asyncio.sleep(0.02)  # house: sleep - a port that opens rings no bell
    answered = time.time()
    listening = [c for c in psutil.net_connections("tcp") if c.status == psutil.CONN_LISTEN]
    owner = next(c.pid for c in listening if c.laddr and c.laddr[1] == port)
    return round(answered - psutil.Process(owner).create_time(), 2)


def memory_mb(pids: Mapping[str, int]) -> dict[str, float]:
    """Return the memory of each process with its children in MB, pages that they share counted once (proportional set size).

    The browser is a child of the bridge and is counted by itself.
    """
    shares: dict[str, float] = {}
    for name, pid in pids.items():
        for process in _tree(pid):
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                owner = "browser" if "chrom" in process.name().lower() else name
                shares[owner] = shares.get(owner, 0.0) + process.memory_full_info().pss / 1_000_000
    return {name: round(share, 1) for name, share in shares.items()}


def _tree(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    return []


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
