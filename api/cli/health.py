"""Asks a running API whether everything it needs answers."""

import json
from typing import Annotated

import httpx
import typer

from api.cli.caller import signed_in
from core.contracts.base import Page
from core.contracts.channels import Channel
from core.contracts.sessions import ChannelVerdict
from core.errors import SetupError
from core.settings import load_settings

_SECONDS = 5


def health(
    url: Annotated[str | None, typer.Option(help="Address of the API; WAXOS_UI__API_URL otherwise.")] = None,
    channels: Annotated[
        bool, typer.Option("--channels", help="Also say what each number can do now; signs in like `waxos kb`.")
    ] = False,
    email: Annotated[str | None, typer.Option(help="Who signs in for --channels.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Report as one JSON object.")] = False,
) -> None:
    """Show what the API says of itself; exit code 1 where something does not answer, or a number cannot read and send."""
    address = (url or load_settings().ui.api_url).rstrip("/")
    try:
        answer = httpx.get(f"{address}/ready", timeout=_SECONDS)
        report = answer.json()
        checks = dict(report["checks"])
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
        raise SetupError(
            f"no WAXOS API answers at {address} ({type(error).__name__})", hint="start one with: waxos up"
        ) from None
    numbers = _numbers(url, email) if channels else []
    if channels:
        report["channels"] = [{"name": one.name, "state": one.state, "health": _told(one)} for one in numbers]
    if as_json:
        typer.echo(json.dumps(report))
    else:
        for name, state in checks.items():
            typer.echo(f"{name:<12}{state}")
        for one in numbers:
            typer.echo(f"{one.name:<12}{one.health.says if one.health else one.state}")
    work = all(one.health is not None and one.health.verdict is ChannelVerdict.WORKS for one in numbers)
    raise typer.Exit(0 if answer.is_success and work else 1)


def _numbers(url: str | None, email: str | None) -> list[Channel]:
    with signed_in(url, email) as caller:
        return list(caller.call("GET", "/channels", Page[Channel]).items)


def _told(channel: Channel) -> dict[str, object] | None:
    return channel.health.model_dump(mode="json") if channel.health is not None else None
