"""`waxos bridge …`: run and pair the bridge, look at the page and send by hand, serve the sandbox."""

import json
import os
import platform
from dataclasses import replace
from typing import Annotated, Any

import structlog
import typer
from pydantic import SecretStr

from core.contracts.bridge import PROTOCOL
from core.contracts.channels import PairDevice
from core.errors import SetupError
from core.settings import BridgeSettings, Settings
from desktop_bridge import __version__, byhand, choosing, host, offline
from desktop_bridge.byok.commands import app as key_app
from desktop_bridge.elsewhere import send_as_device
from desktop_bridge.failpoints import planned
from desktop_bridge.journal.journal import open_journal, rekey_journal
from desktop_bridge.link.client import ServerClient
from desktop_bridge.rehearsal import rehearse as run_rehearsal
from desktop_bridge.rehearsal import write_line
from desktop_bridge.runner import run_bridge
from desktop_bridge.sandbox.commands import app as sandbox_app
from desktop_bridge.status import BridgeStatus, read_status
from desktop_bridge.terminal import attempt, failed, finish, show, start

FAILPOINTS = "FAILPOINTS"
"""Environment variable of the crash tests, for instance `send.armed=kill`; see desktop_bridge/failpoints.py."""

app = typer.Typer(
    help="The desktop bridge: reads the chat page and sends what was approved, once.", no_args_is_help=True
)
app.registered_commands.extend(sandbox_app.registered_commands)
app.add_typer(key_app, name="key")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]

log = structlog.get_logger(__name__)


@app.command()
def run() -> None:
    """Run the bridge until Ctrl-C. Pairs itself first where WAXOS_BRIDGE__PAIRING_CODE is set."""
    settings = start()
    finish(_run(settings))


@app.command()
def pair(
    code: Annotated[str, typer.Argument(help="The code that the panel shows.")],
    name: Annotated[str, typer.Option(help="How this computer is called in the panel.")] = "",
    as_json: Json = False,
) -> None:
    """Pair this computer with a channel of the server."""
    settings = start()
    show(finish(_pair(settings.bridge, code, name)), as_json=as_json)


@app.command()
def status(as_json: Json = False) -> None:
    """Say how the bridge on this computer is, as it last told: state, lease, news put aside, files that wait."""
    settings = start()
    told = read_status(settings.bridge.home)
    if told is None:
        raise failed(SetupError("no bridge has run on this computer yet", hint="start it: waxos bridge run"))
    show(told.model_dump(mode="json"), as_json=as_json)


@app.command()
def probe(as_json: Json = False) -> None:
    """Say what the bridge sees on the page: state, chats, and which landmark was found by which alternative."""
    settings = start()
    show(finish(byhand.probe(settings.bridge)), as_json=as_json)


@app.command()
def inbox(as_json: Json = False) -> None:
    """List the chats as the bridge reads them from the list. Opens none."""
    settings = start()
    show(finish(byhand.inbox(settings.bridge)), as_json=as_json)


@app.command()
def recent(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many chats.")] = 20,
    as_json: Json = False,
) -> None:
    """Show recent chats from the journal: without a page, without a server, and beside a running bridge."""
    answer = attempt(offline.recent, start().bridge, limit)
    if as_json:
        return show(answer, as_json=True)
    for chat in answer["chats"]:
        typer.echo(f"{_line(chat['newest'])[:100]}\n    {chat['title']} ({chat['messages']} messages)")
    return None


@app.command()
def read(
    chat: Annotated[str, typer.Option(help="The chat's title.")],
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many messages.")] = 50,
    as_json: Json = False,
) -> None:
    """Read a chat from the journal: without a page, without a server, and beside a running bridge."""
    answer = attempt(offline.read, start().bridge, chat, limit)
    if as_json:
        return show(answer, as_json=True)
    for number, one in enumerate(answer["chats"], start=1):
        typer.echo(
            f"{answer['title']}" + (f" ({number} of {len(answer['chats'])})" if len(answer["chats"]) > 1 else "")
        )
        for message in one["messages"]:
            typer.echo(_line(message))
    return None


@app.command()
def rekey(
    keyring: Annotated[bool, typer.Option("--keyring", help="Keep the key in the system keyring from now on.")] = False,
) -> None:
    """Give the journal another passphrase, or hand its key to the system keyring. Stop the bridge first."""
    settings = start()
    new = None
    if not keyring:
        new = SecretStr(typer.prompt("New passphrase", hide_input=True, confirmation_prompt=True))
    attempt(rekey_journal, settings.bridge, new)
    typer.echo(
        "The system keyring keeps the key now; unset WAXOS_BRIDGE__JOURNAL_PASSPHRASE."
        if keyring
        else "The journal opens with the new passphrase now; set WAXOS_BRIDGE__JOURNAL_PASSPHRASE to it."
    )


