"""Adds to the knowledge of the business, lists it, searches it and removes from it."""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from api.cli.caller import PREFIX, Caller, signed_in
from api.cli.options import AsJson, Email, Url
from api.cli.proposals import app as proposals
from api.cli.reindex import reindex
from api.cli.review import allow, held, leave_out
from core.contracts.base import Page
from core.contracts.events import Event, EventType
from core.contracts.knowledge import NewCuratedAnswer, NewPageSource, SearchQuery, SearchResult, Source
from core.contracts.states import SourceState
from core.errors import InvalidInput, Unavailable

app = typer.Typer(
    no_args_is_help=True,
    help="Adds to the knowledge of the business, lists it, searches it, reads pages again and removes from it.",
)

for _command in (reindex, held, allow, leave_out):
    app.command()(_command)
app.add_typer(proposals, name="proposals")

ValidUntil = Annotated[
    datetime | None, typer.Option(help="Marked as stale, and not used by itself, from then on (UTC).")
]

_PAGE = re.compile(r"https?://", re.IGNORECASE)
_AT_WORK = {SourceState.QUEUED, SourceState.PARSING, SourceState.EMBEDDING}
_READ_SECONDS = 600.0
_ASK_AGAIN_S = 5.0


@app.command()
def add(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            help="Files (PDF, DOCX, HTML, Markdown, CSV or plain text), or addresses of web pages (https://…)."
        ),
    ] = None,
    title: Annotated[str, typer.Option(help="Title of the one file or page; its own name otherwise.")] = "",
    crawl: Annotated[
        int | None,
        typer.Option(min=2, max=500, help="Also what a page links to beside and below it, so many pages at most."),
    ] = None,
    every: Annotated[int | None, typer.Option(min=1, max=744, help="Read a page again every so many hours.")] = None,
    question: Annotated[str, typer.Option(help="Add an exact answer: the question …")] = "",
    answer: Annotated[str, typer.Option(help="… and its answer.")] = "",
    valid_from: Annotated[datetime | None, typer.Option(help="Not used before (UTC).")] = None,
    valid_until: ValidUntil = None,
    wait: Annotated[bool, typer.Option(help="Wait until it can be searched.")] = True,
    url: Url = None,
    email: Email = None,
    as_json: AsJson = False,
) -> None:
    """Add files, pages or one exact answer, and show how reading them goes. Exit code 1 where one yields nothing."""
    if bool(names) == bool(question and answer):
        raise InvalidInput("nothing to add", hint="name files or addresses, or give both --question and --answer")
    valid = {"valid_from": _utc(valid_from), "valid_until": _utc(valid_until)}
    with signed_in(url, email) as caller, _listening(caller) as events:
        if names:
            called = title if len(names) == 1 else ""
            more = {"title": called, "crawl_pages": crawl, "sync_hours": every} | valid
            added = [
                _add_page(caller, name, more) if _PAGE.match(name) else _upload(caller, Path(name), called, valid)
                for name in names
            ]
        else:
            added = [_add_answer(caller, question, answer, valid)]
        if wait:
            added = _read(caller, events, added, quiet=as_json)
    _report(added, as_json=as_json)
    if any(source.state is SourceState.FAILED for source in added):
        raise typer.Exit(1)


@app.command("list")
def list_sources(url: Url = None, email: Email = None, as_json: AsJson = False) -> None:
    """List every source, newest first."""
    with signed_in(url, email) as caller:
        sources = list(_all(caller))
    _report(sources, as_json=as_json)


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


@app.command()
def sync(
    source_ids: Annotated[
        list[UUID] | None, typer.Argument(help="Ids of pages, as `waxos kb list` shows them; every page otherwise.")
    ] = None,
    wait: Annotated[bool, typer.Option(help="Wait until they are read.")] = True,
    url: Url = None,
    email: Email = None,
    as_json: AsJson = False,
) -> None:
    """Read pages of the web again; what did not change stays as it is. Exit code 1 where one can no longer be read."""
    with signed_in(url, email) as caller, _listening(caller) as events:
        ids = source_ids or [source.id for source in _all(caller) if source.url and source.parent_id is None]
        for source_id in ids:
            caller.call("POST", f"/knowledge/sources/{source_id}/sync", Source)
        read = [source for source in _all(caller) if source.id in ids or source.parent_id in ids]
        if wait:
            read = _read(caller, events, read, quiet=as_json)
    _report(read, as_json=as_json)
    if any(source.failure for source in read):
        raise typer.Exit(1)


def _utc(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=UTC) if at else None


def _add_page(caller: Caller, address: str, more: Mapping[str, Any]) -> Source:
    body = NewPageSource.model_validate({"url": address, **more})
    return caller.call("POST", "/knowledge/pages", Source, json=body.model_dump(mode="json"))


def _upload(caller: Caller, path: Path, title: str, valid: Mapping[str, datetime | None]) -> Source:
    try:
        content = path.open("rb")
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read ({error.strerror})", hint="check the name of the file") from None
    form = {"title": title or path.name} | {name: at.isoformat() for name, at in valid.items() if at}
    with content:
        return caller.call("POST", "/knowledge/sources", Source, files={"file": (path.name, content)}, data=form)


def _add_answer(caller: Caller, question: str, answer: str, valid: Mapping[str, datetime | None]) -> Source:
    body = NewCuratedAnswer.model_validate({"question": question, "answer": answer, **valid})
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
    state = source.progress() or source.state.value
    progress.update(bars[source.id], total=total, completed=source.chunks_done, state=state)


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


def _report(sources: Sequence[Source], *, as_json: bool) -> None:
    """Print a line a source, and below them in full what is wrong with one."""
    if as_json:
        typer.echo(json.dumps([source.model_dump(mode="json") for source in sources], ensure_ascii=False))
        return
    table = Table("Id", "State", "Passages", "Language", "Title", box=None, pad_edge=False)
    for source in sources:
        table.add_row(str(source.id), source.state.value, str(source.chunks_done), source.language or "", source.title)
    table.columns[0].no_wrap = True
    console = Console(highlight=False)
    console.print(table)
    for source in sources:
        if source.failure:
            console.print(f"\n{source.title}: {source.failure}", markup=False)
        if source.held:
            many = "1 passage waits" if source.held == 1 else f"{source.held} passages wait"
            console.print(f"\n{source.title}: {many} for your look: waxos kb held", markup=False)


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
