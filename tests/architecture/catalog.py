"""The database's catalog as the tenancy rules see it, and a row for any table made from its columns alone."""

import re
from dataclasses import dataclass
from uuid import UUID

import psycopg
from psycopg import sql

from core.contracts.ids import new_id

_TABLES = """
select n.nspname, c.relname, c.relrowsecurity and c.relforcerowsecurity, c.relispartition,
       array(select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg_toast%%'
order by 1, 2
"""
_REQUIRED = """
select a.attname, format_type(a.atttypid, a.atttypmod) from pg_attribute a
where a.attrelid = %s::regclass and a.attnum > 0 and not a.attisdropped and a.attnotnull and not a.atthasdef
"""
_LITERALS = {
    "jsonb": "{}",
    "boolean": "false",
    "timestamp with time zone": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "bytea": "\\x00",
    "tsvector": "word",
    "regconfig": "simple",
    "integer": "1",
    "bigint": "1",
    "smallint": "1",
    "real": "1",
    "double precision": "1",
    "numeric": "1",
}


@dataclass(frozen=True, slots=True)
class Table:
    """A table: `shut` where row-level security is enabled and forced."""

    schema: str
    name: str
    shut: bool
    partition: bool
    columns: tuple[str, ...]

    @property
    def sql(self) -> sql.Identifier:
        """Its qualified name in a statement."""
        return sql.Identifier(self.schema, self.name)

    @property
    def owner_column(self) -> str:
        """The column that says whose a row is."""
        return "tenant_id" if "tenant_id" in self.columns else "thread_id" if "thread_id" in self.columns else "id"

    def owner(self, tenant: UUID) -> str:
        """The value of `owner_column` for a row of this tenant."""
        return f"{tenant}:{new_id()}" if self.owner_column == "thread_id" else str(tenant)


def tables(connection: psycopg.Connection) -> list[Table]:
    """Return every table that is not the server's own, partitions too."""
    rows = connection.execute(_TABLES).fetchall()
    return [Table(schema, name, shut, part, tuple(columns)) for schema, name, shut, part, columns in rows]


def plant(connection: psycopg.Connection, table: Table, tenant: UUID) -> None:
    """Put one row of this tenant into the table, as a superuser, whom neither policies nor foreign keys stop here."""
    required: dict[str, str] = dict(connection.execute(_REQUIRED, (f'"{table.schema}"."{table.name}"',)).fetchall())
    values = {column: _value(kind) for column, kind in required.items()}
    values[table.owner_column] = table.owner(tenant)
    with connection.transaction():
        connection.execute("set local session_replication_role = replica")
        connection.execute(
            sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
                table.sql,
                sql.SQL(", ").join(sql.Identifier(column) for column in values),
                sql.SQL(", ").join(sql.Literal(value) for value in values.values()),
            )
        )


def _value(kind: str) -> str:
    """Return a literal of a column type; text is never the same twice."""
    width = re.fullmatch(r"(?:halfvec|vector)\((\d+)\)", kind)
    if width is not None:
        return f"[{','.join(['0.1'] * int(width[1]))}]"
    return _LITERALS.get(kind) or ("{}" if kind.endswith("[]") else str(new_id()))
