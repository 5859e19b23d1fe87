"""The journal keeps its secrets, survives a kill, and refuses a wrong key."""

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from core.contracts.bridge import MessageSeen, SendOrder, SendOutcome, SendReport
from core.contracts.ids import new_id
from core.contracts.states import ChatKind, Direction
from core.contracts.texts import text_sha256
from core.errors import SetupError
from core.settings import BridgeSettings
from desktop_bridge.journal.journal import Journal, journal_path, open_journal
from desktop_bridge.journal.sends import WrongStep
from desktop_bridge.sends.phases import Phase, Recovery

CANARY = "canary-7f3a about the opening hours"

WRITER = """
import sys
from pathlib import Path
from uuid import UUID
from pydantic import SecretStr
from core.settings import BridgeSettings
from desktop_bridge.journal.journal import open_journal
from core.contracts.bridge import MessageSeen
from core.contracts.states import Direction
journal = open_journal(BridgeSettings(home=Path(sys.argv[1]), journal_passphrase=SecretStr("one two three")))
with journal.store.transaction():
    chat = journal.chats.add_chat("Somebody")
number = 0
while True:
    seen = MessageSeen(external_id=f"M{number}", chat_id=chat, direction=Direction.IN, text=sys.argv[2])
    with journal.store.transaction():
        journal.chats.keep_message(seen)
        journal.chats.owe(seen)
    print(number, flush=True)
    number += 1
"""


def _settings(home: Path, words: str = "one two three") -> BridgeSettings:
    return BridgeSettings(home=home, journal_passphrase=SecretStr(words))


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return open_journal(_settings(tmp_path))


def _order() -> SendOrder:
    return SendOrder(
        send_id=new_id(), epoch=1, chat_id=new_id(), title="T", kind=ChatKind.PERSON, text="hello",
        text_sha256=text_sha256(["hello"]), part=0, parts_total=1, known_external_ids=[], previous_part_external_id=None,
    )  # fmt: skip


def test_a_wrong_passphrase_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    open_journal(_settings(tmp_path)).close()
    before = journal_path(_settings(tmp_path)).read_bytes()
    with pytest.raises(SetupError, match="does not open with this key"):
        open_journal(_settings(tmp_path, "another one"))
    assert journal_path(_settings(tmp_path)).read_bytes() == before
    open_journal(_settings(tmp_path)).close()


def test_without_its_salt_the_journal_is_not_made_anew(tmp_path: Path) -> None:
    open_journal(_settings(tmp_path)).close()
    journal_path(_settings(tmp_path)).with_suffix(".kdf.json").unlink()
    with pytest.raises(SetupError, match="is missing beside the journal"):
        open_journal(_settings(tmp_path))


def test_killed_while_writing_it_loses_nothing_acknowledged_and_shows_nothing(tmp_path: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), CANARY], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    last = -1
    while last < 60:
        last = int(writer.stdout.readline())
    writer.kill()
    rest = writer.stdout.read().split()
    last = int(rest[-1]) if rest else last
    writer.wait()

    for path in tmp_path.iterdir():
        content = path.read_bytes()
        assert CANARY.encode() not in content, path
        assert b"SQLite format 3" not in content, path
    journal = open_journal(_settings(tmp_path))
    kept = journal.chats.known([f"M{number}" for number in range(last + 1)])
    assert len(kept) == last + 1
    owed = 0
    while (batch := journal.chats.owed(200))[1]:
        owed += len(batch[1])
        journal.chats.acknowledge(batch[0])
    assert owed in {last + 1, last + 2}
    assert journal.store.one("PRAGMA integrity_check")[0] == "ok"
    journal.close()


def test_the_steps_of_a_send_follow_the_table_only(journal: Journal) -> None:
    order = _order()
    attempt = journal.sends.begin(order)
    with pytest.raises(WrongStep):
        journal.sends.step(attempt, Phase.ARMED)
    opened = journal.sends.step(attempt, Phase.OPENED)
    with pytest.raises(WrongStep):
        journal.sends.step(attempt, Phase.OPENED)  # somebody else has gone on
    with pytest.raises(WrongStep):
        journal.sends.step(opened, Phase.OPENED)


def test_an_armed_attempt_bars_another_until_it_is_proven_absent(journal: Journal) -> None:
    order = _order()
    attempt = journal.sends.begin(order)
    for phase in (Phase.OPENED, Phase.TYPED, Phase.ARM_REQUESTED, Phase.ARMED):
        attempt = journal.sends.step(attempt, phase)
    with pytest.raises(WrongStep):
        journal.sends.begin(order)
    assert [one.recovery for one in journal.sends.unsettled()] == [Recovery.SETTLE]
    said = SendReport(epoch=1, installation_id=journal.installation_id, outcome=SendOutcome.ABSENT)
    attempt = journal.sends.step(attempt, Phase.READ_BACK, report=said)
    with pytest.raises(WrongStep):
        journal.sends.begin(order)
    journal.sends.step(attempt, Phase.REPORTED)
    assert journal.sends.begin(order).number == 2


def test_an_excluded_chat_leaves_no_title(journal: Journal) -> None:
    with journal.store.transaction():
        journal.chats.add_chat("Family", ChatKind.GROUP, excluded=True)
    known = journal.chats.with_title("Family")
    assert [(chat.title, chat.excluded) for chat in known] == [(None, True)]
    row = journal.store.one("SELECT * FROM chats")
    assert "Family" not in " ".join(str(row[key]) for key in row.keys())  # noqa: SIM118 - the keys of a database row


def test_news_stay_owed_until_acknowledged(journal: Journal) -> None:
    with journal.store.transaction():
        chat = journal.chats.add_chat("Anna")
        for number in range(3):
            seen = MessageSeen(external_id=f"A{number}", chat_id=chat, direction=Direction.IN, text=str(number))
            journal.chats.keep_together([], [seen], [])
    seq, news = journal.chats.owed(2)
    assert journal.chats.owed(2)[1] == news
    journal.chats.acknowledge(seq)
    assert [item.text for item in journal.chats.owed()[1] if isinstance(item, MessageSeen)] == ["2"]
