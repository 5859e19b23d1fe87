"""The one truth that all tabs, the customer's pages and the control hook share. It lives in memory, on one event loop."""

import asyncio
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from core.errors import Conflict, NotFound
from desktop_bridge.sandbox.models import (
    Box,
    Chat,
    ChatKind,
    JournalEntry,
    JournalKind,
    Message,
    MessageChange,
    MessageKind,
    NewChat,
    NewMessage,
    Settings,
    Snapshot,
    Source,
    Status,
)

Event = dict[str, Any]
OUTGOING = {Source.PAGE, Source.PHONE}
NO_BUMP = {Source.SERVICE}


class UnknownChat(NotFound):
    """No chat has this id or title."""


class RepeatedTitle(Conflict):
    """Several chats have this title; name one by its id."""


class UnknownMessage(NotFound):
    """No message has this id."""


def merged(base: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `change` laid over it; groups (ticks, faults) are merged, everything else is replaced."""
    result = dict(base)
    for name, value in change.items():
        old = result.get(name)
        nested = name in {"ticks", "faults"} and isinstance(old, dict) and isinstance(value, dict)
        result[name] = {**old, **value} if nested and old is not None else value
    return result


def without_bytes(message: Message) -> Event:
    """A message as pages get it: the file stays here until it is asked for, only its size goes along."""
    payload = message.model_dump(mode="json", exclude={"media": {"data"}} if message.media else None)
    if message.media:
        payload["media"]["size"] = message.media.fill or len(message.media.data) * 3 // 4
    return payload


def chat_row(chat: Chat) -> Event:
    """A chat as the list gets it."""
    last = without_bytes(chat.last) if chat.last else None
    return {**chat.model_dump(mode="json", exclude={"last"}), "last": last}


class SandboxState:
    """Chats, messages, settings and the journal, with the pages that listen to them."""

    def __init__(self, settings: Settings | None = None, now: Callable[[], datetime] | None = None) -> None:
        self.settings = settings or Settings()
        self.chats: dict[str, Chat] = {}
        self.messages: dict[str, Message] = {}
        self.journal: list[JournalEntry] = []
        self._now = now or (lambda: datetime.now(UTC))
        self._listeners: dict[asyncio.Queue[Event], str | None] = {}
        self._changed = asyncio.Event()
        self._order = 0

    # -- listening ------------------------------------------------------------------------------------------------

    @contextmanager
    def listen(self, chat: str | None = None) -> Iterator[asyncio.Queue[Event]]:
        """The pushes for one page: of everything, or of one chat only (the customer's side)."""
        queue: asyncio.Queue[Event] = asyncio.Queue()
        self._listeners[queue] = chat
        try:
            yield queue
        finally:
            del self._listeners[queue]

    def watched_by_customer(self, chat: str) -> bool:
        return chat in self._listeners.values()

    def push(self, event: Event, chat: str | None = None) -> None:
        for queue, only in self._listeners.items():
            if only is None or only == chat:
                queue.put_nowait(event)

    async def entries_after(self, seq: int, wait_s: float) -> list[JournalEntry]:
        """The journal after `seq`; waits up to `wait_s` seconds for the first entry and returns [] if none came."""
        if not self.journal[seq:]:
            try:
                await asyncio.wait_for(self._changed.wait(), wait_s)
            except TimeoutError:
                return []
        return self.journal[seq:]

    def note(self, kind: JournalKind, *, chat: str = "", message: str = "", note: str = "") -> None:
        """Writes one journal entry and wakes those who wait for one."""
        entry = JournalEntry(
            seq=len(self.journal) + 1, at=self._now(), kind=kind, chat=chat, message=message, note=note
        )
        self.journal.append(entry)
        woken, self._changed = self._changed, asyncio.Event()
        woken.set()

    def snapshot(self) -> Snapshot:
        return Snapshot(
            seq=len(self.journal),
            settings=self.settings,
            chats=self.in_order(),
            messages=sorted(self.messages.values(), key=lambda m: m.order),
            journal=self.journal,
        )

    # -- chats ----------------------------------------------------------------------------------------------------

    def add_chat(self, new: NewChat) -> Chat:
        """A new row at the top of the list. Titles may repeat on purpose."""
        chat = Chat(id=str(10**14 + secrets.randbelow(9 * 10**14)), moved=self._next(), **new.model_dump())
        self.chats[chat.id] = chat
        self._push_chat(chat)
        return chat

    def find_chat(self, name: str) -> Chat:
        """The chat with this id or, if only one has it, this title.

        Raises UnknownChat, RepeatedTitle.
        """
        if name in self.chats:
            return self.chats[name]
        found = [chat for chat in self.chats.values() if chat.title == name]
        if not found:
            raise UnknownChat(f"No chat is called {name!r}. Add it first, or open the customer page of that name.")
        if len(found) > 1:
            raise RepeatedTitle(f"{len(found)} chats are called {name!r}. Name one by its id: {[c.id for c in found]}.")
        return found[0]

    def in_order(self) -> list[Chat]:
        return sorted(self.chats.values(), key=lambda chat: -chat.moved)

    def history(self, chat: str, limit: int, before: str | None = None) -> list[Message]:
        """The newest `limit` messages of a chat, oldest first; those before a message if one is named."""
        end = self.messages[before].order if before in self.messages else self._order + 1
        own = [m for m in self.messages.values() if m.chat == chat and m.order < end]
        return sorted(own, key=lambda m: m.order)[-limit:]

    def mark_read(self, chat_id: str) -> None:
        """The business has the chat on screen: the customer sees blue ticks from now on."""
        chat = self.chats[chat_id]
        if chat.unread or chat.marked_unread:
            chat.unread, chat.marked_unread = 0, False
            self.note(JournalKind.CHAT_READ, chat=chat_id)
            self._push_chat(chat)
        for message in self.history(chat_id, 10_000):
            if message.source is Source.CUSTOMER and message.status is Status.DELIVERED:
                message.status = Status.READ
                self._push_message(message)

    def unblock(self, chat_id: str) -> None:
        """Somebody at the page lets a blocked contact in again; a bridge never does."""
        self.chats[chat_id].box = Box.OPEN
        self.note(JournalKind.UNBLOCKED, chat=chat_id)
        self._push_chat(self.chats[chat_id])

    def save_draft(self, chat_id: str, device: str, text: str) -> None:
        """Keeps half-typed text with its chat and the linked device it was typed on, as the real page does."""
        chat = self.chats[chat_id]
        if chat.drafts.get(device, "") != text:
            chat.drafts[device] = text
            self._push_chat(chat)

    # -- messages -------------------------------------------------------------------------------------------------

    def add_message(self, new: NewMessage) -> Message:
        """A bubble from the customer, the business's phone or the service. Raises UnknownChat, RepeatedTitle."""
        chat = self.find_chat(new.chat)
        message = Message(
            id=self._message_id("3A" if new.source is Source.CUSTOMER else "3F"),
            chat=chat.id,
            order=self._next(),
            at=new.at or self._now(),
            status=Status.READ if new.seen else Status.DELIVERED,
            **new.model_dump(exclude={"chat", "at", "seen"}),
        )
        self.messages[message.id] = message
        self._place(chat, message, counts=message.source is Source.CUSTOMER and not new.seen)
        self.note(
            JournalKind.PHONE_SAID if message.from_me else JournalKind.CUSTOMER_SAID,
            chat=chat.id,
            message=message.id,
            note=message.text,
        )
        self._push_message(message)
        if message.source is Source.CUSTOMER and not new.seen and self.settings.away_text:
            self.add_message(NewMessage(chat=chat.id, text=self.settings.away_text, source=Source.AUTOMATION))
        return message

    def take_from_page(self, chat_id: str, message_id: str, text: str, quoted: str | None) -> Message | None:
        """What the page under test sends, pending and held. None if this id was already taken or nothing is left of it.

        Raises UnknownChat.
        """
        chat = self.find_chat(chat_id)
        if message_id in self.messages:
            self.note(JournalKind.MESSAGE_REPEATED, chat=chat_id, message=message_id)
            return None
        text = text.strip()
        if not text:
            return None
        message = Message(
            id=message_id,
            chat=chat.id,
            order=self._next(),
            text=text,
            source=Source.PAGE,
            at=self._now(),
            status=Status.PENDING,
            held=True,
            quoted=quoted,
        )
        self.messages[message_id] = message
        self._place(chat, message, counts=False)
        self._push_message(message)
        return message

    def release(self, message: Message) -> None:
        """A held message leaves: from here on the customer has it. This entry is what duplicates are judged by."""
        message.held = False
        self.note(JournalKind.MESSAGE_RECEIVED, chat=message.chat, message=message.id, note=message.text)
        self._push_message(message)

    def set_status(self, message: Message, status: Status) -> None:
        """Moves the tick of one of our messages; the caller decides about its order."""
        if message.status is not status:
            message.status = status
            kind = JournalKind.MESSAGE_FAILED if status is Status.FAILED else JournalKind.MESSAGE_TICKED
            self.note(kind, chat=message.chat, message=message.id, note=status.value)
            self._push_message(message)

    def change_message(self, change: MessageChange) -> Message:
        """Edits, deletes, reacts to or ticks a bubble. Raises UnknownMessage."""
        message = self.messages.get(change.message)
        if message is None:
            raise UnknownMessage(f"No message has the id {change.message!r}.")
        if change.removed:
            self._remove(message)
            return message
        if change.text is not None:
            message.text, message.edited = change.text, True
            self.note(JournalKind.MESSAGE_EDITED, chat=message.chat, message=message.id, note=change.text)
        if change.deleted is not None:
            message.deleted = change.deleted
            self.note(JournalKind.MESSAGE_DELETED, chat=message.chat, message=message.id)
        if change.reaction is not None:
            message.reactions = [change.reaction] if change.reaction else []
            self.note(JournalKind.MESSAGE_REACTED, chat=message.chat, message=message.id, note=change.reaction)
        if change.status is not None:
            self.set_status(message, change.status)
        self._push_message(message)
        return message

    def _remove(self, message: Message) -> None:
        del self.messages[message.id]
        self.note(JournalKind.MESSAGE_DELETED, chat=message.chat, message=message.id, note="for us")
        self.push({"type": "removed", "chat": message.chat, "id": message.id})
        left = self.history(message.chat, 1)
        self.chats[message.chat].last = left[0] if left else None
        self._push_chat(self.chats[message.chat])

    # -- settings -------------------------------------------------------------------------------------------------

    def configure(self, change: Mapping[str, Any]) -> Settings:
        """Lays `change` over the settings (ticks and faults are merged). Raises pydantic.ValidationError."""
        self.settings = Settings.model_validate(merged(self.settings.model_dump(mode="json"), change))
        self.note(JournalKind.SETTINGS_CHANGED, note=", ".join(sorted(change)))
        self.push({"type": "settings", "settings": self.settings.model_dump(mode="json")})
        return self.settings

    def use_up(self, fault: str) -> bool:
        """Whether a counted fault strikes now; takes one off its counter. -1 strikes for ever."""
        left = int(getattr(self.settings.faults, fault))
        if left > 0:
            self.configure({"faults": {fault: left - 1}})
        return left != 0

    # -- inside ---------------------------------------------------------------------------------------------------

    def _next(self) -> int:
        self._order += 1
        return self._order

    def _message_id(self, prefix: str) -> str:
        return prefix + secrets.token_hex(9).upper()

    def _place(self, chat: Chat, message: Message, *, counts: bool) -> None:
        chat.last = message
        if message.source not in NO_BUMP and chat.kind is not ChatKind.SELF:
            chat.moved = message.order
        if counts and message.kind is not MessageKind.SYSTEM:
            chat.unread += 1
        if message.source in OUTGOING:
            chat.unread = 0
        self._push_chat(chat)

    def _push_chat(self, chat: Chat) -> None:
        self.push({"type": "chat", "chat": chat_row(chat)})

    def _push_message(self, message: Message) -> None:
        self.push({"type": "message", "chat": message.chat, "message": without_bytes(message)}, chat=message.chat)
        chat = self.chats[message.chat]
        if chat.last is message:
            self._push_chat(chat)
