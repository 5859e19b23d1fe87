"""Migrates the database and checks who we are in it."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr

from core.db.migrate import current_revision, newest_revision, upgrade
from core.db.roles import await_schema, refuse_powerful_role
from core.db.session import create_engine
from core.errors import SetupError
from core.settings import load_settings
from domain import migrations

app = typer.Typer(help="Migrates the database and checks who we are in it.", no_args_is_help=True)
MIGRATIONS = Path(next(iter(migrations.__path__)))
Json = Annotated[bool, typer.Option("--json", help="Report as one JSON object.")]


@app.command()
def migrate(as_json: Json = False) -> None:
    """Bring the database at WAXOS_DATABASE_ADMIN_URL to this build's schema."""
    revision = upgrade(_url(load_settings().database_admin_url, "WAXOS_DATABASE_ADMIN_URL"), MIGRATIONS)
    typer.echo(json.dumps({"revision": revision}) if as_json else f"The database is at revision {revision}.")


@app.command()
def check(as_json: Json = False) -> None:
    """Check that WAXOS_DATABASE_URL leads to this build's schema under a role that every policy binds."""
    url = _url(load_settings().database_url, "WAXOS_DATABASE_URL")
    revision = asyncio.run(_check(url))
    found = {"revision": revision, "role": "bound by every policy"}
    typer.echo(json.dumps(found) if as_json else f"Revision {revision}; the role is {found['role']}.")


async def _check(url: str) -> str | None:
    engine = create_engine(url, pool_size=1)
    try:
        await await_schema(engine, newest_revision(MIGRATIONS), 0)
        await refuse_powerful_role(engine)
        return await current_revision(engine)
    finally:
        await engine.dispose()


def _url(value: SecretStr | None, name: str) -> str:
    if value is None:
        raise SetupError(f"{name} is not set", hint=f"set {name}, or use: waxos up")
    return value.get_secret_value()
