"""Learns from past chats that WhatsApp exported, and decides on what they propose."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from api.cli.caller import Caller, signed_in
from api.cli.kb import AsJson, Email, Url
from core.contracts.base import Page
from core.contracts.history import (
    AcceptProposal,
    DateOrder,
    HistoryImport,
    Proposal,
    ProposalKind,
    ProposalState,
)
from core.errors import InvalidInput

app = typer.Typer(
    no_args_is_help=True, help="Learns from past chats that WhatsApp exported, and decides on what they propose."
)

_READ_SECONDS = 300.0
_SHOWN = 70


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


@app.command("list")
def list_proposals(
    kind: Annotated[ProposalKind | None, typer.Option(help="Only of this kind.")] = None,
    state: Annotated[ProposalState, typer.Option(help="Only in this state.")] = ProposalState.PROPOSED,
    url: Url = None,
    email: Email = None,
    as_json: AsJson = False,
) -> None:
    """List proposals, the most seen first; as JSON one a line."""
    with signed_in(url, email) as caller:
        proposals = list(_all(caller, kind, state))
    if as_json:
        for proposal in proposals:
            typer.echo(proposal.model_dump_json())
        return
    table = Table("Id", "Kind", "Seen", "What is proposed", box=None, pad_edge=False)
    for proposal in proposals:
        table.add_row(str(proposal.id), proposal.kind.value, str(proposal.seen), _in_short(proposal))
    table.columns[0].no_wrap = True
    Console(highlight=False, markup=False).print(table)


@app.command()
def accept(
    proposal_ids: Annotated[list[UUID], typer.Argument(help="Ids, as `waxos history list` shows them.")],
    question: Annotated[str | None, typer.Option(help="Of one answer: the question in other words.")] = None,
    answer: Annotated[str | None, typer.Option(help="Of one answer: the answer in other words.")] = None,
    url: Url = None,
    email: Email = None,
    as_json: AsJson = False,
) -> None:
    """Accept proposals: answers become curated answers, a tone the tone of the business, cases wait for the evals."""
    if len(proposal_ids) > 1 and (question or answer):
        raise InvalidInput("other words fit one answer", hint="name one id")
    body = AcceptProposal(question=question, answer=answer).model_dump(mode="json", exclude_none=True)
    _decide("accept", proposal_ids, body, url, email, as_json)


@app.command()
def dismiss(
    proposal_ids: Annotated[list[UUID], typer.Argument(help="Ids, as `waxos history list` shows them.")],
    url: Url = None,
    email: Email = None,
    as_json: AsJson = False,
) -> None:
    """Dismiss proposals for good."""
    _decide("dismiss", proposal_ids, None, url, email, as_json)


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


def _decide(
    act: str,
    proposal_ids: list[UUID],
    body: dict[str, str] | None,
    url: str | None,
    email: str | None,
    as_json: bool,
) -> None:
    with signed_in(url, email) as caller:
        for proposal_id in proposal_ids:
            arguments = {} if body is None else {"json": body}
            decided = caller.call("POST", f"/history/proposals/{proposal_id}/{act}", Proposal, **arguments)
            typer.echo(decided.model_dump_json() if as_json else f"{decided.state.value} {proposal_id}")


def _all(caller: Caller, kind: ProposalKind | None, state: ProposalState) -> Iterator[Proposal]:
    parameters = {"limit": "100", "state": state.value} | ({"kind": kind.value} if kind else {})
    while True:
        page = caller.call("GET", "/history/proposals", Page[Proposal], params=parameters)
        yield from page.items
        if page.next_cursor is None:
            return
        parameters["cursor"] = page.next_cursor


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


def _in_short(proposal: Proposal) -> str:
    if proposal.answer is not None:
        text = f"{proposal.answer.question} → {proposal.answer.answer}"
    elif proposal.tone is not None:
        text = f"{proposal.language or 'unknown language'}: {proposal.tone.profile.formality}. {proposal.tone.profile.notes}"
    elif proposal.eval_case is not None:
        text = " ".join(proposal.eval_case.burst)
    else:
        text = ""
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"
