"""Two bridges on one account, beside a desk: each a process with a home, a journal, a browser profile and a pairing of its own."""

import asyncio
import json
import os
import secrets
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from core.errors import SetupError
from evals.crashtest.desk import alive, browser_of
from evals.crashtest.orders import Orders
from evals.crashtest.staff import Json, Staff
from evals.crashtest.waiting import ticks, until
from evals.demo.desk_process import DeskAddresses

_READY_S = 90.0
_END_S = 20.0
_STOPPED_S = 2.0


@dataclass(slots=True)
class OwnBridge:
    """One bridge that the test itself starts, stops for a while, and wakes."""

    name: str
    home: Path
    orders: Orders
    environ: Mapping[str, str]
    device_id: str = ""
    deaths: int = 0
    _process: asyncio.subprocess.Process | None = field(default=None)

    async def start(self) -> None:
        """Start the process; one that is paired ignores the code that its settings still hold."""
        log = self.home.parent / "logs" / f"{self.name}.log"
        with log.open("ab") as written:
            self._process = await asyncio.create_subprocess_exec(
                str(Path(sys.executable).parent / "waxos"),
                "bridge",
                "run",
                stdout=written,
                stderr=written,
                env=dict(self.environ),
                start_new_session=True,
            )

    async def ensure(self) -> bool:
        """Start it again if it has ended by itself, which it never should; tells whether it had."""
        if self._process is None or self._process.returncode is None:
            return False
        self.deaths += 1
        await self.start()
        return True

    @property
    def linked(self) -> bool:
        """Whether it says that its page is linked."""
        try:
            said: Json = json.loads((self.home / "status.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return said.get("state") == "linked"

    @property
    def process(self) -> psutil.Process | None:
        """The living process, None where it has ended."""
        if self._process is not None and self._process.returncode is None:
            with suppress(psutil.NoSuchProcess):
                return psutil.Process(self._process.pid)
        return None

    @property
    def pid(self) -> int | None:
        """Its process id while it lives."""
        bridge = self.process
        return bridge.pid if bridge is not None else None

    def browser(self) -> list[psutil.Process]:
        """Return the processes of its browser, the main one first."""
        bridge = self.process
        main = browser_of(bridge) if bridge is not None else None
        if main is None:
            return []
        with suppress(psutil.NoSuchProcess):
            return [main, *main.children(recursive=True)]
        return [main]

    def freeze(self) -> None:
        """Stop the process at this moment."""
        bridge = self.process
        if bridge is not None:
            tell([bridge], signal.SIGSTOP)

    async def frozen(self) -> bool:
        """Tell whether it stands still, or does so in a moment."""

        async def look() -> bool | None:
            return True if self._stands_still() else None

        return bool(await until(look, _STOPPED_S, 0.01))

    def _stands_still(self) -> bool:
        with suppress(psutil.NoSuchProcess):
            bridge = self.process
            return bridge is not None and bridge.status() == psutil.STATUS_STOPPED
        return False

    def wake(self) -> None:
        """Let it go on."""
        bridge = self.process
        if bridge is not None:
            tell([bridge], signal.SIGCONT)

    async def end(self) -> None:
        """Wake whatever of it stands still, ask it to end, and see to it."""
        bridge, process = self.process, self._process
        if bridge is None or process is None:
            return
        family = [bridge, *_below(bridge)]
        tell(family, signal.SIGCONT)
        process.terminate()
        try:
            async with asyncio.timeout(_END_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        tell([one for one in family if alive(one)], signal.SIGKILL)


class TwoBridges:
    """Both of them, and which holds the channel."""

    def __init__(self, home: Path, at: DeskAddresses, staff: Staff, settings: Mapping[str, str]) -> None:
        self._staff = staff
        self._home, self._at, self._settings = home, at, settings
        self.both: list[OwnBridge] = []
        self.channel_id = ""

    async def start(self) -> None:
        """Pair and start one after the other, each with a code of its own.

        Raises:
            SetupError: one of them does not come up.
        """
        self.channel_id = (await self._staff.call("GET", "/channels"))["items"][0]["id"]
        for number in (1, 2):
            await self._add(f"bridge-{number}")

    async def end(self) -> None:
        """End both."""
        await asyncio.gather(*(bridge.end() for bridge in self.both))

    async def holder(self) -> tuple[OwnBridge, int] | None:
        """Return the bridge that holds the channel now, by the API, and its epoch."""
        channel = next(
            one for one in (await self._staff.call("GET", "/channels"))["items"] if one["id"] == self.channel_id
        )
        for bridge in self.both:
            if bridge.device_id == channel["holder_device_id"]:
                return bridge, int(channel["epoch"])
        return None

    async def _add(self, name: str) -> None:
        before = await self._devices()
        code = (await self._staff.call("POST", "/devices/pairings", json={"channel_id": self.channel_id}))["code"]
        home = self._home / name
        orders = Orders(self._home.parent / f"{self._home.name}-{name}-failpoints")
        bridge = OwnBridge(name, home, orders, self._environ(home, orders, code))
        self.both.append(bridge)
        await bridge.start()
        async for _ in ticks(_READY_S):
            fresh = await self._devices() - before
            if fresh:
                bridge.device_id = fresh.pop()
            if bridge.device_id and bridge.linked:
                return
            if bridge.process is None:
                break
        raise SetupError(f"{name} does not come up", hint=f"see {self._home / 'logs' / name}.log")

    async def _devices(self) -> set[str]:
        return {device["id"] for device in (await self._staff.call("GET", "/devices"))["items"]}

    def _environ(self, home: Path, orders: Orders, code: str) -> dict[str, str]:
        kept = ("WAXOS_LOG__", "WAXOS_BRIDGE__BROWSER_")
        return {
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith("WAXOS_") or name.startswith(kept)
            },
            **{name: value for name, value in self._settings.items() if name.startswith("WAXOS_BRIDGE__")},
            "PYTHONUNBUFFERED": "1",
            "FAILPOINTS": orders.plan,
            "WAXOS_BRIDGE__SERVER_URL": self._at.api.rstrip("/"),
            "WAXOS_BRIDGE__PAGE_URL": self._at.sandbox,
            "WAXOS_BRIDGE__HOME": str(home),
            "WAXOS_BRIDGE__JOURNAL_PASSPHRASE": secrets.token_urlsafe(24),
            "WAXOS_BRIDGE__PAIRING_CODE": code,
        }


def tell(processes: list[psutil.Process], number: signal.Signals) -> None:
    """Send a signal to those that still live."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def _below(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return list(process.children(recursive=True))
    return []
