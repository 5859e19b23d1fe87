"""Which chats the owner wants to be read: kept here and nowhere else, the titles as keyed hashes (law 12)."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from core.contracts.bridge import ChatSeen, MessageSeen, TickSeen
from core.contracts.states import ChatKind, ReadingChoice
from desktop_bridge.journal.chats import ChatLog
from desktop_bridge.journal.store import Store, now_text
from desktop_bridge.sends.phases import Phase

_WANTED, _APPLIED = "wanted", "applied"
_NUMBER = re.compile(r"^\+?(?:[\s().-]*\d){5,}[\s().-]*$")
"""A number that can be called; "1-1" and "-" are names like others."""
_UNSEEN = dict.fromkeys(
    [*range(0x200B, 0x2010), *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A), 0xFE0E, 0xFE0F]
)


def fold_title(title: str) -> str:
    """Return what of a title counts for a choice: no case, spaces or unseen marks, of a number its digits alone."""
    folded = " ".join(unicodedata.normalize("NFKC", title.translate(_UNSEEN)).casefold().split())
    return re.sub(r"\D", "", folded) if _NUMBER.match(folded) else folded


@dataclass(frozen=True)
class Choice:
    """What the owner wants: a mode, and the chats named with it by the keyed hashes of their titles."""

    mode: ReadingChoice = ReadingChoice.NEW_WRITERS
    named: frozenset[bytes] = frozenset()

    def includes(self, key: bytes) -> bool:
        """Tell whether chats under this title may be read. A title stands for every chat that bears it."""
        if self.mode is ReadingChoice.ONLY:
            return key in self.named
        return self.mode is ReadingChoice.NEW_WRITERS or key not in self.named


class ChoiceLog:
    """The part of the journal that holds the owner's choice. Another process may change it at any time."""

    def __init__(self, store: Store, chats: ChatLog) -> None:
        self._store = store
        self._chats = chats

    def key(self, title: str) -> bytes:
        """Return the keyed hash by which a title is named in a choice."""
        return self._chats.key(f"choice:{fold_title(title)}")

    def wanted(self) -> Choice:
        """Return what holds now."""
        return self._read(_WANTED) or Choice()

    def applied(self) -> Choice | None:
        """Return the choice with which the list was looked over last; None where it never was."""
        return (self._read(_APPLIED) or Choice()) if self._chats.linked else None

    def set(self, choice: Choice) -> None:
        """Keep the owner's word. Of chats that it leaves out nothing is told any more, and their texts are forgotten here."""
        with self._store.transaction():
            self._write(_WANTED, choice)
            for row in self._store.all("SELECT * FROM chats WHERE kind = ?", ChatKind.PERSON):
                key = row["choice_key"] if row["title"] is None else self.key(row["title"])
                if key is None:
                    continue
                if choice.includes(key):
                    self._store.run("UPDATE chats SET excluded = 0 WHERE id = ?", row["id"])
                else:
                    self._leave_out(UUID(row["id"]), row["title_key"], key)

    def follow(self, title: str) -> None:
        """Let the choice hold under the new title of a chat that is proven, by its messages, to be one it named."""
        key = self.key(title)
        with self._store.transaction():
            for slot in (_WANTED, _APPLIED):
                if (choice := self._read(slot)) is not None:
                    self._write(slot, Choice(choice.mode, choice.named | {key}))

    def take_in(self, chat_id: UUID) -> None:
        """Let a chat be read again that an earlier choice had left out."""
        with self._store.transaction():
            self._store.run("UPDATE chats SET excluded = 0 WHERE id = ?", str(chat_id))

    def apply(self, choice: Choice) -> None:
        """Note that the list was looked over with this choice; the caller holds the transaction."""
        self._write(_APPLIED, choice)

    def applied_at(self) -> datetime | None:
        """Return when the list was looked over with the choice that holds; what was written before is history."""
        row = self._store.first("SELECT at FROM choices WHERE slot = ?", _APPLIED)
        return datetime.fromisoformat(row["at"]) if row else None

    # -- what was there before a chat was taken in ---------------------------------------------------------------------

    def keep_before(self, title: str, unread: int) -> None:
        """Note that so much was unread under this title when it was taken in; the caller holds the transaction."""
        self._store.run("INSERT OR IGNORE INTO unread_before VALUES (?, ?)", self._chats.key(title), unread)

    def before(self, title: str, unread: int) -> int:
        """Return how many of so many unread messages were there before the chat was taken in; in doubt rather too many."""
        row = self._store.one(
            "SELECT coalesce(max(unread), 0) AS unread FROM unread_before WHERE title_key = ? AND unread < ?",
            self._chats.key(title), unread,
        )  # fmt: skip
        return int(row["unread"])

    def was_unread(self, title: str) -> bool:
        """Tell whether anything was unread under this title when it was taken in."""
        return self._store.first("SELECT 1 FROM unread_before WHERE title_key = ?", self._chats.key(title)) is not None

    def forget_before(self, title: str) -> None:
        """Note that it was read meanwhile; the caller holds the transaction."""
        self._store.run("DELETE FROM unread_before WHERE title_key = ?", self._chats.key(title))

    # -- inside -------------------------------------------------------------------------------------------------------

    def _read(self, slot: str) -> Choice | None:
        row = self._store.first("SELECT mode FROM choices WHERE slot = ?", slot)
        if row is None:
            return None
        named = self._store.all("SELECT title_key FROM choice_titles WHERE slot = ?", slot)
        return Choice(ReadingChoice(row["mode"]), frozenset(bytes(one["title_key"]) for one in named))

    def _write(self, slot: str, choice: Choice) -> None:
        self._store.run(
            "INSERT INTO choices VALUES (?, ?, ?) ON CONFLICT (slot) DO UPDATE SET mode = excluded.mode, at = excluded.at",
            slot, choice.mode, now_text(),
        )  # fmt: skip
        self._store.run("DELETE FROM choice_titles WHERE slot = ?", slot)
        for key in choice.named:
            self._store.run("INSERT INTO choice_titles VALUES (?, ?)", slot, key)

    def _leave_out(self, chat_id: UUID, title_key: bytes, choice_key: bytes) -> None:
        """Forget title and texts of a chat, and drop what the server is still owed of it. Opaque ids stay, as proof of who it is."""
        name = str(chat_id)
        for seq in self._owed_of(chat_id):
            self._store.run("DELETE FROM outbox WHERE seq = ?", seq)
        self._store.run("UPDATE messages SET text = NULL WHERE chat_id = ?", name)
        self._store.run("UPDATE sends SET text = '' WHERE chat_id = ? AND phase = ?", name, Phase.REPORTED)
        self._store.run("DELETE FROM files WHERE chat_id = ?", name)
        self._store.run("DELETE FROM list_rows WHERE title_key = ?", title_key)
        self._store.run("DELETE FROM opening WHERE title_key = ?", title_key)
        self._store.run("DELETE FROM unread_before WHERE title_key = ?", title_key)
        self._store.run("UPDATE chats SET excluded = 1, title = NULL, choice_key = ? WHERE id = ?", choice_key, name)

    def _owed_of(self, chat_id: UUID) -> Iterable[int]:
        for seq, news in self._chats.all_owed():
            if isinstance(news, ChatSeen):
                ours = news.id == chat_id
            elif isinstance(news, MessageSeen):
                ours = news.chat_id == chat_id
            elif isinstance(news, TickSeen):
                known = self._chats.known([news.external_id]).get(news.external_id)
                ours = known is not None and known.chat_id == chat_id
            else:
                ours = False
            if ours:
                yield seq
