"""The open journal: made whole or not at all, migrated, and written in short transactions that are on disk when they end."""

import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlcipher3

from core.contracts.ids import new_id
from core.errors import SetupError
from desktop_bridge import host
from desktop_bridge.errors import JournalUnwritable
from desktop_bridge.journal.file import IN_MEMORY, Connection, connect, disk_full, fault_of, require_sound

Row = Mapping[str, Any]
"""A row of the journal, by column name."""


_ROOM = 256 * 1024
"""Bytes that the largest change may need."""


def now_text() -> str:
    """Return the present instant as it is kept in the journal."""
    return datetime.now(UTC).isoformat()


def migrations() -> Sequence[str]:
    """Return the statements of each version of the journal, oldest first."""
    found = [item for item in (files(__package__) / "migrations").iterdir() if item.name.endswith(".sql")]
    return [item.read_text(encoding="utf-8") for item in sorted(found, key=lambda item: item.name)]


class Store:
    """One open journal file. Not safe for two threads; a commit is on disk (`synchronous=FULL`) before it returns.

    Every method raises JournalUnwritable where the disk does not take a change (nothing of it was kept), JournalDamaged where what is
    read was altered by somebody else.
    """

    def __init__(self, path: Path, key: bytes, *, writable: bool = True) -> None:
        """Open the file, or make it; one that is only read may be in use by a running bridge.

        Raises:
            SetupError: the key does not fit, the file is damaged or of a newer WAXOS, or the disk is full. Nothing was changed.
        """
        self._path = path
        steps = migrations()
        if path != IN_MEMORY:
            _make(path, key, steps) if writable and not path.exists() else require_sound(path, key, len(steps))
        try:
            self._database = connect(path, key, writable=writable)
        except sqlcipher3.Error as error:
            raise SetupError(f"the journal {path} cannot be opened: {error}") from None
        try:
            with _as_setup(path):
                if writable:
                    self._settle(path, steps)
        except BaseException:
            self.close()
            raise

    def _settle(self, path: Path, steps: Sequence[str]) -> None:
        if path != IN_MEMORY:
            host.private_file(path)
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            self._execute(f"PRAGMA {pragma}")
        done = int(self._execute("PRAGMA user_version").fetchone()[0])
        for number, step in enumerate(steps[done:], start=done + 1):
            with self.transaction():
                _apply(self._database, number, step)
                if number == 1:
                    _name_installation(self._database)

    @property
    def installation_id(self) -> UUID:
        """The name of this journal on this computer; the epoch's partner in every report."""
        return UUID(self.one("SELECT id FROM installation")["id"])

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything in the block, on disk when it ends, or nothing."""
        self._execute("BEGIN IMMEDIATE")
        try:
            yield
            self._execute("COMMIT")
        finally:
            if self._database.in_transaction:  # a full disk may have ended it already
                with suppress(sqlcipher3.Error):
                    self._database.execute("ROLLBACK")

    def prove_writable(self) -> None:
        """Return if a change is kept and there is room for more; see the class for what is raised else."""
        if self._path != IN_MEMORY and shutil.disk_usage(self._path.parent).free < _ROOM:
            raise disk_full()
        with self.transaction():
            self.run("UPDATE installation SET id = id")

    def run(self, statement: str, *values: Any) -> int:
        """Run one statement and return how many rows it touched."""
        return int(self._execute(statement, *values).rowcount)

    def all(self, query: str, *values: Any) -> list[Row]:
        """Return all rows of a query."""
        try:
            return list(self._execute(query, *values).fetchall())
        except sqlcipher3.DatabaseError as error:
            raise fault_of(error) from None

    def first(self, query: str, *values: Any) -> Row | None:
        """Return the first row of a query, if any."""
        row: Row | None = self._execute(query, *values).fetchone()
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

    def _execute(self, statement: str, *values: Any) -> Any:
        try:
            return self._database.execute(statement, values)
        except (sqlcipher3.OperationalError, sqlcipher3.DatabaseError) as error:
            if isinstance(error, sqlcipher3.IntegrityError | sqlcipher3.ProgrammingError):
                raise  # a fault of the program, not of the file
            raise fault_of(error) from None


def _make(path: Path, key: bytes, steps: Sequence[str]) -> None:
    """Make a journal beside its place and move it there when it is whole, so that a crash leaves either none or all of it."""
    for left in (path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-journal")):
        if left.exists() and left.stat().st_size:
            raise SetupError(
                f"the journal {path} is gone, but {left.name} is there",
                hint="put the journal back; or move that file away, and pair this computer again",
            )
    fresh = path.with_name(f"{path.name}.new")
    _discard(fresh)
    try:
        with _as_setup(path):
            _write_new(fresh, key, steps)
            host.put_in_place(fresh, path)
    except BaseException:
        _discard(fresh)
        raise


def _write_new(fresh: Path, key: bytes, steps: Sequence[str]) -> None:
    host.private_file(fresh, make=True)
    database = connect(fresh, key, writable=True)
    try:
        database.execute("PRAGMA synchronous = FULL")
        database.execute("BEGIN")
        for number, step in enumerate(steps, start=1):
            _apply(database, number, step)
        _name_installation(database)
        database.execute("COMMIT")
        # A kill while a file in its place is turned to this mode would leave it in a state that no reader may mend.
        database.execute("PRAGMA journal_mode = WAL")
    finally:
        database.close()


def _name_installation(database: Connection) -> None:
    database.execute(
        "INSERT INTO installation (one, id, secret, made_at) VALUES (1, ?, ?, ?)",
        (str(new_id()), secrets.token_bytes(32), now_text()),
    )


def _discard(fresh: Path) -> None:
    for name in ("", "-wal", "-shm", "-journal"):
        fresh.with_name(fresh.name + name).unlink(missing_ok=True)


def _apply(database: Connection, number: int, step: str) -> None:
    lines = [line for line in step.splitlines() if not line.lstrip().startswith("--")]
    for statement in "\n".join(lines).split(";"):
        if statement.strip():
            database.execute(statement)
    database.execute(f"PRAGMA user_version = {number}")


@contextmanager
def _as_setup(path: Path) -> Iterator[None]:
    try:
        yield
    except (JournalUnwritable, sqlcipher3.OperationalError, OSError) as error:
        raise SetupError(
            f"the journal {path} cannot be written: {getattr(error, 'detail', error)}",
            hint="free some disk space, then start again",
        ) from None
