"""A key that does not fit, a damaged file, a missing one: the journal stays shut and untouched, and says what to do."""

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import keyring
import keyring.errors
import pytest
from keyring.backend import KeyringBackend
from pydantic import SecretStr

from core.contracts.bridge import MessageSeen
from core.contracts.states import Direction
from core.errors import InvalidInput, SetupError
from core.settings import BridgeSettings
from desktop_bridge.errors import JournalUnwritable
from desktop_bridge.journal.file import connect
from desktop_bridge.journal.journal import Journal, journal_path, open_journal
from desktop_bridge.journal.key import Derivation, hand_to_keyring, journal_key, kdf_path, seal
from desktop_bridge.journal.store import Store, migrations

WORDS = SecretStr("one two three")
FLIPS = 60


class MemoryKeyring(KeyringBackend):
    """A keyring as a desktop has it; `forgetful` takes everything and keeps nothing."""

    priority = 1

    def __init__(self, *, forgetful: bool = False) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}
        self.forgetful = forgetful

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        if not self.forgetful:
            self.kept[(service, username)] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.kept.pop((service, username), None) is None:
            raise keyring.errors.PasswordDeleteError(username)


@pytest.fixture
def desktop() -> Iterator[MemoryKeyring]:
    before = keyring.get_keyring()
    mine = MemoryKeyring()
    keyring.set_keyring(mine)
    yield mine
    keyring.set_keyring(before)


def _settings(home: Path, words: SecretStr | None = WORDS) -> BridgeSettings:
    return BridgeSettings(home=home, journal_passphrase=words)


def _fill(journal: Journal) -> None:
    with journal.store.transaction():
        chat = journal.chats.add_chat("Anna")
        for number in range(200):
            seen = MessageSeen(external_id=f"A{number}", chat_id=chat, direction=Direction.IN, text="hello " * 40)
            journal.chats.keep_message(seen)


