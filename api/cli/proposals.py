"""Lists what past chats and the answers of staff propose, and decides on it."""

from collections.abc import Iterator
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from api.cli.caller import Caller, signed_in
from api.cli.options import AsJson, Email, Url
from core.contracts.base import Page
from core.contracts.proposals import AcceptProposal, Proposal, ProposalKind, ProposalOrigin, ProposalState
from core.errors import InvalidInput

app = typer.Typer(
    no_args_is_help=True, help="Lists what past chats and the answers of staff propose, and decides on it."
)

_SHOWN = 70


@app.command("list")
def list_proposals(
    kind: Annotated[ProposalKind | None, typer.Option(help="Only of this kind.")] = None,
    origin: Annotated[
        ProposalOrigin | None,
        typer.Option(help="Only what was learnt so; `unanswered` are questions without an answer."),
    ] = None,
    state: Annotated[ProposalState, typer.Option(help="Only in this state.")] = ProposalState.PROPOSED,
    url: Url = None,
    email: Email = None,
    as_json: AsJson = False,
) -> None:
    """List proposals, the most seen first; as JSON one a line."""
    with signed_in(url, email) as caller:
        proposals = list(_all(caller, kind, state, origin))
    if as_json:
        for proposal in proposals:
            typer.echo(proposal.model_dump_json())
        return
    table = Table("Id", "Kind", "Learnt from", "Seen", "What is proposed", box=None, pad_edge=False)
    for proposal in proposals:
        table.add_row(
            str(proposal.id), proposal.kind.value, proposal.origin.value, str(proposal.seen), _in_short(proposal)
        )
    table.columns[0].no_wrap = True
    Console(highlight=False, markup=False).print(table)


@app.command()
def accept(
    proposal_ids: Annotated[list[UUID], typer.Argument(help="Ids, as `waxos kb proposals list` shows them.")],
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
    proposal_ids: Annotated[list[UUID], typer.Argument(help="Ids, as `waxos kb proposals list` shows them.")],
    url: Url = None,
    email: Email = None,
    as_json: AsJson = False,
) -> None:
    """Dismiss proposals for good."""
    _decide("dismiss", proposal_ids, None, url, email, as_json)


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
            decided = caller.call("POST", f"/proposals/{proposal_id}/{act}", Proposal, **arguments)
            typer.echo(decided.model_dump_json() if as_json else f"{decided.state.value} {proposal_id}")


def _all(
    caller: Caller, kind: ProposalKind | None, state: ProposalState, origin: ProposalOrigin | None
) -> Iterator[Proposal]:
    parameters = {"limit": "100", "state": state.value} | ({"kind": kind.value} if kind else {})
    parameters |= {"origin": origin.value} if origin else {}
    while True:
        page = caller.call("GET", "/proposals", Page[Proposal], params=parameters)
        yield from page.items
        if page.next_cursor is None:
            return
        parameters["cursor"] = page.next_cursor


def _in_short(proposal: Proposal) -> str:
    if proposal.answer is not None:
        text = f"{proposal.answer.question} → {proposal.answer.answer or '(nobody has answered it)'}"
    elif proposal.tone is not None:
        text = f"{proposal.language or 'unknown language'}: {proposal.tone.profile.formality}. {proposal.tone.profile.notes}"
    elif proposal.eval_case is not None:
        text = " ".join(proposal.eval_case.burst)
    else:
        text = ""
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1] + "…"
