"""`waxos bridge key …`: the owner's AI key from the command line. Key and password come by a prompt or a pipe, never as an argument.

Where a bridge runs, its page's own door is used; else what needs no bridge is done on the journal itself.
"""

import json
import re
import webbrowser
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Annotated, Any

import httpx
import typer
from pydantic import SecretStr

from core.errors import SetupError, WaxosError
from core.settings import BridgeSettings
from desktop_bridge import host
from desktop_bridge.byok.door import HALF, LINK_FILE, OPENING_FILE
from desktop_bridge.byok.vault import Provider, Vault
from desktop_bridge.journal.journal import open_journal
from desktop_bridge.terminal import failed, finish, secret, show, start

app = typer.Typer(help="The owner's own AI key, kept and used on this computer only.", no_args_is_help=True)

ProviderName = Annotated[str, typer.Option(help="Whom the key is for: openai, openrouter, groq, gemini, bytez, local.")]
ModelName = Annotated[str, typer.Option(help="The model that is asked; the provider's usual one if left out.")]
Address = Annotated[str, typer.Option(help="Another address of the same API; the provider's own if left out.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

_HALF = re.compile(r'name="half" content="([^"]+)"')
_SECONDS = 120.0


@app.command("set")
def set_key(provider: ProviderName = "openai", model: ModelName = "", address: Address = "") -> None:
    """Keep a key: asks for the key, then for a master password. From a pipe: one line each."""
    settings = start().bridge
    key, password = secret("Key"), secret("Master password", twice=True)
    body = {"key": key, "password": password, **_whom(provider, model, address)}

    async def directly(vault: Vault) -> None:
        await vault.set(key, password, Provider(provider, model, address))

    _act(settings, "key", body, directly)
    typer.echo("The key is kept. Drafts are made with it once it is unlocked and switched on: waxos bridge key page")


@app.command()
def status(as_json: Json = False) -> None:
    """Say whether a key is kept, for whom, and whether it is unlocked."""
    settings = start().bridge
    show(finish(_status(settings)), as_json=as_json)


@app.command()
def unlock() -> None:
    """Unlock the key in the running bridge."""
    _act(start().bridge, "unlock", {"password": secret("Master password")})
    typer.echo("The key is unlocked until it is locked or the bridge ends.")


@app.command()
def lock() -> None:
    """Lock the key in the running bridge: the process that holds it ends."""
    _act(start().bridge, "lock", {})
    typer.echo("The key is locked.")


@app.command()
def rotate(
    new_key: Annotated[bool, typer.Option("--new-key", help="Ask for another key.")] = False,
    new_password: Annotated[bool, typer.Option("--new-password", help="Ask for another master password.")] = False,
    provider: ProviderName = "",
    model: ModelName = "",
    address: Address = "",
) -> None:
    """Exchange the key, its password or its provider. Asks for the present password first."""
    settings = start().bridge
    password = secret("Present master password")
    key = secret("New key") if new_key else None
    other = secret("New master password", twice=True) if new_password else None
    whom = Provider(provider, model, address) if provider else None
    body: dict[str, Any] = {"password": password, "key": key, "new_password": other}

    async def directly(vault: Vault) -> None:
        await vault.rotate(password, key=key, new_password=other, provider=whom)

    _act(settings, "rotate", body | (_whom(provider, model, address) if whom else {}), directly)
    typer.echo("Exchanged.")


@app.command()
def delete(yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Delete the key and the drafts that were made with it. Needs no password: it may be lost."""
    settings = start().bridge
    if not yes:
        typer.confirm("Delete the key? It cannot be brought back.", abort=True)

    async def directly(vault: Vault) -> None:
        await vault.delete()

    _act(settings, "delete", {}, directly)
    typer.echo("The key is deleted.")


@app.command()
def page(
    show_it: Annotated[bool, typer.Option("--open", help="Open it in this computer's browser.")] = False,
) -> None:
    """Print a link to the key's page of the running bridge. It works once."""
    settings = start().bridge
    found = _link(settings)
    if found is None:
        raise failed(_not_running())
    if not show_it:
        typer.echo(found["link"])
        return
    # A file that only its owner reads, as programs' arguments can be read by others.
    path = host.private_folder(settings.home) / OPENING_FILE
    host.write_private(path, f'<!doctype html><meta http-equiv="refresh" content="0;url={found["link"]}">')
    webbrowser.open(path.as_uri())


def _whom(provider: str, model: str, address: str) -> dict[str, str]:
    whom = asdict(Provider(provider, model, address))
    return {"provider": whom["name"], "model": whom["model"], "address": whom["address"]}


def _act(settings: BridgeSettings, path: str, body: dict[str, Any], directly: Any = None) -> None:
    finish(_do(settings, path, body, directly))


async def _do(settings: BridgeSettings, path: str, body: dict[str, Any], directly: Any) -> None:
    async with _bridge(settings) as bridge:
        if bridge is not None:
            plain = {k: v.get_secret_value() if isinstance(v, SecretStr) else v for k, v in body.items()}
            _refuse(await bridge.post(f"/api/{path}", json=plain))
            return
    if directly is None:
        raise _not_running()
    with host.single_instance(host.private_folder(settings.home)):
        journal = open_journal(settings)
        try:
            await directly(Vault(journal))
        finally:
            journal.close()


async def _status(settings: BridgeSettings) -> dict[str, Any]:
    async with _bridge(settings) as bridge:
        if bridge is not None:
            answer = await bridge.get("/api/state")
            _refuse(answer)
            told = answer.json()
            key = told["key"] or {}
            return {"kept": bool(key), "unlocked": told["unlocked"], "on": told["on"], **_of(key)}
    journal = open_journal(settings)
    try:
        facts = Vault(journal).facts()
    finally:
        journal.close()
    kept = {"provider_name": facts.provider.name, "model": facts.provider.model} if facts else {}
    return {"kept": facts is not None, "unlocked": False, **_of(kept)}


def _of(key: dict[str, Any]) -> dict[str, Any]:
    return {"provider": key["provider_name"], "model": key["model"]} if key else {}


def _link(settings: BridgeSettings) -> dict[str, str] | None:
    try:
        found: dict[str, str] = json.loads((settings.home / LINK_FILE).read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return found


@asynccontextmanager
async def _bridge(settings: BridgeSettings) -> AsyncIterator[httpx.AsyncClient | None]:
    """The page of the running bridge, entered; None where no bridge answers."""
    found = _link(settings)
    if found is None:
        yield None
        return
    origin = found["origin"]
    async with httpx.AsyncClient(
        base_url=origin, headers={"Origin": origin}, trust_env=False, timeout=_SECONDS
    ) as client:
        try:
            entered = await client.get(found["link"])
        except httpx.TransportError:  # a bridge that was killed has left its file
            entered = None
        half = _HALF.search(entered.text) if entered is not None and entered.is_success else None
        if half is not None:
            client.headers[HALF] = half[1]
        yield client if half is not None else None


class _Refused(WaxosError):
    """What the running bridge said."""


def _refuse(answer: httpx.Response) -> None:
    if answer.is_error:
        said = answer.json()
        wait = f"; try again in {said['wait']:.0f} s" if said.get("wait") else ""
        raise _Refused(said["detail"] + wait, hint=said.get("hint"))


def _not_running() -> SetupError:
    return SetupError("no bridge runs on this computer", hint="start it: waxos bridge run")
