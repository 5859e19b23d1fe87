"""The vault: only the right password opens it, a wrong one costs time, and neither lock alone shows the key."""

import asyncio
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from pydantic import SecretStr

from core.errors import Conflict, InvalidInput, NotFound
from desktop_bridge.byok.vault import LONGEST_WAIT, Provider, Vault
from desktop_bridge.errors import WrongPassword
from desktop_bridge.journal.file import connect
from desktop_bridge.journal.journal import Journal
from desktop_bridge.journal.store import Store
from tests.desktop_bridge.byok.conftest import CHEAP, FILE_KEY, Clock

KEY = SecretStr("sk-canary-5d1c-of-the-owner")
PASSWORD = SecretStr("correct horse battery")
WRONG = SecretStr("incorrect horse battery")
OPENAI = Provider("openai")


async def test_only_the_password_opens_and_what_was_left_out_is_the_providers_own(vault: Vault) -> None:
    await vault.set(KEY, PASSWORD, OPENAI)
    key, provider = await vault.open(PASSWORD)
    assert key == KEY
    assert provider == Provider("openai", "gpt-4o-mini", "https://api.openai.com/v1")
    with pytest.raises(WrongPassword):
        await vault.open(WRONG)


@pytest.mark.parametrize(
    ("key", "password", "provider"),
    [
        ("short", "correct horse battery", OPENAI),
        ("sk-xxxxxxxxxxxxxxxx", "correct horse battery", OPENAI),
        ("sk with spaces in it", "correct horse battery", OPENAI),
        (KEY.get_secret_value(), "too short", OPENAI),
        (KEY.get_secret_value(), "correct horse battery", Provider("nobody")),
        (KEY.get_secret_value(), "correct horse battery", Provider("local")),
        (KEY.get_secret_value(), "correct horse battery", Provider("openai", model="two words")),
        (KEY.get_secret_value(), "correct horse battery", Provider("openai", address="http://provider.test/v1")),
    ],
)
async def test_what_is_no_key_is_refused_and_not_repeated(
    vault: Vault, key: str, password: str, provider: Provider
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await vault.set(SecretStr(key), SecretStr(password), provider)
    said = f"{refused.value!r} {refused.value.detail} {refused.value.hint}"
    assert key not in said
    assert password not in said
    assert vault.facts() is None


async def test_each_wrong_password_doubles_the_wait_over_a_restart_and_a_clock_put_back_helps_nobody(
    vault: Vault, journal: Journal, clock: Clock
) -> None:
    await vault.set(KEY, PASSWORD, OPENAI)
    waits = []
    for _ in range(12):
        with pytest.raises(WrongPassword) as wrong:
            await vault.open(WRONG)
        waits.append(wrong.value.retry_after)
        vault = Vault(journal, clock, CHEAP)  # a restart
        with pytest.raises(WrongPassword):
            await vault.open(PASSWORD)  # too early, and not even tried
        clock.pass_by(-3600)
        assert (vault.facts() or pytest.fail("no key")).wait_seconds == waits[-1]
        clock.pass_by(3600 + (waits[-1] or 0))
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, LONGEST_WAIT, LONGEST_WAIT]
    assert (await vault.open(PASSWORD))[0] == KEY
    with pytest.raises(WrongPassword) as wrong:
        await vault.open(WRONG)
    assert wrong.value.retry_after == 1


