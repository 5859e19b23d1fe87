"""A journal with a vault whose passwords cost little to try, and a clock that stands still until it is moved."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from desktop_bridge.byok.vault import Vault
from desktop_bridge.journal.journal import Journal
from desktop_bridge.journal.key import Derivation
from desktop_bridge.journal.store import Store

CHEAP = Derivation(salt="00", time_cost=1, memory_kib=8 * 1024, lanes=1)
FILE_KEY = b"f" * 32


@dataclass
class Clock:
    """The time, as the vault sees it."""

    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(Store(tmp_path / "journal.db", FILE_KEY))
    yield journal
    journal.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def with_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the extra `byok` seem to be installed where nothing of it is used."""
    monkeypatch.setattr("desktop_bridge.byok.owner.require_extra", lambda: None)


@pytest.fixture
def vault(journal: Journal, clock: Clock) -> Vault:
    return Vault(journal, clock, CHEAP)
