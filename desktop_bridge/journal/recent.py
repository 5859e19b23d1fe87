"""Recent chats as the journal has them: to read without a page, without a server, and beside a running bridge."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.contracts.states import Direction, MessageKind, Tick
from desktop_bridge.journal.store import Row, Store


@dataclass(frozen=True)
class RecentMessage:
    """A message as it was last seen; `at` is WhatsApp's own time where the page showed one, else when the bridge saw it."""

    direction: Direction
    kind: MessageKind
    text: str | None
    at: datetime
    tick: Tick | None
    edited: bool
    deleted: bool


@dataclass(frozen=True)
class RecentChat:
    """A chat with its newest message."""

    id: UUID
    title: str
    messages: int
    newest: RecentMessage


class Recent:
    """Reads only. Excluded chats and groups have neither title nor messages, so nothing of them is shown."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def chats(self, limit: int) -> list[RecentChat]:
        """Return the chats in which something was said last, newest first."""
        rows = self._store.all(
            """SELECT m.*, c.title, n.messages FROM chats c
               JOIN (SELECT chat_id, max(place) AS place, count(*) AS messages FROM messages GROUP BY chat_id) n ON n.chat_id = c.id
               JOIN messages m ON m.chat_id = c.id AND m.place = n.place
               WHERE c.excluded = 0 AND c.title IS NOT NULL ORDER BY m.place DESC LIMIT ?""",
            limit,
        )
        return [RecentChat(UUID(row["chat_id"]), row["title"], row["messages"], _message(row)) for row in rows]

    def messages(self, chat_id: UUID, limit: int) -> list[RecentMessage]:
        """Return the newest messages of a chat in the order of the chat."""
        rows = self._store.all(
            "SELECT * FROM messages WHERE chat_id = ? ORDER BY place DESC LIMIT ?", str(chat_id), limit
        )
        return [_message(row) for row in reversed(rows)]


def _message(row: Row) -> RecentMessage:
    return RecentMessage(
        direction=Direction(row["direction"]),
        kind=MessageKind(row["kind"]),
        text=row["text"],
        at=datetime.fromisoformat(row["wa_at"] or row["seen_at"]),
        tick=Tick(row["tick"]) if row["tick"] else None,
        edited=bool(row["edited"]),
        deleted=bool(row["deleted"]),
    )
