"""The bridge's own limits: asked of its journal before anything is typed, whatever the server says."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from pydantic import SecretStr

from core.contracts.bridge import MessageSeen, SendOrder
from core.contracts.ids import new_id
from core.contracts.states import ChatKind, Direction
from core.contracts.texts import text_sha256
from core.settings import BridgeSettings
from desktop_bridge.errors import ColdMessage, OverBudget
from desktop_bridge.journal.journal import Journal, open_journal
from desktop_bridge.sends.budget import Budget
from desktop_bridge.sends.phases import Phase

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return open_journal(BridgeSettings(home=tmp_path, journal_passphrase=SecretStr("one two three")))


def budget(journal: Journal, *, per_hour: int = 100, per_chat_hour: int = 100, now: datetime = NOW) -> Budget:
    return Budget(journal.chats, journal.sends, per_hour=per_hour, per_chat_hour=per_chat_hour, now=lambda: now)


def chat(journal: Journal, *directions: Direction) -> UUID:
    with journal.store.transaction():
        chat_id = journal.chats.add_chat("Anna")
        for direction in directions:
            seen = MessageSeen(external_id=new_id().hex, chat_id=chat_id, direction=direction, text="Hello")
            journal.chats.keep_message(seen)
    return chat_id


def armed(journal: Journal, chat_id: UUID, at: datetime) -> None:
    order = SendOrder(
        send_id=new_id(), epoch=1, chat_id=chat_id, title="Anna", kind=ChatKind.PERSON, text="hello",
        text_sha256=text_sha256(["hello"]), part=0, parts_total=1, known_external_ids=[], previous_part_external_id=None,
    )  # fmt: skip
    attempt = journal.sends.begin(order)
    for phase in (Phase.OPENED, Phase.TYPED, Phase.ARM_REQUESTED):
        attempt = journal.sends.step(attempt, phase)
    journal.sends.step(attempt, Phase.ARMED, armed_at=at, deadline_at=at + timedelta(seconds=3))


def test_only_who_wrote_is_answered(journal: Journal) -> None:
    budget(journal).refuse_cold(chat(journal, Direction.IN))
    for silent in (chat(journal), chat(journal, Direction.OUT)):
        with pytest.raises(ColdMessage):
            budget(journal).refuse_cold(silent)


def test_the_hour_of_the_bridge_ends_when_its_oldest_click_is_an_hour_old(journal: Journal) -> None:
    for minutes in (50, 20):
        armed(journal, chat(journal, Direction.IN), NOW - timedelta(minutes=minutes))
    asked = chat(journal, Direction.IN)
    budget(journal, per_hour=3).allow(asked)
    with pytest.raises(OverBudget) as refused:
        budget(journal, per_hour=2).allow(asked)
    assert refused.value.wait == pytest.approx(600)
    budget(journal, per_hour=2, now=NOW + timedelta(seconds=601)).allow(asked)


def test_one_chat_has_a_limit_of_its_own(journal: Journal) -> None:
    busy, other = chat(journal, Direction.IN), chat(journal, Direction.IN)
    armed(journal, busy, NOW - timedelta(minutes=45))
    with pytest.raises(OverBudget) as refused:
        budget(journal, per_chat_hour=1).allow(busy)
    assert refused.value.wait == pytest.approx(900)
    budget(journal, per_chat_hour=1).allow(other)


def test_what_was_clicked_counts_after_a_restart_of_the_bridge(journal: Journal, tmp_path: Path) -> None:
    asked = chat(journal, Direction.IN)
    armed(journal, asked, NOW - timedelta(minutes=1))
    journal.close()
    again = open_journal(BridgeSettings(home=tmp_path, journal_passphrase=SecretStr("one two three")))
    with pytest.raises(OverBudget):
        budget(again, per_hour=1).allow(asked)
