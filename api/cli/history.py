"""Learns from past chats that WhatsApp exported."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from api.cli.caller import Caller, signed_in
from api.cli.options import AsJson, Email, Url
from core.contracts.history import DateOrder, HistoryImport
from core.errors import InvalidInput

app = typer.Typer(no_args_is_help=True)

_READ_SECONDS = 300.0


@app.callback()
def history() -> None:
    """Learns from past chats that WhatsApp exported; what they propose is decided on with `waxos kb proposals`."""


@app.command("import")
def import_chats(
    files: Annotated[list[Path], typer.Argument(help="What WhatsApp's Export chat made: .txt, or .zip with media.")],
    business: Annotated[
        str, typer.Option("--business", help="Name of the business as it stands in the chats; guessed otherwise.")
    ] = "",
    date_order: Annotated[
        DateOrder | None, typer.Option(help="How the dates are written, where a file can be read in two ways.")
    ] = None,
    url: Url = None,
    email: Email = None,
    as_json: AsJson = False,
) -> None:
    """Read exported chats, redact them, and propose curated answers, a tone and eval cases. The chats themselves are not kept."""
    with signed_in(url, email) as caller:
        for path in files:
            found = _import(caller, path, business, date_order)
            typer.echo(found.model_dump_json()) if as_json else _show(path, found)


def _import(caller: Caller, path: Path, business: str, date_order: DateOrder | None) -> HistoryImport:
    try:
        content = path.open("rb")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read ({error.strerror})", hint="check the name of the file") from None
    form = {"business": business} | ({"date_order": date_order.value} if date_order else {})
    files = {"file": (path.name, content)}
    with content:
        try:
            return caller.call("POST", "/history/imports", HistoryImport, files=files, data=form, timeout=_READ_SECONDS)
        except InvalidInput as error:
            raise _for_this_command(error, path) from None


def _for_this_command(error: InvalidInput, path: Path) -> InvalidInput:
    """Say which file it is and which option answers the question that the API asked."""
    names = (error.current or {}).get("authors")
    hint = error.hint
    if isinstance(names, list):
        hint = f"say which it is: --business {' or --business '.join(json.dumps(name, ensure_ascii=False) for name in names)}"
    elif error.reason_code == "date_order_unclear":
        hint = "say which it is: --date-order dmy (31/12) or --date-order mdy (12/31)"
    return InvalidInput(f"{path.name}: {error.detail}", hint=hint, code=error.reason_code)


def _show(path: Path, found: HistoryImport) -> None:
    console = Console(highlight=False, markup=False)
    console.print(
        f"{path.name}: {found.messages} messages, {found.first_on} to {found.last_on} ({found.date_order.value})"
    )
    console.print(f"  the business is {found.business} (known by: {found.business_known_by.value})")
    taken = ", ".join(f"{count} {kind}" for kind, count in found.redacted.items())
    console.print(f"  taken out: {taken or 'nothing'}")
    new = ", ".join(f"{count} {kind.value}" for kind, count in found.proposed.items())
    again = "imported before" if found.repeated else f"{found.seen_again} seen again"
    console.print(f"  proposed: {new or 'nothing new'}; {again}")
