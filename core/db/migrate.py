"""Brings a database to the newest schema, and tells processes whether it is there yet."""

import re
import time
from pathlib import Path

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine

from core.db.rls import APP_ROLE, SEARCH_ROLE
from core.errors import SetupError

_LOCK = 0x57415845  # any number that only we use
_LOCK_SECONDS = 60
_REVISION = re.compile(r"(\d{4})_\w+\.py")


def upgrade(admin_url: str, script_location: Path) -> str:
    """Run every migration that is missing, one process at a time, and return the revision reached.

    Raises:
        SetupError: no connection, the roles of decision 4 are missing, or another migration did not end in a minute.
    """
    from alembic import command  # noqa: PLC0415 - costs 0.3 s that a mere import should not
    from alembic.config import Config  # noqa: PLC0415

    engine = create_engine(sync_url(admin_url), connect_args={"connect_timeout": 10})
    config = Config()
    config.set_main_option("script_location", str(script_location).replace("%", "%%"))
    try:
        with engine.connect() as connection:
            _require_roles(connection)
            _take_lock(connection)
            connection.execute(text("set lock_timeout = '5s'"))
            connection.commit()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.execute(text(f"GRANT SELECT ON alembic_version TO {APP_ROLE}"))
            connection.commit()
    except OperationalError as error:
        raise SetupError(
            f"the database cannot be migrated: {_first_line(error)}",
            hint="check WAXOS_DATABASE_ADMIN_URL and that no long transaction holds a table; then run it again",
        ) from None
    finally:
        engine.dispose()
    return newest_revision(script_location)


def newest_revision(script_location: Path) -> str:
    """Return the newest revision that this build brings, read from the names of the files (`0001_what.py`)."""
    found = [match[1] for path in (script_location / "versions").iterdir() if (match := _REVISION.fullmatch(path.name))]
    return max(found)


async def current_revision(engine: AsyncEngine) -> str | None:
    """Return the revision of the database that `engine` sees, none where it was never migrated."""
    try:
        async with engine.connect() as connection:
            return (await connection.execute(text("select version_num from alembic_version"))).scalar_one_or_none()
    except ProgrammingError:
        return None


def sync_url(url: str) -> str:
    """Return a `postgresql://` address in the form that names psycopg 3."""
    return url.replace("postgres://", "postgresql://", 1).replace("postgresql://", "postgresql+psycopg://", 1)


def _take_lock(connection: Connection) -> None:
    deadline = time.monotonic() + _LOCK_SECONDS
    while not connection.execute(text("select pg_try_advisory_lock(:key)"), {"key": _LOCK}).scalar_one():
        if time.monotonic() > deadline:
            raise SetupError("another process has been migrating this database for a minute", hint="wait for it to end")
        connection.rollback()
        # house: sleep - waiting in the lock would hold a snapshot that stalls the other's concurrent index
        time.sleep(0.2)


def _require_roles(connection: Connection) -> None:
    found = set(
        connection.execute(
            text("select rolname from pg_roles where rolname = any(:names)"), {"names": [APP_ROLE, SEARCH_ROLE]}
        ).scalars()
    )
    missing = [name for name in (APP_ROLE, SEARCH_ROLE) if name not in found]
    if missing:
        raise SetupError(
            f"the database lacks the role {' and '.join(missing)}",
            hint=f"create role {APP_ROLE} login password '...'; create role {SEARCH_ROLE} nologin; "
            f"grant {SEARCH_ROLE} to current_user;",
        )


def _first_line(error: OperationalError) -> str:
    return str(error.orig).strip().splitlines()[0] if error.orig is not None else type(error).__name__
