"""`waxos kb reindex`: moves the knowledge of every tenant to another embedding model while the desk goes on."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy import text

from core.aal.embedding import Embedders, EmbeddingModel, embedding_model
from core.db.migrate import newest_revision
from core.db.roles import await_schema, refuse_powerful_role
from core.db.session import Database, Effects, create_engine
from core.embedded.postgres import EmbeddedPostgres
from core.embedded.vault import load_secrets
from core.errors import InvalidInput, SetupError
from core.settings import Settings, load_settings
from domain import migrations
from domain.knowledge.reindex import MoveProgress, Reindexer
from domain.knowledge.spaces import SpaceRepository, SpaceState, VectorSpace, new_space, table_statements

_LINE_S = 1.0


def reindex(
    model: Annotated[str | None, typer.Argument(help="The embedding model; that of the settings otherwise.")] = None,
    width: Annotated[int | None, typer.Option(help="Width of its vectors, where it is not known.")] = None,
    free: Annotated[
        bool, typer.Option("--free", help="Empty the tables of models that are no longer searched by.")
    ] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Give up the move that is under way.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Report as JSON, an object a line.")] = False,
) -> None:
    """Move the knowledge of all tenants to another embedding model; searches go on, and change over at one instant.

    Works in the database itself, as `waxos db migrate` does. Run it again after whatever broke it off: it goes on from there.
    """
    if free and cancel:
        raise InvalidInput("--free and --cancel are two things", hint="cancel first, then free")
    asyncio.run(_run(load_settings(), model, width, free=free, cancel=cancel, as_json=as_json))


async def _run(
    settings: Settings, model: str | None, width: int | None, *, free: bool, cancel: bool, as_json: bool
) -> None:
    addresses = _addresses(settings)
    async with _database(addresses) as db:
        if cancel:
            left = await Reindexer(db, Embedders(settings.aal)).cancel()
            _tell({"cancelled": left.name if left else None}, as_json)
        elif free:
            _tell({"freed": [space.name for space in await _free(db, addresses)]}, as_json)
        else:
            wanted = embedding_model(
                model or settings.aal.embedding, width or (settings.aal.embedding_width if model is None else None)
            )
            move = Reindexer(db, Embedders(settings.aal)).move(await _space(db, addresses, wanted))
            await (_lines(move) if as_json else _bar(move))


@dataclass(frozen=True, slots=True)
class _Addresses:
    app: str
    admin: str | None


def _addresses(settings: Settings) -> _Addresses:
    """Return where the database is: that of the settings, or the one that `waxos up` runs on this machine."""
    if settings.database_url is not None:
        return _Addresses(settings.database_url.get_secret_value(), _plain(settings.database_admin_url))
    home = settings.home.absolute()
    if (home / "postgres").exists():
        server = EmbeddedPostgres.running(home / "postgres", load_secrets(home), home / "logs" / "postgres.log")
        if server is not None:
            return _Addresses(server.app_url, server.admin_url)
    raise SetupError(
        "there is no database to work in",
        hint="set WAXOS_DATABASE_URL and WAXOS_DATABASE_ADMIN_URL, or start: waxos up",
    )


def _plain(value: SecretStr | None) -> str | None:
    return value.get_secret_value() if value is not None else None


@asynccontextmanager
async def _database(addresses: _Addresses) -> AsyncIterator[Database]:
    engine = create_engine(addresses.app, pool_size=4, application_name="waxos-reindex")
    try:
        await await_schema(engine, newest_revision(Path(next(iter(migrations.__path__)))), 0)
        await refuse_powerful_role(engine)
        yield Database(engine, Effects())
    finally:
        await engine.dispose()


async def _space(db: Database, addresses: _Addresses, model: EmbeddingModel) -> VectorSpace:
    """Return the model's space, after making a table for it where no migration did."""
    async with db.without_tenant() as session:
        space = await SpaceRepository(session).find(model)
    if space is not None:
        return space
    space = new_space(model)
    await _as_owner(addresses, [*table_statements(space)])
    async with db.without_tenant() as session:
        await SpaceRepository(session).add(space)
    return space


async def _free(db: Database, addresses: _Addresses) -> list[VectorSpace]:
    async with db.without_tenant() as session:
        retired = [space for space in await SpaceRepository(session).kept() if space.state is SpaceState.RETIRED]
    for space in retired:
        # One transaction for both: a source that is removed meanwhile waits, and then knows the table to be empty.
        await _as_owner(
            addresses,
            [
                f"TRUNCATE {space.table}",
                f"UPDATE embedding_models SET state = '{SpaceState.EMPTY}', chunks_done = 0, chunks_total = 0 "  # noqa: S608 - ours
                f"WHERE vectors = '{space.table}' AND state = '{SpaceState.RETIRED}'",
            ],
        )
    return retired


async def _as_owner(addresses: _Addresses, statements: list[str]) -> None:
    if addresses.admin is None:
        raise SetupError(
            "WAXOS_DATABASE_ADMIN_URL is not set", hint="set it: only the owner of the tables makes and empties them"
        )
    engine = create_engine(addresses.admin, pool_size=1, statement_timeout_ms=600_000)
    try:
        async with engine.begin() as connection:
            await connection.execute(text("set local lock_timeout = '5s'"))
            for statement in statements:
                await connection.execute(text(statement))
    finally:
        await engine.dispose()


async def _bar(move: AsyncIterator[MoveProgress]) -> None:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    pace = _Pace()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("", total=None, rate="")
        async for seen in move:
            rate, _ = pace.of(seen)
            what = seen.model if seen.ours else f"{seen.model} (another process)"
            progress.update(
                task,
                description=what,
                total=seen.total,
                completed=seen.chunks,
                rate=f"{rate:.0f} chunks/s" if rate else "",
            )
    typer.echo(f"The knowledge is searched by {seen.model} ({seen.chunks} chunks).")


async def _lines(move: AsyncIterator[MoveProgress]) -> None:
    pace, last = _Pace(), 0.0
    async for seen in move:
        if seen.switched or time.monotonic() - last >= _LINE_S:
            rate, left = pace.of(seen)
            line = {"model": seen.model, "chunks": seen.chunks, "total": seen.total, "chunks_per_s": rate}
            typer.echo(json.dumps(line | {"seconds_left": left, "switched": seen.switched}))
            last = time.monotonic()


class _Pace:
    """How fast chunks come since the first that was seen."""

    def __init__(self) -> None:
        self._began: tuple[float, int] | None = None

    def of(self, seen: MoveProgress) -> tuple[float | None, float | None]:
        """Return chunks a second and the seconds that are left, none where that cannot be told yet."""
        now = time.monotonic()
        self._began = self._began or (now, seen.chunks)
        took, done = now - self._began[0], seen.chunks - self._began[1]
        if took <= 0 or done <= 0:
            return None, None
        return round(done / took, 1), round((seen.total - seen.chunks) * took / done, 1)


def _tell(found: dict[str, object], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(found))
        return
    for what, value in found.items():
        names = ", ".join(value) if isinstance(value, list) else value
        typer.echo(f"{what}: {names or 'nothing'}")