@app.command()
def service(
    install: Annotated[bool, typer.Option("--install", help="Write the file where the system looks for it.")] = False,
) -> None:
    """Print what starts the bridge when its user signs in (systemd, launchd or a task of Windows), with the settings of now."""
    bridge = start().bridge
    home = bridge.home.absolute()
    given = {name: getattr(bridge, name) for name in sorted(bridge.model_fields_set | {"home"})}
    plain = {name: value for name, value in given.items() if not isinstance(value, SecretStr | None)}
    shown = {f"WAXOS_BRIDGE__{name.upper()}": str(home if name == "home" else value) for name, value in plain.items()}
    made = host.service(home, shown)
    if not install:
        typer.echo(made.text)
        return
    host.private_folder(home)
    made.path.parent.mkdir(parents=True, exist_ok=True)
    host.write_private(made.path, made.text)
    typer.echo(f"Written: {made.path}. Now: {made.start}")


@app.command()
def chats(
    people_who_write: Annotated[
        bool,
        typer.Option("--people-who-write", help="Read chats of people who write from now on. This is the default."),
    ] = False,
    all_but: Annotated[list[str] | None, typer.Option(help="Read all chats but these titles. Repeatable.")] = None,
    all_but_from: Annotated[str, typer.Option(help="The same from a file, one title a line; - for the terminal.")] = "",
    only: Annotated[list[str] | None, typer.Option(help="Read only these titles. Repeatable.")] = None,
    only_from: Annotated[str, typer.Option(help="The same from a file, one title a line; - for the terminal.")] = "",
    leave_out: Annotated[list[str] | None, typer.Option(help="Leave one more title out. Repeatable.")] = None,
    take_in: Annotated[list[str] | None, typer.Option(help="Take one more title in. Repeatable.")] = None,
    list_all: Annotated[
        bool, typer.Option("--list", help="List every title of the page and whether it is read.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say or choose which chats are read. A title stands for every chat that bears it. Titles never leave this computer.

    A running bridge obeys at once. What a chat that is left out had told before stays on the server until it is deleted there.
    """
    settings = start().bridge
    show(
        finish(
            _chats(
                settings,
                all_but_from,
                only_from,
                list_all=list_all,
                wish=choosing.Wish(
                    people_who_write=people_who_write,
                    all_but=all_but or [],
                    only=only or [],
                    leave_out=leave_out or [],
                    take_in=take_in or [],
                ),
            )
        ),
        as_json=as_json,
    )


async def _chats(
    settings: BridgeSettings, all_but_from: str, only_from: str, *, list_all: bool, wish: choosing.Wish
) -> dict[str, Any]:
    all_but = [*wish.all_but, *(choosing.titles_from(all_but_from) if all_but_from else [])]
    only = [*wish.only, *(choosing.titles_from(only_from) if only_from else [])]
    said = choosing.choose(settings, replace(wish, all_but=all_but, only=only))
    return await choosing.listed(settings) if list_all else said


@app.command()
def send(
    chat: Annotated[str, typer.Option(help="The chat's title.")],
    text: Annotated[str, typer.Option(help="What to send.")],
    as_json: Json = False,
) -> None:
    """Send one message through the whole send machine: by itself on a page of this computer, elsewhere as the paired device."""
    bridge = start().bridge
    failpoint = planned(os.environ.get(FAILPOINTS, ""))
    if host.on_loopback(bridge.page_url):
        work = byhand.send(bridge, chat, text, failpoint)
    else:
        work = send_as_device(bridge, chat, text, failpoint=failpoint)
    show(finish(work), as_json=as_json)


@app.command()
def rehearse() -> None:
    """Send what JSON lines on the standard input ask for, on a loopback page; `waxos bench send` drives it."""
    settings = start()
    finish(run_rehearsal(settings.bridge, write_line))


async def _run(settings: Settings) -> None:
    bridge = settings.bridge
    code = bridge.pairing_code
    if code is not None and not _is_paired(bridge):
        await _pair(bridge, code.get_secret_value(), "")
    await run_bridge(bridge, failpoint=planned(os.environ.get(FAILPOINTS, "")), on_ready=_announce)


def _is_paired(settings: BridgeSettings) -> bool:
    with host.single_instance(host.private_folder(settings.home)):
        journal = open_journal(settings)
        try:
            return journal.token(settings.server_url) is not None
        finally:
            journal.close()


def _announce(status: BridgeStatus) -> None:
    typer.echo(json.dumps({"event": "ready", **status.model_dump(mode="json")}))


async def _pair(settings: BridgeSettings, code: str, name: str) -> dict[str, Any]:
    with host.single_instance(host.private_folder(settings.home)):
        journal = open_journal(settings)
        client = ServerClient(settings.server_url, None)
        try:
            called = name or platform.node() or "bridge"
            device = await client.pair(
                PairDevice(code=code, name=called[:80], app_version=__version__, protocol=PROTOCOL)
            )
            journal.keep_pairing(device, settings.server_url)
            reads = choosing.MEANING[journal.choice.wanted().mode]
        finally:
            await client.close()
            journal.close()
    return {
        "paired": True,
        "device_id": str(device.device_id),
        "channel_id": str(device.channel_id),
        "reads": reads,
        "choose": "waxos bridge chats --help",
    }


def _line(message: dict[str, Any]) -> str:
    text = message["text"] or f"[{message['kind']}]"
    mark = ">" if message["direction"] == "out" else "<"
    return f"{message['at'].astimezone():%Y-%m-%d %H:%M} {mark} {'[deleted]' if message['deleted'] else text}"
