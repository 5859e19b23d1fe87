"""Reading from the journal by the command, with no page, no server, and beside a bridge that holds the home."""

import json
from pathlib import Path

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from core.contracts.bridge import MessageSeen
from core.contracts.states import ChatKind, Direction
from core.settings import BridgeSettings
from desktop_bridge import host
from desktop_bridge.commands import app
from desktop_bridge.journal.journal import Journal, open_journal

WORDS = "one two three"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


@pytest.fixture
def journal(home: Path) -> Journal:
    """A journal that a bridge has open."""
    journal = open_journal(BridgeSettings(home=home, journal_passphrase=SecretStr(WORDS)))
    with journal.store.transaction():
        chat = journal.chats.add_chat("Anna Müller")
        journal.chats.add_chat("Family", ChatKind.GROUP, excluded=True)
        for number, text in enumerate(("When do you open?", "At nine.")):
            who = Direction.OUT if number else Direction.IN
            journal.chats.keep_message(MessageSeen(external_id=f"A{number}", chat_id=chat, direction=who, text=text))
    return journal


def _run(home: Path, *arguments: str, typed: str | None = None, words: str = WORDS) -> tuple[int, str, str]:
    environment = {
        "WAXOS_BRIDGE__HOME": str(home),
        "WAXOS_BRIDGE__JOURNAL_PASSPHRASE": words,
        "WAXOS_BRIDGE__PAGE_URL": "http://127.0.0.1:9/",
    }
    done = CliRunner().invoke(app, arguments, env=environment, input=typed)
    return done.exit_code, done.stdout, done.stderr


def test_reading_beside_a_bridge(home: Path, journal: Journal) -> None:
    with host.single_instance(home):
        code, out, _ = _run(home, "recent", "--json")
        assert code == 0
        (chat,) = json.loads(out)["chats"]
        assert (chat["title"], chat["messages"], chat["newest"]["text"]) == ("Anna Müller", 2, "At nine.")
        code, out, _ = _run(home, "read", "--chat", "Anna Müller", "--json")
        assert [message["text"] for message in json.loads(out)["chats"][0]["messages"]] == [
            "When do you open?",
            "At nine.",
        ]
        assert _run(home, "read", "--chat", "Anna Müller")[1].splitlines()[-1].endswith("> At nine.")
        assert "Anna Müller (2 messages)" in _run(home, "recent")[1]
    journal.chats.acknowledge(0)  # the bridge goes on writing
    journal.close()


@pytest.mark.parametrize("title", ["Family", "Nobody"])
def test_a_chat_that_the_journal_does_not_have(home: Path, journal: Journal, title: str) -> None:
    journal.close()
    code, out, err = _run(home, "read", "--chat", title)
    assert (code, out) == (1, "")
    assert "no chat of this title" in err


def test_without_a_journal(home: Path) -> None:
    code, _, err = _run(home, "recent")
    assert code == 2
    assert "there is no journal" in err
    assert not home.exists()


def test_another_passphrase_by_command(home: Path, journal: Journal) -> None:
    with host.single_instance(home):
        assert _run(home, "rekey", typed="four five six\nfour five six\n")[0] == 2
    journal.close()
    assert _run(home, "rekey", typed="short\nshort\n")[0] == 1
    code, out, err = _run(home, "rekey", typed="four five six\nfour five six\n")
    assert (code, err) == (0, "")
    assert "four five six" not in out
    assert _run(home, "recent")[0] == 2
    assert _run(home, "recent", words="four five six")[0] == 0


@pytest.mark.parametrize("url", ["https://chat.example.com/", "http://10.0.0.7/", "http://127.0.0.1.example.com/"])
def test_sending_elsewhere_needs_a_paired_device(home: Path, url: str) -> None:
    """It is refused before a browser starts or anything is made."""
    environment = {"WAXOS_BRIDGE__HOME": str(home), "WAXOS_BRIDGE__PAGE_URL": url}
    done = CliRunner().invoke(app, ["send", "--chat", "Anna", "--text", "hello"], env=environment)
    assert done.exit_code == 1
    assert "needs a paired device" in done.stderr
    assert not home.exists()