def _looks(home: Path) -> dict[str, str]:
    """Return what every file of data holds; the index of the WAL (-shm) and an empty WAL are made by whoever opens it."""
    files = {p.name: p.read_bytes() for p in home.iterdir() if not p.name.endswith("-shm")}
    return {
        name: hashlib.sha256(content).hexdigest()
        for name, content in files.items()
        if content or not name.endswith("-wal")
    }


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder with a filled journal whose newest changes are still in the WAL, as a crash leaves it."""
    first, crashed = tmp_path / "first", tmp_path / "crashed"
    journal = open_journal(_settings(first))
    _fill(journal)
    journal.store.one("PRAGMA wal_checkpoint(TRUNCATE)")
    with journal.store.transaction():
        journal.chats.add_chat("Newest")
    shutil.copytree(first, crashed)
    journal.close()
    return crashed


def _refused(home: Path, match: str, words: SecretStr | None = WORDS) -> SetupError:
    before = _looks(home)
    with pytest.raises(SetupError, match=match) as caught:
        open_journal(_settings(home, words))
    assert caught.value.hint
    assert _looks(home) == before
    return caught.value


def test_the_crashed_one_opens(home: Path) -> None:
    journal = open_journal(_settings(home))
    assert journal.chats.with_title("Newest")
    journal.close()


def test_another_passphrase(home: Path) -> None:
    _refused(home, "does not open with this key", SecretStr("another one"))
    open_journal(_settings(home)).close()


def test_another_key_of_the_first_kind_of_file(home: Path) -> None:
    """Files from before the key was sealed: a wrong passphrase makes a wrong key, and only the journal can tell."""
    kdf_path(journal_path(_settings(home))).write_text(Derivation(salt="ab" * 16).model_dump_json())
    _refused(home, "does not open with this key")


def test_a_journal_of_the_first_kind_of_file_still_opens(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    how = Derivation(salt="cd" * 16)
    kdf_path(path).write_text(how.model_dump_json(exclude={"sealed", "version"}))
    Store(path, how.stretch(WORDS)).close()
    open_journal(_settings(tmp_path)).close()
    assert how.time_cost >= 2
    assert how.memory_kib >= 19 * 1024


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b'{"salt": "xy"}', b'{"salt": "ab", "memory_kib": 99999999999}', b'{"other": 1}'],
)
def test_an_unreadable_kdf_file(home: Path, content: bytes) -> None:
    kdf_path(journal_path(_settings(home))).write_bytes(content)
    _refused(home, "kdf.json cannot be read")


def test_a_kdf_file_that_is_a_folder(home: Path) -> None:
    path = kdf_path(journal_path(_settings(home)))
    path.unlink()
    path.mkdir()
    with pytest.raises(SetupError, match="cannot be read"):
        open_journal(_settings(home))


def test_a_missing_kdf_file(home: Path) -> None:
    kdf_path(journal_path(_settings(home))).unlink()
    _refused(home, "is missing beside the journal")


def test_a_passphrase_that_is_not_given(home: Path, desktop: MemoryKeyring) -> None:
    _refused(home, "has a passphrase", None)
    assert desktop.kept == {}


@pytest.mark.parametrize("left", [0, 1, 500, 4096, 5000, 8192, -4096, -1])
def test_a_truncated_journal(home: Path, left: int) -> None:
    path = journal_path(_settings(home))
    (home / "journal.db-wal").unlink()
    whole = path.stat().st_size
    os.truncate(path, left if left >= 0 else whole + left)
    assert whole > 8192
    _refused(home, r"does not open with this key|is damaged|is empty|cannot be read")


def test_flipped_bytes_anywhere(home: Path) -> None:
    path = journal_path(_settings(home))
    (home / "journal.db-wal").unlink()
    content, key = path.read_bytes(), open_key(home)
    for number in range(FLIPS):
        place = (len(content) - 1) * number // (FLIPS - 1)
        flipped = content[:place] + bytes([content[place] ^ 0x40]) + content[place + 1 :]
        path.write_bytes(flipped)
        with pytest.raises(SetupError, match=r"does not open with this key|is damaged"):
            Store(path, key)
        assert path.read_bytes() == flipped
    path.write_bytes(content)
    Store(path, key).close()


def test_a_journal_that_is_gone_while_its_wal_is_there(home: Path) -> None:
    journal_path(_settings(home)).unlink()
    _refused(home, "is gone, but journal.db-wal is there")


def test_a_newer_version_is_refused(home: Path) -> None:
    key = open_key(home)
    database = connect(journal_path(_settings(home)), key, writable=True)
    database.execute(f"PRAGMA user_version = {len(migrations()) + 1}")
    database.close()
    _refused(home, "newer WAXOS")


def open_key(home: Path) -> bytes:
    return journal_key(journal_path(_settings(home)), WORDS)


@pytest.mark.parametrize("version", range(1, len(migrations())))
def test_each_older_version_migrates(tmp_path: Path, version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    path, key, all_steps = tmp_path / "journal.db", b"k" * 32, migrations()
    with monkeypatch.context() as patched:
        patched.setattr("desktop_bridge.journal.store.migrations", lambda: all_steps[:version])
        old = Store(path, key)
        old.run(
            "INSERT INTO chats (id, title_key, title, kind, made_at) VALUES ('c', x'00', 'Anna', 'person', '2026-01-01')"
        )
        installation = old.installation_id
        old.close()
    new = Store(path, key)
    assert new.one("PRAGMA user_version")[0] == len(all_steps)
    assert new.installation_id == installation
    assert new.one("SELECT title FROM chats")["title"] == "Anna"
    new.close()


def test_two_processes_write_one_after_the_other(home: Path) -> None:
    """A reader is welcome beside the writer; a second writer waits, and is refused by name if it waits in vain."""
    key, path = open_key(home), journal_path(_settings(home))
    one, reader, other = Store(path, key), Store(path, key, writable=False), Store(path, key)
    other.all("PRAGMA busy_timeout = 10")
    with one.transaction():
        one.run("UPDATE installation SET server_url = 'here'")
        assert reader.one("SELECT server_url FROM installation")["server_url"] is None
        with pytest.raises(JournalUnwritable, match="cannot be used now"):
            other.prove_writable()
    assert reader.one("SELECT server_url FROM installation")["server_url"] == "here"
    with pytest.raises(JournalUnwritable, match="readonly"):
        reader.prove_writable()
    other.prove_writable()
    for store in (one, reader, other):
        store.close()


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_only_the_owner_may_read(tmp_path: Path) -> None:
    home = tmp_path / "bridge"
    before = os.umask(0)
    try:
        journal = open_journal(_settings(home))
        _fill(journal)
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
        assert {p.name: stat.S_IMODE(p.stat().st_mode) for p in home.iterdir()} == dict.fromkeys(
            ("journal.db", "journal.db-wal", "journal.db-shm", "journal.kdf.json"), 0o600
        )
        journal.close()
    finally:
        os.umask(before)


class TestKeyring:
    def test_it_keeps_the_key(self, tmp_path: Path, desktop: MemoryKeyring) -> None:
        journal = open_journal(_settings(tmp_path, None))
        _fill(journal)
        journal.close()
        assert len(desktop.kept) == 1
        assert not kdf_path(journal_path(_settings(tmp_path))).exists()
        open_journal(_settings(tmp_path, None)).close()

    @pytest.mark.parametrize("kept", ["", "no hex", "ab" * 31])
    def test_what_it_keeps_is_no_key(self, tmp_path: Path, desktop: MemoryKeyring, kept: str) -> None:
        open_journal(_settings(tmp_path, None)).close()
        desktop.kept = dict.fromkeys(desktop.kept, kept)
        _refused(tmp_path, "is no key of ours", None)

    def test_another_key(self, tmp_path: Path, desktop: MemoryKeyring) -> None:
        open_journal(_settings(tmp_path, None)).close()
        desktop.kept = dict.fromkeys(desktop.kept, "ab" * 32)
        _refused(tmp_path, "does not open with this key", None)

    def test_its_key_is_gone(self, tmp_path: Path, desktop: MemoryKeyring) -> None:
        open_journal(_settings(tmp_path, None)).close()
        desktop.kept.clear()
        _refused(tmp_path, "has no key for this journal", None)
        assert desktop.kept == {}

    def test_one_that_forgets_is_not_trusted(self, tmp_path: Path, desktop: MemoryKeyring) -> None:
        desktop.forgetful = True
        _refused(tmp_path, "it keeps nothing", None)
        assert list(tmp_path.iterdir()) == []


class TestRekey:
    def test_a_new_passphrase_opens_and_the_old_one_does_not(self, home: Path) -> None:
        path = journal_path(_settings(home))
        before = path.read_bytes()
        seal(path, open_key(home), SecretStr("four five six"))
        assert path.read_bytes() == before
        _refused(home, "does not open with this key")
        open_journal(_settings(home, SecretStr("four five six"))).close()

    def test_a_short_one_is_refused(self, home: Path) -> None:
        before = _looks(home)
        with pytest.raises(InvalidInput):
            seal(journal_path(_settings(home)), open_key(home), SecretStr("short"))
        assert _looks(home) == before

    def test_to_the_keyring_and_back(self, home: Path, desktop: MemoryKeyring) -> None:
        path = journal_path(_settings(home))
        hand_to_keyring(path, open_key(home))
        journal = open_journal(_settings(home, None))
        assert journal.chats.with_title("Newest")
        journal.close()
        seal(path, open_keyring_key(path), SecretStr("four five six"))
        assert desktop.kept == {}
        open_journal(_settings(home, SecretStr("four five six"))).close()

    def test_a_keyring_that_forgets_leaves_the_passphrase(self, home: Path, desktop: MemoryKeyring) -> None:
        desktop.forgetful = True
        before = _looks(home)
        with pytest.raises(SetupError):
            hand_to_keyring(journal_path(_settings(home)), open_key(home))
        assert _looks(home) == before

    @pytest.mark.parametrize("step", ["private_file", "put_in_place"])
    def test_a_crash_in_the_middle_leaves_one_that_opens(
        self, home: Path, step: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path, key = journal_path(_settings(home)), open_key(home)

        def crash(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(f"desktop_bridge.host.{step}", crash)
            with pytest.raises(KeyboardInterrupt):
                seal(path, key, SecretStr("four five six"))
        open_journal(_settings(home)).close()
        seal(path, key, SecretStr("four five six"))
        open_journal(_settings(home, SecretStr("four five six"))).close()

    def test_a_crash_before_the_keyring_forgets(self, home: Path, desktop: MemoryKeyring) -> None:
        """Both know the key: the passphrase's file counts."""
        path = journal_path(_settings(home))
        hand_to_keyring(path, open_key(home))
        key = open_keyring_key(path)
        kept = dict(desktop.kept)
        seal(path, key, SecretStr("four five six"))
        desktop.kept = kept
        _refused(home, "has a passphrase", None)
        open_journal(_settings(home, SecretStr("four five six"))).close()


def open_keyring_key(path: Path) -> bytes:
    return journal_key(path, None)


def test_nothing_shows_the_key(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither an error nor a representation, nor anything printed."""
    key = open_key(home)
    sealed = Derivation.model_validate_json(kdf_path(journal_path(_settings(home))).read_bytes())
    journal = open_journal(_settings(home))
    shown = [repr(sealed), repr(journal), repr(journal.store), str(vars(journal.store)), repr(_settings(home))]
    journal.close()
    for words in (SecretStr("another secret"), WORDS):
        try:
            open_journal(_settings(home, words)).close()
        except SetupError as error:
            shown += [repr(error), str(error), error.detail, error.hint or ""]
    printed = capfd.readouterr()
    text = " ".join([*shown, printed.out, printed.err])
    for secret in (key.hex(), repr(key), WORDS.get_secret_value(), "another secret", sealed.sealed or "?"):
        assert secret not in text
