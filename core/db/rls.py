"""Row-level security as SQL text for migrations: every table says once, in one call, who may see its rows (law 6).

Each function returns statements to run in order as the owning role. Names must be plain lower-case identifiers: they are put into
the SQL as they are, and they come from migrations, never from a caller.
"""

import re

APP_ROLE = "waxos_app"
"""The role that every process runs as: may log in, owns nothing, is bound by every policy."""

SEARCH_ROLE = "waxos_search"
"""Owner of the one SECURITY DEFINER function (full-text search): cannot log in, may only read what `search_reader` names."""

_IDENTIFIER = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_TENANT = "nullif(current_setting('app.tenant_id', true), '')::uuid"


def tenant_table(table: str, column: str = "tenant_id") -> list[str]:
    """Return SQL that shuts `table` to all rows but those of the tenant set in the transaction, and opens it to the app role."""
    return [*_policy(table, column), _grant(table)]


def plain_table(table: str) -> list[str]:
    """Return SQL that opens a table without policy to the app role: only for `directory` and `due`, which hold no content."""
    return [_grant(_name(table))]


def append_only_table(table: str, column: str = "tenant_id") -> list[str]:
    """Return SQL like `tenant_table` for rows that the app may add and read, never change or delete (audit, usage)."""
    return [*_policy(table, column), f"GRANT SELECT, INSERT ON {table} TO {APP_ROLE}"]


def hash_partitions(table: str, count: int, column: str = "tenant_id") -> list[str]:
    """Return SQL that makes `count` partitions of a table declared `PARTITION BY HASH (column)`.

    The parent's policy rules every query through the parent; partitions are shut themselves and granted to nobody, so that naming one
    directly shows nothing.
    """
    statements: list[str] = []
    for rest in range(count):
        part = f"{_name(table)}_p{rest:02d}"
        statements.append(
            f"CREATE TABLE {part} PARTITION OF {table} FOR VALUES WITH (MODULUS {count:d}, REMAINDER {rest:d})"
        )
        statements += _policy(part, column)
    return statements


def search_reader(table: str, columns: str) -> list[str]:
    """Return SQL that lets the search role read `columns` (comma separated) of `table` over all tenants, inside its function only."""
    names = ", ".join(_name(part.strip()) for part in columns.split(","))
    return [
        f"GRANT SELECT ({names}) ON {_name(table)} TO {SEARCH_ROLE}",
        f"CREATE POLICY search_reader ON {table} FOR SELECT TO {SEARCH_ROLE} USING (true)",
    ]


def search_function(signature: str) -> list[str]:
    """Return SQL that hands a SECURITY DEFINER function, e.g. `search_chunks(uuid, text, int)`, to the search role for the app to call.

    A new owner needs CREATE on the schema at that moment only, so it is granted and taken back.
    """
    return [
        f"GRANT CREATE ON SCHEMA public TO {SEARCH_ROLE}",
        f"ALTER FUNCTION {signature} OWNER TO {SEARCH_ROLE}",
        f"REVOKE CREATE ON SCHEMA public FROM {SEARCH_ROLE}",
        f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC",
        f"GRANT EXECUTE ON FUNCTION {signature} TO {APP_ROLE}",
    ]


def _policy(table: str, column: str) -> list[str]:
    test = f"{_name(column)} = {_TENANT}"
    return [
        f"ALTER TABLE {_name(table)} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY tenant_rows ON {table} USING ({test}) WITH CHECK ({test})",
    ]


def _grant(table: str) -> str:
    return f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {APP_ROLE}"


def _name(identifier: str) -> str:
    if not _IDENTIFIER.fullmatch(identifier):
        raise ValueError(f"{identifier!r} is not a plain lower-case SQL identifier")
    return identifier
