"""What the bridge has seen: chats with their evidence, messages, rows of the list, and news still owed to the server."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from core.contracts.bridge import NO_BUBBLE, ChatSeen, MessageSeen, TickSeen
from core.contracts.ids import new_id
from core.contracts.states import ChatKind, Direction, Tick
from desktop_bridge.journal.store import Row, Store, now_text

_KEY_BYTES = 16
_MOST_ROWS = 2000

News = ChatSeen | MessageSeen | TickSeen
_KINDS: dict[str, type[News]] = {"chat": ChatSeen, "message": MessageSeen, "tick": TickSeen}


@dataclass(frozen=True)
class KnownChat:
    """A chat of the journal; an excluded one has no title."""

    id: UUID
    title: str | None
    kind: ChatKind
    excluded: bool


@dataclass(frozen=True)
class KnownMessage:
    """What was last reported of a message."""

    external_id: str
    chat_id: UUID
    direction: Direction
    text: str | None
    tick: Tick | None
    edited: bool
    deleted: bool


class ChatLog:
    """The part of the journal that the inbound side writes."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._secret: bytes = store.one("SELECT secret FROM installation")["secret"]

    # -- chats --------------------------------------------------------------------------------------------------------

    def with_title(self, title: str) -> list[KnownChat]:
        """Return every chat that was seen under this title, newest first."""
        rows = self._store.all("SELECT * FROM chats WHERE title_key = ? ORDER BY made_at DESC", self.key(title))
        return [_chat(row) for row in rows]

    def chat(self, chat_id: UUID) -> KnownChat | None:
        """Return one chat."""
        row = self._store.first("SELECT * FROM chats WHERE id = ?", str(chat_id))
        return _chat(row) if row else None

    def add_chat(
        self, title: str, kind: ChatKind = ChatKind.PERSON, *, excluded: bool = False, chat_id: UUID | None = None
    ) -> UUID:
        """Name a chat that was never seen before, as the server does if that is known. Of an excluded one only a hash is kept."""
        chat_id = chat_id or new_id()
        self._store.run(
            "INSERT INTO chats (id, title_key, title, kind, excluded, made_at) VALUES (?, ?, ?, ?, ?, ?)",
            str(chat_id), self.key(title), None if excluded else title, kind, int(excluded), now_text(),
        )  # fmt: skip
        return chat_id

    def rename(self, chat_id: UUID, title: str) -> None:
        """Keep the title under which a chat is shown now."""
        self._store.run(
            "UPDATE chats SET title = ?, title_key = ? WHERE id = ? AND NOT excluded",
            title, self.key(title), str(chat_id),
        )  # fmt: skip

    def adopt(self, reported: UUID, chat_id: UUID) -> None:
        """Call a chat `chat_id` from now on, wherever it is named, news that is still owed included; the caller holds the transaction."""
        self._store.run(
            """INSERT OR IGNORE INTO chats (id, title_key, title, kind, excluded, choice_key, made_at)
               SELECT ?, title_key, title, kind, excluded, choice_key, made_at FROM chats WHERE id = ?""",
            str(chat_id), str(reported),
        )  # fmt: skip
        self._store.run("UPDATE messages SET chat_id = ? WHERE chat_id = ?", str(chat_id), str(reported))
        self._store.run("UPDATE sends SET chat_id = ? WHERE chat_id = ?", str(chat_id), str(reported))
        self._store.run("UPDATE files SET chat_id = ? WHERE chat_id = ?", str(chat_id), str(reported))
        for field in ("$.chat_id", "$.id"):
            self._store.run(
                "UPDATE outbox SET body = json_set(body, ?, ?) WHERE json_extract(body, ?) = ?",
                field, str(chat_id), field, str(reported),
            )  # fmt: skip
        self._store.run("DELETE FROM chats WHERE id = ?", str(reported))

    # -- messages -----------------------------------------------------------------------------------------------------

    def holders(self, external_ids: Iterable[str]) -> dict[str, UUID]:
        """Return the chats of those messages that stand in one chat only: a customer's, or a send of ours.

        What the phone sent may have gone to many people, and then it stands in the chat of each of them.
        """
        found: dict[str, UUID] = {}
        for external_id in external_ids:
            row = self._store.first(
                """SELECT chat_id FROM messages WHERE external_id = ? AND kind NOT IN ('system', 'reaction')
                       AND (direction = ? OR external_id IN
                           (SELECT json_extract(report, '$.external_id') FROM sends WHERE sends.chat_id = messages.chat_id))""",
                external_id, Direction.IN,
            )  # fmt: skip
            if row is not None:
                found[external_id] = UUID(row["chat_id"])
        return found

    def whose(self, external_ids: Sequence[str], title: str) -> UUID | None:
        """Return the chat that shows these messages, oldest first: the newest that stands in one chat only tells.

        One that the phone sent tells it only under the title of the chat in which it was read.
        """
        held = self.holders(external_ids)
        if held:
            return next(held[one] for one in reversed(external_ids) if one in held)
        titled = {chat.id for chat in self.with_title(title)}
        return next((one.chat_id for one in self.known(external_ids).values() if one.chat_id in titled), None)

    def known(self, external_ids: Iterable[str]) -> dict[str, KnownMessage]:
        """Return those of the messages that are in the journal, by id."""
        found: dict[str, KnownMessage] = {}
        for external_id in external_ids:
            row = self._store.first("SELECT * FROM messages WHERE external_id = ?", external_id)
            if row is not None:
                found[external_id] = _message(row)
        return found

    def newest(self, chat_id: UUID, limit: int = 20) -> list[KnownMessage]:
        """Return the newest messages of a chat that stand on the page as bubbles, newest first."""
        rows = self._store.all(
            "SELECT * FROM messages WHERE chat_id = ? AND external_id NOT LIKE ? ORDER BY place DESC LIMIT ?",
            str(chat_id),
            f"{NO_BUBBLE}%",
            limit,
        )
        return [_message(row) for row in rows]

    def proving(self, chat_id: UUID, limit: int = 20) -> list[str]:
        """Return which of the newest messages of a chat prove it, newest first: what the phone sent to many proves nobody's."""
        newest = [one.external_id for one in self.newest(chat_id, limit)]
        held = self.holders(newest)
        return [one for one in newest if one in held]

    def customer_wrote(self, chat_id: UUID) -> bool:
        """Tell whether this is somebody who wrote to us; nobody else is ever written to."""
        row = self._store.first(
            "SELECT 1 FROM messages WHERE chat_id = ? AND direction = ? AND kind NOT IN ('system', 'reaction') LIMIT 1",
            str(chat_id), Direction.IN,
        )  # fmt: skip
        return row is not None

    def keep_message(self, seen: MessageSeen) -> None:
        """Keep a message as it is shown now; an earlier state of it is replaced, ticks only go forward by the caller."""
        place = self._store.one("SELECT coalesce(max(place), 0) + 1 AS place FROM messages")["place"]
        self._store.run(
            """INSERT INTO messages (external_id, chat_id, place, direction, kind, text, tick, edited, deleted, history, seen_at, wa_at)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
               ON CONFLICT (external_id) DO UPDATE SET text = excluded.text, tick = excluded.tick, edited = excluded.edited,
                   deleted = excluded.deleted""",
            seen.external_id, str(seen.chat_id), place, seen.direction, seen.kind, seen.text, seen.tick, int(seen.edited),
            int(seen.deleted), int(seen.history), now_text(), seen.wa_at.isoformat() if seen.wa_at else None,
        )  # fmt: skip

    def keep_tick(self, external_id: str, tick: Tick) -> None:
        """Keep the tick that a message of ours shows now."""
        self._store.run("UPDATE messages SET tick = ? WHERE external_id = ?", tick, external_id)

    # -- rows of the list ---------------------------------------------------------------------------------------------

    def row_is_new(self, title: str, *look: object) -> bool:
        """Tell whether a row of this title with this look was not dealt with yet."""
        row = self._store.first(
            "SELECT 1 FROM list_rows WHERE title_key = ? AND look = ?", self.key(title), self.key(repr(look))
        )
        return row is None

    def keep_row(self, title: str, *look: object) -> None:
        """Note that a row with this look was dealt with."""
        self._store.run("INSERT OR IGNORE INTO list_rows VALUES (?, ?)", self.key(title), self.key(repr(look)))

    def forget_rows(self, title: str) -> None:
        """Forget the earlier looks of the rows of this title."""
        self._store.run("DELETE FROM list_rows WHERE title_key = ?", self.key(title))

    def order(self) -> list[bytes]:
        """Return the keyed hashes of the rows of the list as they stood when they were last dealt with, from the top."""
        row = self._store.first("SELECT title_keys FROM list_order")
        keys = bytes(row["title_keys"]) if row else b""
        return [keys[at : at + _KEY_BYTES] for at in range(0, len(keys), _KEY_BYTES)]

    def keep_order(self, keys: Sequence[bytes]) -> None:
        """Keep how the list stands, now that everything new in it was dealt with."""
        kept = b"".join(keys[:_MOST_ROWS])
        self._store.run("INSERT OR REPLACE INTO list_order VALUES (1, ?)", kept)

    def keep_opening(self, title: str, unread: int) -> None:
        """Note that a row with so many unread messages is about to be opened, and not yet read."""
        self._store.run("INSERT OR REPLACE INTO opening VALUES (?, ?)", self.key(title), unread)

    def opening(self, title: str) -> int:
        """Return how many unread messages a row of this title had when it was opened and not read to the end; 0 for none."""
        row = self._store.first("SELECT unread FROM opening WHERE title_key = ?", self.key(title))
        return int(row["unread"]) if row else 0

    def forget_opening(self, title: str) -> None:
        """Note that what was unread is in the journal now; the caller holds the transaction."""
        self._store.run("DELETE FROM opening WHERE title_key = ?", self.key(title))

    # -- linking ------------------------------------------------------------------------------------------------------

    @property
    def linked(self) -> bool:
        """Whether the list was looked over once since this journal was made."""
        return self._store.one("SELECT linked_at FROM installation")["linked_at"] is not None

    def keep_linked(self) -> None:
        """Note that from now on whoever writes is new."""
        self._store.run("UPDATE installation SET linked_at = coalesce(linked_at, ?)", now_text())

    # -- the outbox ---------------------------------------------------------------------------------------------------

    def owe(self, news: News) -> None:
        """Put news into the outbox; it stays there until the server has acknowledged it."""
        kind = next(name for name, shape in _KINDS.items() if isinstance(news, shape))
        self._store.run("INSERT INTO outbox (kind, body) VALUES (?, ?)", kind, news.model_dump_json())

    def owed(self, limit: int = 200) -> tuple[int, list[News]]:
        """Return the oldest news still owed, with the number to acknowledge them by."""
        rows = self._store.all("SELECT * FROM outbox WHERE refused IS NULL ORDER BY seq LIMIT ?", limit)
        news: list[News] = [_KINDS[row["kind"]].model_validate_json(row["body"]) for row in rows]
        return (rows[-1]["seq"] if rows else 0), news

    def all_owed(self) -> list[tuple[int, News]]:
        """Return everything that is owed with its number, oldest first."""
        rows = self._store.all("SELECT * FROM outbox ORDER BY seq")
        return [(row["seq"], _KINDS[row["kind"]].model_validate_json(row["body"])) for row in rows]

    def acknowledge(self, seq: int, renamed: Mapping[UUID, UUID] | None = None) -> None:
        """Drop the news up to `seq`, and call the chats as the server did in its answer to them."""
        with self._store.transaction():
            self._store.run("DELETE FROM outbox WHERE seq <= ? AND refused IS NULL", seq)
            for reported, chat_id in (renamed or {}).items():
                self.adopt(reported, chat_id)

    def put_aside(self, seq: int, code: str) -> None:
        """Keep one row that the server refuses for good, with the code of the refusal, and offer it no more."""
        with self._store.transaction():
            self._store.run("UPDATE outbox SET refused = ? WHERE seq = ?", code, seq)

    @property
    def put_aside_count(self) -> int:
        """How many rows were put aside."""
        return int(self._store.one("SELECT count(*) AS n FROM outbox WHERE refused IS NOT NULL")["n"])

    def keep_together(
        self, chats: Sequence[ChatSeen], messages: Sequence[MessageSeen], ticks: Sequence[TickSeen]
    ) -> None:
        """Keep what one look at a chat found and owe it to the server; the caller holds the transaction."""
        for chat in chats:
            self.owe(chat)
        for message in messages:
            self.keep_message(message)
            self.owe(message)
        for tick in ticks:
            self.keep_tick(tick.external_id, tick.tick)
            self.owe(tick)

    def key(self, text: str) -> bytes:
        """Return the keyed hash under which a title is kept: told apart by this journal, readable by nobody."""
        return hashlib.blake2b(text.encode("utf-8"), key=self._secret, digest_size=_KEY_BYTES).digest()


def _chat(row: Row) -> KnownChat:
    return KnownChat(id=UUID(row["id"]), title=row["title"], kind=ChatKind(row["kind"]), excluded=bool(row["excluded"]))


def _message(row: Row) -> KnownMessage:
    return KnownMessage(
        external_id=row["external_id"],
        chat_id=UUID(row["chat_id"]),
        direction=Direction(row["direction"]),
        text=row["text"],
        tick=Tick(row["tick"]) if row["tick"] else None,
        edited=bool(row["edited"]),
        deleted=bool(row["deleted"]),
    )