async def test_a_try_is_counted_before_it_is_made(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    await vault.set(KEY, PASSWORD, OPENAI)

    class Killed(BaseException):
        pass

    def die(*_: Any) -> bytes:
        raise Killed

    monkeypatch.setattr("desktop_bridge.journal.key.Derivation.stretch", die)
    with suppress(Killed):
        await vault.open(WRONG)
    assert (vault.facts() or pytest.fail("no key")).wait_seconds == 1


async def test_rotating_exchanges_key_or_password_and_the_old_ones_are_worth_nothing(
    vault: Vault, clock: Clock
) -> None:
    await vault.set(KEY, PASSWORD, OPENAI)
    fresh, other = SecretStr("sk-another-key-entirely"), SecretStr("another long password")
    await vault.rotate(PASSWORD, key=fresh)
    assert (await vault.open(PASSWORD))[0] == fresh
    await vault.rotate(PASSWORD, new_password=other, provider=Provider("groq"))
    with pytest.raises(WrongPassword):
        await vault.open(PASSWORD)
    clock.pass_by(1)
    key, provider = await vault.open(other)
    assert (key, provider.name) == (fresh, "groq")
    with pytest.raises(WrongPassword):
        await vault.rotate(PASSWORD, key=KEY)
    clock.pass_by(1)
    assert (await vault.open(other))[0] == fresh


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_neither_lock_opens_without_the_other_and_no_file_shows_the_key(
    vault: Vault, journal: Journal, tmp_path: Path
) -> None:
    await vault.set(KEY, PASSWORD, OPENAI)
    first = journal.own.key()
    assert first is not None
    await vault.rotate(PASSWORD, key=SecretStr("sk-canary-5d1c-number-two"))
    journal.own.keep_suggestion(journal.installation_id, "canary-5d1c of a suggestion")
    files = _files(tmp_path)
    assert {path.name for path in files} >= {"journal.db", "journal.db-wal"}
    assert all(b"canary-5d1c" not in path.read_bytes() for path in files)
    # The outer lock: without the journal's key the file is no database. The inner lock: with it, the seal is still shut.
    with pytest.raises(sqlite3.DatabaseError):
        sqlite3.connect(tmp_path / "journal.db").execute("SELECT * FROM own_key")
    database = connect(tmp_path / "journal.db", FILE_KEY, writable=False)
    dumped = "\n".join(repr(tuple(row)) for row in database.execute("SELECT * FROM own_key"))
    database.close()
    assert "canary-5d1c" not in dumped
    assert PASSWORD.get_secret_value() not in dumped
    assert repr(first.sealed) not in dumped


async def test_a_seal_is_worth_nothing_under_another_address_or_in_another_journal(
    vault: Vault, journal: Journal, clock: Clock, tmp_path: Path
) -> None:
    await vault.set(KEY, PASSWORD, OPENAI)
    kept = journal.own.key()
    assert kept is not None
    elsewhere = Journal(Store(tmp_path / "other.db", FILE_KEY))
    elsewhere.own.keep_key(kept.provider, kept.model, kept.address, kept.derivation, kept.sealed)
    with pytest.raises(WrongPassword):
        await Vault(elsewhere, clock).open(PASSWORD)
    elsewhere.close()
    journal.own.keep_key(kept.provider, kept.model, "https://thief.test/v1", kept.derivation, kept.sealed)
    with pytest.raises(WrongPassword):
        await vault.open(PASSWORD)


class VaultStates(RuleBasedStateMachine):
    """Any order of acts, restarts among them: what opens is what was last kept, and a wait is never jumped."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.clock = Clock()
        self.journal = self.reopened()
        self.kept: tuple[str, str] | None = None
        self.failures = 0
        self.free_at = self.clock.now

    def reopened(self) -> Journal:
        return Journal(Store(Path(self.folder.name) / "journal.db", FILE_KEY))

    @property
    def vault(self) -> Vault:
        return Vault(self.journal, self.clock, CHEAP)

    def attempt(self, password: str, act: Callable[[], Any]) -> bool:
        """Do what needs the password, and say whether it must have worked."""
        right = self.kept is not None and self.kept[1] == password
        if self.kept is None:
            with pytest.raises(NotFound):
                asyncio.run(act())
        elif self.clock.now < self.free_at:
            with pytest.raises(WrongPassword):
                asyncio.run(act())
        elif right:
            asyncio.run(act())
            self.failures, self.free_at = 0, self.clock.now
            return True
        else:
            with pytest.raises(WrongPassword):
                asyncio.run(act())
            self.failures += 1
            self.free_at = self.clock.now
            self.free_at += type(self.free_at - self.free_at)(seconds=min(LONGEST_WAIT, 2 ** (self.failures - 1)))
        return False

    passwords = st.sampled_from(["password number one", "password number two"])
    keys = st.sampled_from(["sk-key-number-one", "sk-key-number-two"])

    @rule(key=keys, password=passwords)
    def set_key(self, key: str, password: str) -> None:
        act = self.vault.set(SecretStr(key), SecretStr(password), OPENAI)
        if self.kept is None:
            asyncio.run(act)
            self.kept, self.failures, self.free_at = (key, password), 0, self.clock.now
        else:
            with pytest.raises(Conflict):
                asyncio.run(act)

    @rule(password=passwords)
    def open_key(self, password: str) -> None:
        found: list[str] = []

        async def act() -> None:
            found.append((await self.vault.open(SecretStr(password)))[0].get_secret_value())

        if self.attempt(password, act):
            assert found == [(self.kept or ("", ""))[0]]

    @rule(password=passwords, key=keys, new=passwords)
    def rotate(self, password: str, key: str, new: str) -> None:
        if self.attempt(
            password, lambda: self.vault.rotate(SecretStr(password), key=SecretStr(key), new_password=SecretStr(new))
        ):
            self.kept = (key, new)

    @rule(seconds=st.sampled_from([0.5, 1.0, 60.0]))
    def wait(self, seconds: float) -> None:
        self.clock.pass_by(seconds)

    @rule()
    def restart(self) -> None:
        self.journal.close()
        self.journal = self.reopened()

    @precondition(lambda self: self.kept is not None)
    @rule()
    def delete(self) -> None:
        asyncio.run(self.vault.delete())
        self.kept, self.failures, self.free_at = None, 0, self.clock.now

    @invariant()
    def what_is_shown_is_what_is(self) -> None:
        facts = self.vault.facts()
        assert (facts is None) == (self.kept is None)
        if facts is not None:
            assert facts.wait_seconds == max(0.0, (self.free_at - self.clock.now).total_seconds())

    def teardown(self) -> None:
        self.journal.close()
        self.folder.cleanup()


TestVaultStates = VaultStates.TestCase
TestVaultStates.settings = settings(
    max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
