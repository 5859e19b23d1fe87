"""Steers a sandbox over its control hook, and waits on its journal instead of sleeping."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, Self

import httpx
from pydantic import TypeAdapter

from core.errors import Conflict, InvalidInput, NotAuthenticated, NotFound, WaxosError
from desktop_bridge.sandbox.models import (
    Chat,
    ChatKind,
    Faults,
    JournalEntry,
    JournalKind,
    Media,
    Message,
    MessageChange,
    MessageKind,
    NewChat,
    NewMessage,
    Settings,
    Snapshot,
    Source,
    Status,
    TickTimes,
)

RANK = {Status.PENDING: 0, Status.SENT: 1, Status.DELIVERED: 2, Status.READ: 3}
LONG_POLL_S = 20.0
REFUSALS: dict[int, type[WaxosError]] = {401: NotAuthenticated, 404: NotFound, 409: Conflict}


class SandboxClient:
    """A client of `url` with the token that the sandbox printed. Chats are named by their id or their title.

    Methods raise NotFound, Conflict (repeated title), NotAuthenticated or InvalidInput when the sandbox says no, and
    httpx.HTTPError when it is not there.
    """

    def __init__(self, url: str, token: str) -> None:
        self._http = httpx.AsyncClient(
            base_url=f"{url}/control",
            headers={"Authorization": f"Bearer {token}"},
            timeout=LONG_POLL_S + 10,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    # -- arrange --------------------------------------------------------------------------------------------------

    async def add_chat(
        self, title: str, *, kind: ChatKind = ChatKind.PERSON, members: Sequence[str] = (), muted: bool = False
    ) -> Chat:
        """A new, empty chat at the top of the list."""
        return (await self.add_chats([NewChat(title=title, kind=kind, members=list(members), muted=muted)]))[0]

    async def add_chats(self, chats: Iterable[NewChat]) -> list[Chat]:
        answer = await self._post("/chats", [chat.model_dump(mode="json") for chat in chats])
        return TypeAdapter(list[Chat]).validate_python(answer)

    async def customer_says(
        self,
        chat: str,
        text: str = "",
        *,
        kind: MessageKind = MessageKind.TEXT,
        author: str = "",
        quoted: str | None = None,
        media: Media | None = None,
    ) -> str:
        """The customer (in a group: `author`) writes; the answer is the message's id."""
        new = NewMessage(chat=chat, text=text, kind=kind, author=author, quoted=quoted, media=media)
        return (await self.add_messages([new]))[0]

    async def phone_says(self, chat: str, text: str) -> str:
        """The business answers from its own phone, past the page."""
        return (await self.add_messages([NewMessage(chat=chat, text=text, source=Source.PHONE)]))[0]

    async def add_messages(self, messages: Iterable[NewMessage]) -> list[str]:
        """Many bubbles in one go, in order; for history and for every kind. The answer is their ids."""
        answer = await self._post("/messages", [message.model_dump(mode="json") for message in messages])
        return [item["id"] for item in answer]

    async def edit(self, message: str, text: str) -> None:
        await self._change(MessageChange(message=message, text=text))

    async def delete(self, message: str) -> None:
        await self._change(MessageChange(message=message, deleted=True))

    async def remove(self, message: str) -> None:
        """Delete a bubble for us alone: it is gone from the page without a trace."""
        await self._change(MessageChange(message=message, removed=True))

    async def react(self, message: str, emoji: str) -> None:
        await self._change(MessageChange(message=message, reaction=emoji))

    async def tick(self, message: str, status: Status) -> None:
        """Sets the tick of one message of ours now, whatever it was."""
        await self._change(MessageChange(message=message, status=status))

    async def configure(self, **settings: Any) -> Settings:
        """Changes any of models.Settings; names that do not exist are refused."""
        return Settings.model_validate(await self._post("/settings", settings))

    async def set_ticks(self, **times: int | None) -> TickTimes:
        """Changes models.TickTimes: sent_ms, delivered_ms, read_ms; None means that this tick never comes."""
        return (await self.configure(ticks=times)).ticks

    async def set_fault(self, **faults: int | bool) -> Faults:
        """Switches faults of models.Faults on (or off again) without touching the others."""
        return (await self.configure(faults=faults)).faults

    async def clear_faults(self) -> None:
        await self.configure(faults=Faults().model_dump())

    # -- judge ----------------------------------------------------------------------------------------------------

    async def state(self) -> Snapshot:
        """Everything the sandbox knows."""
        return Snapshot.model_validate(_checked(await self._http.get("/state")))

    async def messages(self, chat: str) -> list[Message]:
        """All bubbles of a chat, oldest first."""
        snapshot = await self.state()
        key = _chat_id(snapshot, chat)
        return [message for message in snapshot.messages if message.chat == key]

    async def received(self, chat: str | None = None) -> list[Message]:
        """What left the page and reached the customer, in order; one entry for every time that it did."""
        return _received(await self.state(), chat)

    async def journal(self, after: int = 0, wait_s: float = 0.0) -> list[JournalEntry]:
        """Journal entries after `after`; waits up to `wait_s` seconds (30 at most) for the first."""
        answer = _checked(await self._http.get("/events", params={"after": after, "wait_s": wait_s}))
        return TypeAdapter(list[JournalEntry]).validate_python(answer)

    # -- wait -----------------------------------------------------------------------------------------------------

    async def wait_for(self, holds: Callable[[Snapshot], bool], timeout_s: float = 10.0) -> Snapshot:
        """The first snapshot for which `holds` is true; looks again after each journal entry. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while True:
                snapshot = await self.state()
                if holds(snapshot):
                    return snapshot
                await self.journal(after=snapshot.seq, wait_s=LONG_POLL_S)

    async def wait_received(self, chat: str, count: int = 1, timeout_s: float = 10.0) -> list[Message]:
        """Waits until `count` messages from the page reached this chat's customer. Raises TimeoutError."""
        snapshot = await self.wait_for(lambda s: len(_received(s, chat)) >= count, timeout_s)
        return _received(snapshot, chat)

    async def wait_status(self, message: str, status: Status, timeout_s: float = 10.0) -> None:
        """Waits until a message of ours has this tick or a later one. Raises TimeoutError."""

        def reached(snapshot: Snapshot) -> bool:
            return any(m.id == message and RANK.get(m.status, -1) >= RANK[status] for m in snapshot.messages)

        await self.wait_for(reached, timeout_s)

    async def wait_noted(self, kind: JournalKind, *, after: int = 0, timeout_s: float = 10.0) -> JournalEntry:
        """Waits for the first journal entry of a kind after `after`. Raises TimeoutError."""
        snapshot = await self.wait_for(lambda s: any(e.kind is kind for e in s.journal[after:]), timeout_s)
        return next(entry for entry in snapshot.journal[after:] if entry.kind is kind)

    # -- inside ---------------------------------------------------------------------------------------------------

    async def _change(self, change: MessageChange) -> None:
        await self._post("/changes", change.model_dump(mode="json"))

    async def _post(self, path: str, body: Any) -> Any:
        return _checked(await self._http.post(path, json=body))


def _checked(answer: httpx.Response) -> Any:
    if answer.is_client_error:
        raise REFUSALS.get(answer.status_code, InvalidInput)(answer.json()["detail"])
    answer.raise_for_status()
    return answer.json()


def _chat_id(snapshot: Snapshot, chat: str) -> str:
    found = [c.id for c in snapshot.chats if chat in {c.id, c.title}]
    if not found:
        raise NotFound(f"No chat is called {chat!r}.")
    if len(found) > 1:
        raise Conflict(f"{len(found)} chats are called {chat!r}. Name one by its id.")
    return found[0]


def _received(snapshot: Snapshot, chat: str | None) -> list[Message]:
    key = _chat_id(snapshot, chat) if chat is not None else None
    by_id = {message.id: message for message in snapshot.messages}
    return [
        by_id[entry.message]
        for entry in snapshot.journal
        if entry.kind is JournalKind.MESSAGE_RECEIVED and key in {None, entry.chat}
    ]
