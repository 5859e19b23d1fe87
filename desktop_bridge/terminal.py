"""What the commands of the bridge share: how they start, how they say what came of it, and how they ask for a secret."""

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import typer
from pydantic import SecretStr

from core.errors import SetupError, WaxosError
from core.settings import Settings, load_settings
from core.telemetry import configure_logging
from desktop_bridge import host


def start() -> Settings:
    """Read the settings and take what is secret out of the environment."""
    try:
        settings = load_settings()
    except SetupError as fault:
        raise failed(fault) from None
    configure_logging(settings, process="bridge")
    host.drop_secrets()
    host.forbid_core_dumps()
    return settings


def finish(work: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its end; an error of ours ends the program with its words."""
    try:
        return asyncio.run(work)
    except WaxosError as fault:
        raise failed(fault) from None


def attempt(work: Callable[..., Any], *values: Any) -> Any:
    """Call a function; an error of ours ends the program with its words."""
    try:
        return work(*values)
    except WaxosError as fault:
        raise failed(fault) from None


def failed(fault: WaxosError) -> typer.Exit:
    """Say what happened and what to do, and return the way out."""
    typer.echo(f"error: {fault.detail}", err=True)
    if fault.hint:
        typer.echo(f"hint: {fault.hint}", err=True)
    return typer.Exit(2 if isinstance(fault, SetupError) else 1)


def show(answer: dict[str, Any], *, as_json: bool) -> None:
    """Print an answer for a person, or as one JSON object."""
    if as_json:
        typer.echo(json.dumps(answer, default=str))
        return
    for name, value in answer.items():
        typer.echo(
            f"{name.replace('_', ' ')}: {value if not isinstance(value, dict | list) else json.dumps(value, default=str)}"
        )


def secret(label: str, *, twice: bool = False) -> SecretStr:
    """Ask for a secret without showing it; from a pipe it is one line. No argument and no environment ever holds one."""
    if sys.stdin.isatty():
        return SecretStr(typer.prompt(label, hide_input=True, confirmation_prompt=twice))
    return SecretStr(sys.stdin.readline().rstrip("\r\n"))
