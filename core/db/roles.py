"""Law 6 at the start of every process: who we are in the database must be somebody whom the policies bind."""

import asyncio
import time

from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from core.db.migrate import current_revision
from core.errors import SetupError

_QUESTION = text(
    """
    select r.rolname as name, r.rolsuper as superuser, r.rolbypassrls as bypass,
           exists (select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace
                   where n.nspname = 'public' and c.relkind in ('r', 'p') and pg_has_role(r.oid, c.relowner, 'MEMBER')) as owner,
           exists (select 1 from pg_roles m where (m.rolsuper or m.rolbypassrls) and m.oid <> r.oid
                   and pg_has_role(r.oid, m.oid, 'MEMBER')) as member
    from pg_roles r where r.rolname in (current_user, session_user)
    """
)
_HINT = "connect as waxos_app (WAXOS_DATABASE_URL); WAXOS_DATABASE_ADMIN_URL is for migrations only"


async def refuse_powerful_role(engine: AsyncEngine) -> None:
    """Refuse a role that is superuser, BYPASSRLS, owner of our tables, or may become one of these.

    Raises:
        SetupError: such a role, or no connection.
    """
    try:
        async with engine.connect() as connection:
            rows = (await connection.execute(_QUESTION)).mappings().all()
    except OperationalError as error:
        raise SetupError(f"the database does not answer: {_reason(error)}", hint="check WAXOS_DATABASE_URL") from None
    for row in rows:
        faults = [
            what
            for what, found in {
                "is a superuser": row["superuser"],
                "may bypass row-level security": row["bypass"],
                "owns tables of the desk": row["owner"],
                "is a member of a role that bypasses row-level security": row["member"],
            }.items()
            if found
        ]
        if faults:
            raise SetupError(f"the database role {row['name']} {' and '.join(faults)}", hint=_HINT)


async def await_schema(engine: AsyncEngine, revision: str, timeout_s: float) -> None:
    """Wait until the database answers and is at `revision` or newer: processes may be started before the migration.

    Raises:
        SetupError: not within `timeout_s` seconds; says which of the two it was.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            found = await current_revision(engine)
            if found is not None and found >= revision:
                return
            problem = f"the database is at revision {found or 'none'}, this build needs {revision}"
            hint = "run: waxos db migrate"
        except OperationalError as error:
            problem, hint = f"the database does not answer: {_reason(error)}", "check WAXOS_DATABASE_URL"
        if time.monotonic() > deadline:
            raise SetupError(problem, hint=hint)
        await asyncio.sleep(0.05)  # house: sleep - a server that is not there yet tells nobody when it comes


def _reason(error: OperationalError) -> str:
    return str(error.orig).strip().splitlines()[0] if error.orig is not None else type(error).__name__
