"""What the journal lets go: old messages and sends that nothing refers to any more."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from desktop_bridge.journal.store import Store
from desktop_bridge.sends.phases import Phase

LOOKS = 200
"""Looks of a row of the list that are kept, of each title."""


@dataclass(frozen=True)
class Limits:
    """How much is kept."""

    messages_per_chat: int
    send_days: int


def prune(store: Store, limits: Limits) -> int:
    """Drop old rows in one transaction and return how many.

    Kept are the newest messages of each chat, which prove whose it is; its customer's newest one, without which nobody is answered;
    every message of a chat with a send that is not reported yet, or about which news are still owed.
    """
    before = datetime.now(UTC) - timedelta(days=limits.send_days)
    with store.transaction():
        gone = store.run(
            """DELETE FROM messages WHERE external_id IN (
                   SELECT external_id FROM (
                       SELECT external_id, chat_id, row_number() OVER (PARTITION BY chat_id ORDER BY place DESC) AS age,
                              row_number() OVER (PARTITION BY chat_id, direction ORDER BY kind = 'system', place DESC) AS turn,
                              direction
                       FROM messages)
                   WHERE age > ? AND NOT (direction = 'in' AND turn = 1)
                     AND chat_id NOT IN (SELECT chat_id FROM (SELECT chat_id, phase, max(attempt) FROM sends GROUP BY send_id)
                                         WHERE phase <> ?)
                     AND external_id NOT IN (SELECT json_extract(body, '$.external_id') FROM outbox WHERE kind <> 'chat'))""",
            limits.messages_per_chat, Phase.REPORTED,
        )  # fmt: skip
        for table in ("send_steps", "sends"):  # the newest attempt of a send says how the send ended
            gone += store.run(
                f"""DELETE FROM {table} WHERE send_id IN (
                       SELECT send_id FROM (SELECT send_id, phase, begun_at, max(attempt) FROM sends GROUP BY send_id)
                       WHERE phase = ? AND begun_at < ?)""",  # noqa: S608
                Phase.REPORTED, before.isoformat(),
            )  # fmt: skip
        gone += store.run(
            """DELETE FROM list_rows WHERE rowid IN (
                   SELECT number FROM (SELECT rowid AS number, row_number() OVER (PARTITION BY title_key ORDER BY rowid DESC) AS age
                                       FROM list_rows)
                   WHERE age > ?)""",
            LOOKS,
        )  # fmt: skip
    return gone
