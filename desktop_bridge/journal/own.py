"""What the journal keeps for an owner with an AI key of their own: the sealed key, and suggestions that nobody else has seen."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from desktop_bridge.journal.store import Store, now_text


@dataclass(frozen=True)
class SealedKey:
    """A key that a master password opens. `derivation` says how the password becomes the key of the seal."""

    provider: str
    model: str
    address: str
    derivation: str
    sealed: bytes
    made_at: datetime
    failures: int
    failed_at: datetime | None


class OwnLog:
    """The part of the journal that only an owner with a key of their own fills."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def key(self) -> SealedKey | None:
        """Return the sealed key, if there is one."""
        row = self._store.first("SELECT * FROM own_key")
        if row is None:
            return None
        return SealedKey(
            provider=row["provider"],
            model=row["model"],
            address=row["address"],
            derivation=row["derivation"],
            sealed=bytes(row["sealed"]),
            made_at=datetime.fromisoformat(row["made_at"]),
            failures=row["failures"],
            failed_at=datetime.fromisoformat(row["failed_at"]) if row["failed_at"] else None,
        )

    def keep_key(self, provider: str, model: str, address: str, derivation: str, sealed: bytes) -> None:
        """Keep this key in place of the one before, in one step."""
        with self._store.transaction():
            self._forget_key()
            self._store.run(
                "INSERT INTO own_key (one, provider, model, address, derivation, sealed, made_at) VALUES (1, ?, ?, ?, ?, ?, ?)",
                provider, model, address, derivation, sealed, now_text(),
            )  # fmt: skip
        self._settle()

    def forget_key(self) -> None:
        """Delete the key and the suggestions that were made with it, and overwrite where they stood."""
        with self._store.transaction():
            self._forget_key()
            self._store.run("DELETE FROM own_suggestions")
        self._settle()

    def note_failure(self, at: datetime) -> None:
        """Count a try before it is made, so that a process that is killed in it has counted it too."""
        with self._store.transaction():
            self._store.run("UPDATE own_key SET failures = failures + 1, failed_at = ?", at.isoformat())

    def note_success(self) -> None:
        """Forget the tries that failed."""
        with self._store.transaction():
            self._store.run("UPDATE own_key SET failures = 0, failed_at = NULL")

    def keep_suggestion(self, suggestion_id: UUID, body: str) -> None:
        """Keep a suggestion over a restart."""
        with self._store.transaction():
            self._store.run(
                "INSERT OR REPLACE INTO own_suggestions (id, body, made_at) VALUES (?, ?, ?)",
                str(suggestion_id), body, now_text(),
            )  # fmt: skip

    def suggestions(self) -> dict[UUID, str]:
        """Return the kept suggestions."""
        rows = self._store.all("SELECT id, body FROM own_suggestions")
        return {UUID(row["id"]): str(row["body"]) for row in rows}

    def keep_only(self, ids: set[UUID]) -> None:
        """Delete the suggestions that are decided on or out of date."""
        for gone in set(self.suggestions()) - ids:
            with self._store.transaction():
                self._store.run("DELETE FROM own_suggestions WHERE id = ?", str(gone))

    def _forget_key(self) -> None:
        self._store.run("PRAGMA secure_delete = ON")
        self._store.run("DELETE FROM own_key")

    def _settle(self) -> None:
        """Move the log of changes into the file and empty it: the old seal is in neither."""
        self._store.first("PRAGMA wal_checkpoint(TRUNCATE)")
