"""Law 6, read from the catalog of a migrated database and tried on every table: no query sees another tenant's row."""

from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import create_engine

from core.contracts.ids import new_id
from core.db.migrate import sync_url
from core.db.rls import APP_ROLE, SEARCH_ROLE
from tests.architecture.catalog import Table, plant, tables
from tests.conftest import MIGRATIONS, DatabaseUrls

WITHOUT_POLICY = frozenset({"public.directory", "public.due", "public.embedding_models", "public.alembic_version"})
"""The first three hold no content (decisions 3 and 21); `alembic_version` holds the number of the schema."""

DEFINER_FUNCTIONS = frozenset({"search_chunks"})
"""Functions that run with their owner's rights: full-text search, whose operators are not leakproof."""

PLANTED = new_id()
"""The tenant whose rows stand in every table."""


@pytest.fixture(scope="module")
def superuser(database_urls: DatabaseUrls) -> Iterator[psycopg.Connection]:
    """A connection that no policy binds."""
    with psycopg.connect(database_urls.superuser, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="module")
def shut(superuser: psycopg.Connection) -> list[Table]:
    """Tables that must be shut, each with one row of one tenant in it."""
    found = [table for table in tables(superuser) if f"{table.schema}.{table.name}" not in WITHOUT_POLICY]
    for table in found:
        if not table.partition:
            plant(superuser, table, PLANTED)
    return found


@pytest.fixture
def app(database_urls: DatabaseUrls) -> Iterator[psycopg.Connection]:
    """A connection as every process has it."""
    with psycopg.connect(database_urls.app, autocommit=True) as connection:
        yield connection


def _as_tenant(connection: psycopg.Connection, tenant: UUID | None) -> None:
    connection.execute("select set_config('app.tenant_id', %s, false)", ("" if tenant is None else str(tenant),))


def test_every_table_forces_its_policy(shut: list[Table]) -> None:
    """Row-level security is enabled, and forced on the owner too, on all but the tables named above."""
    assert len(shut) > 20
    assert [table.name for table in shut if not table.shut] == []


def test_policies_bind_reading_and_writing(superuser: psycopg.Connection, shut: list[Table]) -> None:
    """Each table has one policy for all commands with USING and WITH CHECK on the tenant; only search may read past it."""
    rows = superuser.execute(
        "select schemaname, tablename, roles::text[], cmd, qual, with_check, permissive from pg_policies"
    ).fetchall()
    bound = set()
    for schema, table, roles, cmd, qual, check, permissive in rows:
        if roles == [SEARCH_ROLE]:
            assert cmd == "SELECT", table
            continue
        assert (roles, cmd, permissive) == (["public"], "ALL", "PERMISSIVE"), table
        assert "app.tenant_id" in qual, table
        assert check == qual, table
        assert (schema, table) not in bound, f"a second permissive policy on {table} would widen the first"
        bound.add((schema, table))
    assert bound == {(table.schema, table.name) for table in shut}


def test_app_role_is_powerless(superuser: psycopg.Connection) -> None:
    """It is no superuser, bypasses nothing, owns nothing, belongs to no role, and can create nothing."""
    flags = superuser.execute(
        "select rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication from pg_roles where rolname = %s",
        (APP_ROLE,),
    ).fetchone()
    assert flags == (False,) * 5
    for question in (
        "select count(*) from pg_class where relowner = %s::regrole",
        "select count(*) from pg_proc where proowner = %s::regrole",
        "select count(*) from pg_namespace where nspowner = %s::regrole",
        "select count(*) from pg_auth_members where member = %s::regrole",
        "select count(*) from pg_namespace n where n.nspname not like 'pg_%%' and has_schema_privilege(%s, n.oid, 'CREATE')",
        "select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p') "
        "and n.nspname not in ('pg_catalog', 'information_schema') and has_table_privilege(%s, c.oid, 'TRUNCATE, TRIGGER')",
    ):
        assert superuser.execute(question, (APP_ROLE,)).fetchone() == (0,), question


def test_views_do_not_open_a_door(superuser: psycopg.Connection) -> None:
    """A view reads with its owner's rights: there is none."""
    views = superuser.execute(
        "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace "
        "where c.relkind in ('v', 'm') and n.nspname not in ('pg_catalog', 'information_schema')"
    ).fetchall()
    assert views == []


def test_definer_functions_are_the_ones_named(superuser: psycopg.Connection) -> None:
    """Each belongs to a role that cannot log in, fixes its search path, asks for the tenant, and is the app's alone to call."""
    rows = superuser.execute(
        "select p.proname, r.rolname, r.rolcanlogin or r.rolsuper or r.rolbypassrls, "
        "       array_to_string(p.proconfig, ' '), p.prosrc, "
        "       exists (select 1 from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a where a.grantee = 0) "
        "from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_roles r on r.oid = p.proowner "
        "where p.prosecdef and n.nspname not in ('pg_catalog', 'information_schema')"
    ).fetchall()
    assert {row[0] for row in rows} <= DEFINER_FUNCTIONS
    for name, owner, powerful, config, source, public in rows:
        assert (owner, powerful, public) == (SEARCH_ROLE, False, False), name
        assert "search_path=" in config, name
        assert "app.tenant_id" in source, name


def test_without_a_tenant_nothing_is_seen(app: psycopg.Connection, shut: list[Table]) -> None:
    """A raw select over every table returns no row, though each holds one; a partition cannot even be named."""
    for tenant in (None, new_id()):
        _as_tenant(app, tenant)
        for table in shut:
            query = sql.SQL("SELECT count(*) FROM {}").format(table.sql)
            if table.partition:
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    app.execute(query)
            else:
                assert app.execute(query).fetchone() == (0,), table.name
    _as_tenant(app, PLANTED)
    seen = {t.name for t in shut if not t.partition and _count(app, t)}
    assert seen == {t.name for t in shut if not t.partition}, "a table without a row would have proved nothing"


def _count(connection: psycopg.Connection, table: Table) -> int:
    row = connection.execute(sql.SQL("SELECT count(*) FROM {}").format(table.sql)).fetchone()
    return int(row[0]) if row is not None else 0


def test_a_foreign_row_is_refused(app: psycopg.Connection, shut: list[Table]) -> None:
    """No table takes a row of another tenant, with one tenant set or none, and gives none of its own away."""
    for table in (table for table in shut if not table.partition):
        column = sql.Identifier(table.owner_column)
        insert = sql.SQL("INSERT INTO {} ({}) VALUES (%s)").format(table.sql, column)
        move = sql.SQL("UPDATE {} SET {} = %s").format(table.sql, column)
        for tenant in (None, PLANTED):
            _as_tenant(app, tenant)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(insert, (table.owner(new_id()),))
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute(move, (table.owner(new_id()),))


def test_models_and_migrations_agree(database_urls: DatabaseUrls) -> None:
    """There is one newest migration, and after it the tables are what the models say."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert len(ScriptDirectory.from_config(config).get_heads()) == 1
    engine = create_engine(sync_url(database_urls.admin))
    try:
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            command.check(config)
    finally:
        engine.dispose()
