"""The work list of files: which files of which messages are still to be brought to the server. Their bytes are never kept."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from core.contracts.states import MessageKind
from desktop_bridge.journal.store import Row, Store, now_text


@dataclass(frozen=True)
class WantedFile:
    """One file to fetch. `reason` is set once it was given up, and then only the server is still to be told."""

    external_id: str
    position: int
    chat_id: UUID
    kind: MessageKind
    tries: int
    reason: str | None


class FileLog:
    """The part of the journal that remembers files until the server has them, or knows why it has not."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def want(self, external_id: str, position: int, chat_id: UUID, kind: MessageKind) -> None:
        """Note a file that is to be fetched; the caller holds the transaction, which is the one of the message."""
        self._store.run(
            "INSERT OR IGNORE INTO files (external_id, position, chat_id, kind, due_at) VALUES (?, ?, ?, ?, ?)",
            external_id, position, str(chat_id), kind, now_text(),
        )  # fmt: skip

    def due(self, chat_id: UUID | None = None) -> WantedFile | None:
        """Return the file that has waited longest among those that are due, of one chat or of all."""
        mine = str(chat_id) if chat_id else None
        row = self._store.first(
            "SELECT * FROM files WHERE due_at <= ? AND (? IS NULL OR chat_id = ?) ORDER BY due_at, rowid LIMIT 1",
            now_text(), mine, mine,
        )  # fmt: skip
        return _wanted(row) if row else None

    def next_due_in(self) -> float | None:
        """Return in how many seconds the next file is due, 0 at the least; None where there is none to fetch."""
        row = self._store.one("SELECT min(due_at) AS at FROM files")
        if row["at"] is None:
            return None
        return max(0.0, (datetime.fromisoformat(row["at"]) - datetime.now(UTC)).total_seconds())

    def later(self, file: WantedFile, seconds: float) -> None:
        """Note a try that failed, and when the next one is due."""
        with self._store.transaction():
            self._store.run(
                "UPDATE files SET tries = tries + 1, due_at = ? WHERE external_id = ? AND position = ?",
                (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(), file.external_id, file.position,
            )  # fmt: skip

    def give_up(self, file: WantedFile, reason: str) -> None:
        """Note that the file is not to be had; it stays on the list until the server knows."""
        with self._store.transaction():
            self._store.run(
                "UPDATE files SET reason = ?, tries = 0, due_at = ? WHERE external_id = ? AND position = ?",
                reason, now_text(), file.external_id, file.position,
            )  # fmt: skip

    def done(self, file: WantedFile) -> None:
        """Take a file off the list: the server has it, or knows why it has not."""
        with self._store.transaction():
            self.forget(file.external_id, file.position)

    def forget(self, external_id: str, position: int | None = None) -> None:
        """Take the files of a message off the list; the caller holds the transaction."""
        self._store.run(
            "DELETE FROM files WHERE external_id = ? AND position = coalesce(?, position)", external_id, position
        )

    @property
    def waiting(self) -> int:
        """How many files are on the list."""
        return int(self._store.one("SELECT count(*) AS n FROM files")["n"])


def _wanted(row: Row) -> WantedFile:
    return WantedFile(
        external_id=row["external_id"],
        position=row["position"],
        chat_id=UUID(row["chat_id"]),
        kind=MessageKind(row["kind"]),
        tries=row["tries"],
        reason=row["reason"],
    )
