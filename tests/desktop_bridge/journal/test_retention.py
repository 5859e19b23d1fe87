"""The journal keeps what somebody may still need, and lets go of the rest."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from core.contracts.bridge import MessageSeen, SendOrder, SendOutcome, SendReport
from core.contracts.ids import new_id
from core.contracts.states import ChatKind, Direction
from core.contracts.texts import text_sha256
from desktop_bridge.journal.chats import ChatLog
from desktop_bridge.journal.file import IN_MEMORY
from desktop_bridge.journal.recent import Recent
from desktop_bridge.journal.retention import LOOKS, Limits, prune
from desktop_bridge.journal.sends import SendLog
from desktop_bridge.journal.store import Store
from desktop_bridge.sends.phases import Phase, Recovery

FEW = Limits(messages_per_chat=50, send_days=30)


@pytest.fixture
def store() -> Store:
    return Store(IN_MEMORY, b"k" * 32)


def _chat(store: Store, title: str, many: int, direction: Direction = Direction.OUT) -> UUID:
    log = ChatLog(store)
    with store.transaction():
        chat = log.add_chat(title)
        for number in range(many):
            who = Direction.IN if number == 0 else direction
            log.keep_message(MessageSeen(external_id=f"{title}{number}", chat_id=chat, direction=who, text=str(number)))
    return chat


def _send(store: Store, chat: UUID, *phases: Phase) -> UUID:
    order = SendOrder(
        send_id=new_id(), epoch=1, chat_id=chat, title="T", kind=ChatKind.PERSON, text="hello",
        text_sha256=text_sha256(["hello"]), part=0, parts_total=1, known_external_ids=[], previous_part_external_id=None,
    )  # fmt: skip
    log = SendLog(store)
    attempt = log.begin(order)
    for phase in phases:
        said = SendReport(epoch=1, installation_id=log.installation_id, outcome=SendOutcome.SENT)
        attempt = log.step(attempt, phase, report=said if phase is Phase.READ_BACK else None)
    return order.send_id


def _age(store: Store, send: UUID) -> None:
    store.run(
        "UPDATE sends SET begun_at = ? WHERE send_id = ?",
        (datetime.now(UTC) - timedelta(days=31)).isoformat(),
        str(send),
    )


def test_the_newest_messages_and_the_customers_last_one_stay(store: Store) -> None:
    chat, small = _chat(store, "Anna", 200), _chat(store, "Ben", 49)
    assert prune(store, FEW) == 149
    log = ChatLog(store)
    kept = [message.external_id for message in log.newest(chat, 1000)]
    assert kept == [*(f"Anna{number}" for number in range(199, 149, -1)), "Anna0"]
    assert log.customer_wrote(chat)
    assert len(log.newest(small, 1000)) == 49
    assert prune(store, FEW) == 0


def test_what_is_still_owed_stays(store: Store) -> None:
    chat = _chat(store, "Anna", 200)
    log = ChatLog(store)
    owed = MessageSeen(external_id="Anna7", chat_id=chat, direction=Direction.OUT, text="7")
    with store.transaction():
        log.owe(owed)
    prune(store, FEW)
    assert "Anna7" in log.known(["Anna7", "Anna8"])
    log.acknowledge(log.owed()[0])
    assert prune(store, FEW) == 1


@pytest.mark.parametrize(
    "reached", [(), (Phase.OPENED, Phase.TYPED, Phase.ARM_REQUESTED, Phase.ARMED), (Phase.READ_BACK,)]
)
def test_a_chat_with_a_send_that_is_not_reported_loses_nothing(store: Store, reached: tuple[Phase, ...]) -> None:
    chat = _chat(store, "Anna", 200)
    send = _send(store, chat, *reached)
    _age(store, send)
    assert prune(store, FEW) == 0
    attempt = SendLog(store).last(send)
    assert attempt is not None
    assert attempt.recovery in {Recovery.BEGIN_ANEW, Recovery.SETTLE, Recovery.REPORT_AGAIN}


def test_an_old_reported_send_goes_with_its_steps_and_a_young_one_stays(store: Store) -> None:
    chat = _chat(store, "Anna", 1)
    old, young = (_send(store, chat, Phase.READ_BACK, Phase.REPORTED) for _ in range(2))
    _age(store, old)
    prune(store, FEW)
    log = SendLog(store)
    assert (log.last(old), log.steps(old)) == (None, [])
    assert log.last(young) is not None


def test_looks_of_the_list_do_not_grow_for_ever(store: Store) -> None:
    log = ChatLog(store)
    with store.transaction():
        for number in range(LOOKS + 50):
            log.keep_row("Anna", number)
        log.keep_row("Ben", 1)
    assert prune(store, FEW) == 50
    assert log.row_is_new("Anna", 0)
    assert not log.row_is_new("Anna", LOOKS + 49)
    assert not log.row_is_new("Ben", 1)


def test_recent_shows_no_group_and_the_newest_first(store: Store) -> None:
    anna, _ = _chat(store, "Anna", 3), _chat(store, "Ben", 2)
    log = ChatLog(store)
    at = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    with store.transaction():
        log.add_chat("Family", ChatKind.GROUP, excluded=True)
        log.keep_message(MessageSeen(external_id="X", chat_id=anna, direction=Direction.IN, text="last", wa_at=at))
    chats = Recent(store).chats(10)
    assert [(chat.title, chat.messages, chat.newest.text) for chat in chats] == [("Anna", 4, "last"), ("Ben", 2, "1")]
    assert chats[0].newest.at == at
    assert [message.text for message in Recent(store).messages(anna, 3)] == ["1", "2", "last"]
