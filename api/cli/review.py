"""Passages that speak to the assistant, at the command line: `waxos kb held`, `allow` and `leave-out`."""

import json
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console

from api.cli.caller import signed_in
from core.contracts.base import Page
from core.contracts.knowledge import HeldPassage, ReviewPassage
from core.contracts.states import PassageReview
from core.errors import InvalidInput

Url = Annotated[str | None, typer.Option("--url", help="Address of the API; WAXOS_UI__API_URL otherwise.")]
Email = Annotated[
    str | None,
    typer.Option("--email", help="Sign in as this member; otherwise as the admin that `waxos up` made here."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Report as JSON: one object a line.")]
Passages = Annotated[list[UUID] | None, typer.Argument(help="Ids of passages, as `waxos kb held` shows them.")]
OfSource = Annotated[UUID | None, typer.Option("--source", help="Every passage of this source that waits.")]


def held(
    state: Annotated[
        PassageReview, typer.Option(help="Those that wait, or that were decided on.")
    ] = PassageReview.WAITING,
    source: Annotated[UUID | None, typer.Option(help="Of this source only.")] = None,
    url: Url = None,
    email: Email = None,
    as_json: AsJson = False,
) -> None:
    """List passages that speak to the assistant, with the words that gave them away; they are not found until they are allowed."""
    parameters = {"state": state.value, "limit": "100"} | ({"source_id": str(source)} if source else {})
    console = Console(highlight=False)
    with signed_in(url, email) as caller:
        while True:
            page = caller.call("GET", "/knowledge/held", Page[HeldPassage], params=parameters)
            for passage in page.items:
                typer.echo(passage.model_dump_json()) if as_json else _show(console, passage)
            if page.next_cursor is None:
                return
            parameters["cursor"] = page.next_cursor


def allow(
    passages: Passages = None, source: OfSource = None, url: Url = None, email: Email = None, as_json: AsJson = False
) -> None:
    """Let drafts use held passages for what they say; their orders are never obeyed. The same text does not ask again."""
    _decide(PassageReview.ALLOWED, passages, source, url, email, as_json=as_json)


def leave_out(
    passages: Passages = None, source: OfSource = None, url: Url = None, email: Email = None, as_json: AsJson = False
) -> None:
    """Leave passages out, also those that were allowed; waiting drafts that cite them are retired."""
    _decide(PassageReview.LEFT_OUT, passages, source, url, email, as_json=as_json)


def _decide(
    decision: PassageReview,
    passages: list[UUID] | None,
    source: UUID | None,
    url: str | None,
    email: str | None,
    *,
    as_json: bool,
) -> None:
    if bool(passages) == bool(source):
        raise InvalidInput("nothing to decide on", hint="name passages, or a source with --source")
    paths = [f"/knowledge/held/{one}/review" for one in passages or ()]
    if source:
        paths = [f"/knowledge/sources/{source}/review"]
    body = ReviewPassage.model_validate({"decision": decision}).model_dump(mode="json")
    with signed_in(url, email) as caller:
        for path, subject in zip(paths, passages or filter(None, [source]), strict=False):
            caller.tell("POST", path, json=body)
            said = json.dumps({"id": str(subject), "review": decision.value})
            typer.echo(said if as_json else f"{decision.value.replace('_', ' ')} {subject}")


def _show(console: Console, passage: HeldPassage) -> None:
    where = f"{passage.source_title}{f', page {passage.page}' if passage.page else ''}"
    console.print(f"{passage.id}  {where}", markup=False)
    for sign in passage.signs:
        words = (
            passage.text[sign.start : sign.end].encode("unicode_escape" if sign.sign == "hidden" else "utf-8").decode()
        )
        console.print(f"    {sign.why}: {words}", markup=False)
    console.print("        " + passage.text.replace("\n", "\n        "), markup=False)
