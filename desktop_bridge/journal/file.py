"""The SQLCipher file itself: how it is opened, tried with a key without touching it, and what its faults mean."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlcipher3

from core.errors import SetupError
from desktop_bridge.errors import JournalDamaged, JournalError, JournalUnwritable

_PAGE = 4096
_DAMAGE = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
_FULL = ("SQLITE_FULL", "SQLITE_IOERR_SHMSIZE")
_RESTORE = "restore it from a backup; or move it away with the files beside it, and pair this computer again"

IN_MEMORY = Path(":memory:")
"""A journal that ends with its process, for rehearsals."""

Connection = Any
"""A connection of sqlcipher3, which has no types."""


def connect(path: Path, key: bytes, *, writable: bool) -> Connection:
    """Return a connection with its key. It says nothing yet about whether the key fits; one that only reads changes no file of data.

    The key is hex of our own making, never text of a user, because the statement takes no parameter.
    """
    mode = "memory" if path == IN_MEMORY else "rw" if writable else "ro"
    database = sqlcipher3.connect(
        f"file:{quote(str(path))}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False
    )
    database.row_factory = sqlcipher3.Row
    try:
        database.execute("PRAGMA cipher_log_level = NONE")  # it would write to our terminal; we tell what is wrong
        database.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
        database.execute("PRAGMA temp_store = MEMORY")
    except BaseException:
        database.close()
        raise
    return database


def require_sound(path: Path, key: bytes, newest: int) -> None:
    """Return if this journal opens with the key, every page of it is whole, and no newer WAXOS wrote it. Changes nothing.

    Raises:
        SetupError: it says which of these fails, and what to do.
    """
    if path.stat().st_size < _PAGE:  # SQLite would take it for a new file
        raise SetupError(f"the journal {path} is empty, so something has damaged it", hint=_RESTORE)
    with _reading(path, key) as database:
        try:
            database.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlcipher3.DatabaseError as error:
            raise _closed(path, error) from None
        try:
            found = [row[0] for row in database.execute("PRAGMA quick_check(1)")]
        except sqlcipher3.DatabaseError as error:
            found = [str(error)]
        if found != ["ok"]:
            raise SetupError(f"the journal {path} is damaged; it was not changed", hint=_RESTORE)
        if int(database.execute("PRAGMA user_version").fetchone()[0]) > newest:
            raise SetupError("the journal was written by a newer WAXOS", hint="update WAXOS on this computer")


@contextmanager
def _reading(path: Path, key: bytes) -> Iterator[Connection]:
    try:
        database = connect(path, key, writable=False)
    except sqlcipher3.DatabaseError as error:
        raise _closed(path, error) from None
    try:
        yield database
    finally:
        database.close()


def _closed(path: Path, error: sqlcipher3.DatabaseError) -> SetupError:
    """Say why a journal could not be read at all. A damaged first page and a wrong key cannot be told apart."""
    if _name(error).startswith(_DAMAGE):
        return SetupError(
            f"the journal {path} does not open with this key",
            hint="give the passphrase (or the user's keyring) that it was made with; the file was not changed. "
            f"If the key is right, the file is damaged: {_RESTORE}",
        )
    return SetupError(f"the journal {path} cannot be read: {error}", hint="is it yours, and is its folder writable?")


def fault_of(error: sqlcipher3.Error) -> JournalError:
    """Return what a fault of the open file means to the bridge."""
    name = _name(error)
    if name.startswith(_DAMAGE):
        return JournalDamaged("the journal is damaged", hint=_RESTORE)
    if name.startswith(_FULL):
        return disk_full()
    return JournalUnwritable(
        f"the journal cannot be used now: {error}",
        hint="look at the disk, and whether another program has the file open; the bridge tries again",
    )


def disk_full() -> JournalUnwritable:
    """Return the fault of a disk without room."""
    return JournalUnwritable(
        "the disk is full, so nothing can be noted in the journal",
        hint="free some space; the bridge goes on by itself",
        code="disk_full",
    )


def _name(error: sqlcipher3.Error) -> str:
    return str(getattr(error, "sqlite_errorname", ""))
