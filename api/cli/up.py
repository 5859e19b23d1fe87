"""Runs the whole desk on this machine: databases, API, worker, panel, bridge and a page to practise on."""

import contextlib
import json
import signal
import threading
from pathlib import Path
from typing import Annotated, Any, Protocol
from urllib.parse import quote

import typer
from rich.console import Console

from core.embedded.desk import Desk
from core.embedded.plan import ALL_PARTS, Part
from core.settings import load_settings
from domain import first_business, migrations
from domain.first_business import Login, read_logins

MIGRATIONS = Path(next(iter(migrations.__path__)))
_WORDS = {
    "valkey": "doorbell (Valkey)",
    "postgres": "database (PostgreSQL)",
    "schema": "tables",
    "business": "first business",
    "api": "API",
    "worker": "worker",
    "beat": "beat",
    "ui": "panel",
    "sandbox": "sandbox page",
    "bridge": "bridge",
}


class Voice(Protocol):
    """How `waxos up` tells what it does."""

    def step(self, name: str, seconds: float) -> None:
        """Tell of a step that is done."""
        ...

    def restart(self, name: str, code: int, pause_s: float) -> None:
        """Tell of a process that ended and will be started again."""
        ...

    def ready(self, desk: Desk, logins: tuple[Login, ...]) -> None:
        """Tell that all of it answers."""
        ...


class People:
    """Speaks to a person at a terminal."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)

    def step(self, name: str, seconds: float) -> None:
        """See Voice."""
        self._console.print(f"  [green]✓[/] {_WORDS.get(name, name):<24}{seconds:5.1f} s")

    def restart(self, name: str, code: int, pause_s: float) -> None:
        """See Voice."""
        self._console.print(f"  [yellow]![/] {_WORDS.get(name, name)} ended (code {code}); again in {pause_s:g} s")

    def ready(self, desk: Desk, logins: tuple[Login, ...]) -> None:
        """See Voice."""
        addresses = desk.addresses
        rows = [("Panel", addresses.get("panel")), ("API", addresses.get("api"))]
        if "sandbox" in addresses:
            rows.append(("Sandbox", addresses["sandbox"]))
            rows.append(("Write as a customer", f"{addresses['sandbox']}customer/{quote('Customer')}"))
        self._console.print()
        for title, url in rows:
            if url:
                self._console.print(f"  {title:<22}[bold]{url}[/]")
        for login in logins:
            self._console.print(f"  Sign in as {login.role.value:<11}{login.email}   {login.password}")
        self._console.print(f"\n  Logs are in {desk.plan.home / 'logs'}. Ctrl-C stops everything.\n")


class Programs:
    """Speaks to a program: one JSON object a line."""

    def step(self, name: str, seconds: float) -> None:
        """See Voice."""
        self._say(event="step", name=name, seconds=round(seconds, 2))

    def restart(self, name: str, code: int, pause_s: float) -> None:
        """See Voice."""
        self._say(event="restart", name=name, code=code, pause_s=pause_s)

    def ready(self, desk: Desk, logins: tuple[Login, ...]) -> None:
        """See Voice."""
        self._say(
            event="ready",
            **{"api": "", "panel": "", "sandbox": ""} | desk.addresses,
            browser=str(desk.plan.browser or ""),
            sandbox_token=desk.plan.sandbox_token,
            logins=[
                {"role": one.role.value, "name": one.name, "email": one.email, "password": one.password}
                for one in logins
            ],
            ready_s=desk.timings,
            pids=desk.pids,
        )

    def _say(self, **values: Any) -> None:
        typer.echo(json.dumps(values))


def up(
    only: Annotated[
        list[Part] | None, typer.Option(help="Start this part only; may be given several times. All otherwise.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Report as JSON, one object a line.")] = False,
) -> None:
    """Start the whole desk on this machine and keep it running until Ctrl-C."""
    settings = load_settings()
    voice: Voice = Programs() if as_json else People()
    desk = Desk(
        settings,
        MIGRATIONS,
        first_business.seed,
        parts=frozenset(only) if only else ALL_PARTS,
        progress=voice.step,
        on_restart=voice.restart,
    )
    signal.signal(signal.SIGINT, _as_interrupt)  # a shell's background job begins with it ignored
    signal.signal(signal.SIGTERM, _as_interrupt)
    signal.signal(signal.SIGHUP, _as_interrupt)
    try:
        desk.start()
        desk.ready()
        business = read_logins(desk.plan.home)
        voice.ready(desk, business.logins if business else ())
        with contextlib.suppress(KeyboardInterrupt):
            desk.watch()
    finally:
        _ignore_further()
        desk.stop()


def _as_interrupt(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _ignore_further() -> None:
    """Stopping takes a second or two; a second Ctrl-C in that time must not leave half of it running."""
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
