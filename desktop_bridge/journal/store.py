"""The SQLCipher file: opened with one key, migrated, and written in short transactions that are on disk when they end."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlcipher3

from core.contracts.ids import new_id
from core.errors import SetupError

Row = Mapping[str, Any]
"""A row of the journal, by column name."""


def now_text() -> str:
    """Return the present instant as it is kept in the journal."""
    return datetime.now(UTC).isoformat()


class Store:
    """One open journal file. Not safe for two threads; a commit is on disk (`synchronous=FULL`) before it returns."""

    def __init__(self, path: Path, key: bytes) -> None:
        """Open or make the file.

        Raises:
            SetupError: the key does not fit, the file is damaged, or the disk is full.
        """
        self._database = sqlcipher3.connect(str(path), isolation_level=None, check_same_thread=False)
        self._database.row_factory = sqlcipher3.Row
        try:
            self._open(path, key)
        except BaseException:
            self._database.close()
            raise

    def _open(self, path: Path, key: bytes) -> None:
        self._database.execute(
            "PRAGMA cipher_log_level = NONE"
        )  # it would write to our terminal; we tell what is wrong
        # Not bindable; the key is hex of our own making and never user text.
        self._database.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
        try:
            self._database.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlcipher3.DatabaseError:
            raise SetupError(
                f"the journal {path} does not open with this key",
                hint="give the passphrase (or the user's keyring) that it was made with; the file was not changed",
            ) from None
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "temp_store = MEMORY", "foreign_keys = ON"):
            self._database.execute(f"PRAGMA {pragma}")
        try:
            self._migrate()
            self._settle_installation()
        except sqlcipher3.OperationalError as error:
            raise SetupError(
                f"the journal {path} cannot be written: {error}", hint="free some disk space, then start again"
            ) from None

    def _migrate(self) -> None:
        steps = sorted(
            (item for item in (files(__package__) / "migrations").iterdir() if item.name.endswith(".sql")),
            key=lambda item: item.name,
        )
        done = int(self._database.execute("PRAGMA user_version").fetchone()[0])
        if done > len(steps):
            raise SetupError("the journal was written by a newer WAXOS", hint="update WAXOS on this computer")
        for number, step in enumerate(steps[done:], start=done + 1):
            with self.transaction():
                for statement in step.read_text(encoding="utf-8").split(";"):
                    if statement.strip():
                        self._database.execute(statement)
                self._database.execute(f"PRAGMA user_version = {number}")

    def _settle_installation(self) -> None:
        with self.transaction():
            self._database.execute(
                "INSERT OR IGNORE INTO installation (one, id, secret, made_at) VALUES (1, ?, ?, ?)",
                (str(new_id()), secrets.token_bytes(32), now_text()),
            )

    @property
    def installation_id(self) -> UUID:
        """The name of this journal on this computer; the epoch's partner in every report."""
        return UUID(self.one("SELECT id FROM installation")["id"])

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything in the block, on disk when it ends, or nothing."""
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def run(self, statement: str, *values: Any) -> int:
        """Run one statement and return how many rows it touched."""
        return int(self._database.execute(statement, values).rowcount)

    def all(self, query: str, *values: Any) -> list[Row]:
        """Return all rows of a query."""
        return list(self._database.execute(query, values).fetchall())

    def first(self, query: str, *values: Any) -> Row | None:
        """Return the first row of a query, if any."""
        row: Row | None = self._database.execute(query, values).fetchone()
        return row

    def one(self, query: str, *values: Any) -> Row:
        """Return the row of a query that always has one."""
        row = self.first(query, *values)
        if row is None:
            raise LookupError(query)
        return row

    def close(self) -> None:
        """Close the file."""
        self._database.close()
