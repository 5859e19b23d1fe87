"""Asks a running API whether everything it needs answers."""

import json
from typing import Annotated

import httpx
import typer

from core.errors import SetupError
from core.settings import load_settings

_SECONDS = 5


def health(
    url: Annotated[str | None, typer.Option(help="Address of the API; WAXOS_UI__API_URL otherwise.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Report as one JSON object.")] = False,
) -> None:
    """Show what the API says of itself; exit code 1 where something does not answer."""
    address = (url or load_settings().ui.api_url).rstrip("/")
    try:
        answer = httpx.get(f"{address}/ready", timeout=_SECONDS)
        report = answer.json()
        checks = dict(report["checks"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise SetupError(
            f"no WAXOS API answers at {address} ({type(error).__name__})", hint="start one with: waxos up"
        ) from None
    if as_json:
        typer.echo(json.dumps(report))
    else:
        for name, state in checks.items():
            typer.echo(f"{name:<12}{state}")
    raise typer.Exit(0 if answer.is_success else 1)
