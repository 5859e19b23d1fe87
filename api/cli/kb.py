"""Adds to the knowledge of the business, lists it, searches it and removes from it."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from api.cli.caller import PREFIX, Caller, signed_in
from core.contracts.base import Page
from core.contracts.events import Event, EventType
from core.contracts.knowledge import NewCuratedAnswer, SearchQuery, SearchResult, Source
from core.contracts.states import SourceState
from core.errors import InvalidInput, Unavailable

app = typer.Typer(
    no_args_is_help=True, help="Adds to the knowledge of the business, lists it, searches it and removes from it."
)

Url = Annotated[str | None, typer.Option("--url", help="Address of the API; WAXOS_UI__API_URL otherwise.")]
Email = Annotated[
    str | None,
    typer.Option("--email", help="Sign in as this member; otherwise as the admin that `waxos up` made here."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Report as JSON: one object, for `--file` one a line.")]
ValidUntil = Annotated[
    datetime | None, typer.Option(help="Marked as stale, and not used by itself, from then on (UTC).")
]

_AT_WORK = {SourceState.QUEUED, SourceState.PARSING, SourceState.EMBEDDING}
_READ_SECONDS = 600.0
_ASK_AGAIN_S = 5.0


@app.command()
def add(
    files: Annotated[list[Path] | None, typer.Argument(help="PDF, DOCX, HTML, Markdown, CSV or plain text.")] = None,
    title: Annotated[str, typer.Option(help="Title of the one file; its name otherwise.")] = "",
    question: Annotated[str, typer.Option(help="Add an exact answer: the question …")] = "",
    answer: Annotated[str, typer.Option(help="… and its answer.")] = "",
    valid_until: ValidUntil = None,
    wait: Annotated[bool, typer.Option(help="Wait until it can be searched.")] = True,
    url: Url = None,
    email: Email = None,
    as_json: AsJson = False,
) -> None:
    """Add files, or one exact answer, and show how reading them goes. Exit code 1 where one yields nothing."""
    if bool(files) == bool(question and answer):
        raise InvalidInput("nothing to add", hint="name files, or give both --question and --answer")
    until = valid_until.replace(tzinfo=UTC) if valid_until else None
    with signed_in(url, email) as caller, _listening(caller) as events:
        if files:
            added = [_upload(caller, path, title if len(files) == 1 else "", until) for path in files]
        else:
            added = [_add_answer(caller, question, answer, until)]
        if wait:
            added = _read(caller, events, added, quiet=as_json)
    if as_json:
        typer.echo(json.dumps([source.model_dump(mode="json") for source in added], ensure_ascii=False))
    else:
        Console().print(_table(added))
    if any(source.state is SourceState.FAILED for source in added):
        raise typer.Exit(1)


@app.command("list")
def list_sources(url: Url = None, email: Email = None, as_json: AsJson = False) -> None:
    """List every source, newest first."""
    with signed_in(url, email) as caller:
        sources = list(_all(caller))
    if as_json:
        typer.echo(json.dumps([source.model_dump(mode="json") for source in sources], ensure_ascii=False))
    else:
        Console().print(_table(sources))


@app.command()
def search(
    query: Annotated[str | None, typer.Argument(help="The question.")] = None,
    file: Annotated[
        Path | None, typer.Option(help='Many questions: a JSON line {"question": …} each; - reads them in.')
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=50, help="Most passages for a question.")] = 5,
    below_floor: Annotated[bool, typer.Option("--all", help="Also what is not relevant enough to be used.")] = False,
    url: Url = None,
    email: Email = None,
    as_json: AsJson = False,
) -> None:
    """Show which passages the desk would find for a question, best first, and why."""
    if (query is None) == (file is None):
        raise InvalidInput("no question", hint='waxos kb search "…", or --file questions.jsonl')
    questions = [query] if query is not None else _questions(file)
    with signed_in(url, email) as caller:
        for asked in questions:
            body = SearchQuery(query=asked or "", limit=limit, include_below_floor=below_floor)
            found = caller.call("POST", "/knowledge/search", SearchResult, json=body.model_dump(mode="json"))
            typer.echo(found.model_dump_json()) if as_json else _show(found)


@app.command()
def remove(
    source_ids: Annotated[list[UUID], typer.Argument(help="Ids, as `waxos kb list` shows them.")],
    url: Url = None,
    email: Email = None,
    as_json: AsJson = False,
) -> None:
    """Remove sources with all that was made of them; waiting drafts that cite them are retired."""
    with signed_in(url, email) as caller:
        for source_id in source_ids:
            caller.tell("DELETE", f"/knowledge/sources/{source_id}")
            typer.echo(json.dumps({"removed": str(source_id)}) if as_json else f"removed {source_id}")


def _upload(caller: Caller, path: Path, title: str, until: datetime | None) -> Source:
    try:
        content = path.open("rb")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read ({error.strerror})", hint="check the name of the file") from None
    form = {"title": title or path.name} | ({"valid_until": until.isoformat()} if until else {})
    with content:
        return caller.call("POST", "/knowledge/sources", Source, files={"file": (path.name, content)}, data=form)


def _add_answer(caller: Caller, question: str, answer: str, until: datetime | None) -> Source:
    body = NewCuratedAnswer(question=question, answer=answer, valid_until=until)
    return caller.call("POST", "/knowledge/answers", Source, json=body.model_dump(mode="json"))


def _listening(caller: Caller) -> ClientConnection:
    """Open the event stream before anything is added, so that no event is missed."""
    address = "ws" + caller.address.removeprefix("http") + PREFIX + "/events"
    try:
        return connect(address, additional_headers={"Authorization": f"Bearer {caller.token}"}, proxy=None)
    except (OSError, WebSocketException) as error:
        raise Unavailable(f"the events of {caller.address} cannot be followed ({type(error).__name__})") from None


def _read(caller: Caller, events: ClientConnection, added: Sequence[Source], *, quiet: bool) -> list[Source]:
    """Follow sources until each is read or failed."""
    current = {source.id: source for source in added}
    columns = (
        TextColumn("{task.fields[title]}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[state]}"),
    )
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as progress:
        bars = {
            source.id: progress.add_task("", total=None, title=source.title, state=source.state.value)
            for source in added
        }
        for source_id in chain([None], _changes(events)):
            for waiting in [s.id for s in current.values() if s.state in _AT_WORK and source_id in {None, s.id}]:
                current[waiting] = caller.call("GET", f"/knowledge/sources/{waiting}", Source)
                _move(progress, bars, current[waiting])
            if not any(source.state in _AT_WORK for source in current.values()):
                break
    return list(current.values())


def _move(progress: Progress, bars: Mapping[UUID, TaskID], source: Source) -> None:
    total = source.chunks_total or None
    progress.update(bars[source.id], total=total, completed=source.chunks_done, state=source.state.value)


def _changes(events: ClientConnection) -> Iterator[UUID | None]:
    """Yield the id of each source that changed, and none from time to time in case an event was lost."""
    deadline = datetime.now(UTC).timestamp() + _READ_SECONDS
    while datetime.now(UTC).timestamp() < deadline:
        try:
            event = Event.model_validate_json(events.recv(_ASK_AGAIN_S))
        except TimeoutError:
            yield None
        except ValidationError:
            continue
        except WebSocketException:
            raise Unavailable("the connection to the API was lost", hint="see how far it got: waxos kb list") from None
        else:
            if event.type is EventType.SOURCE_UPDATED:
                yield event.ids.get("source_id")
    raise Unavailable("reading takes longer than ten minutes", hint="see how far it got: waxos kb list")


def _all(caller: Caller) -> Iterator[Source]:
    cursor: str | None = None
    while True:
        parameters = {"limit": "100"} | ({"cursor": cursor} if cursor else {})
        page = caller.call("GET", "/knowledge/sources", Page[Source], params=parameters)
        yield from page.items
        if page.next_cursor is None:
            return
        cursor = page.next_cursor


def _questions(file: Path | None) -> list[str]:
    try:
        lines = sys.stdin.read() if str(file) == "-" else Path(str(file)).read_text(encoding="utf-8")
        return [str(json.loads(line)["question"]) for line in lines.splitlines() if line.strip()]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput(
            f"{file} holds no questions ({type(error).__name__})", hint='one JSON object a line: {"question": "…"}'
        ) from None


def _table(sources: Sequence[Source]) -> Table:
    table = Table("Id", "Title", "State", "Chunks", "Language", "What is wrong", box=None, pad_edge=False)
    for source in sources:
        chunks = str(source.chunks_done)
        table.add_row(
            str(source.id), source.title, source.state.value, chunks, source.language or "", source.failure or ""
        )
    table.columns[0].no_wrap = True
    return table


def _show(found: SearchResult) -> None:
    console = Console(highlight=False)
    console.print(f"[bold]{found.query}[/]   {found.took_ms:.0f} ms, floor {found.floor}", markup=True)
    if not found.passages:
        console.print("  Nothing relevant was found.")
    for passage in found.passages:
        where = " › ".join(
            filter(None, [passage.source_title, passage.heading, f"page {passage.page}" if passage.page else ""])
        )
        marks = ", ".join(
            filter(None, ["exact answer" if passage.curated_answer else "", "stale" if passage.stale else ""])
        )
        console.print(
            f"  {passage.score:.2f}  (meaning {passage.vector_score or 0:.2f}, words {passage.text_score or 0:.2f})  {where}  {marks}",
            markup=False,
        )
        console.print("        " + passage.text.replace("\n", "\n        "), markup=False)
