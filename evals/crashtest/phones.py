"""The customers' phones, over the sandbox's control hook: they write, they receive, and they are the only judge of a send."""

from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx


@dataclass(frozen=True, slots=True)
class Received:
    """One message that reached a phone, as often as it did."""

    chat: str
    message: str
    text: str


class Phones:
    """A client of the control hook at `url`. The sandbox is never killed, so every call is made once."""

    def __init__(self, url: str, token: str) -> None:
        self._http = httpx.AsyncClient(
            base_url=f"{url.rstrip('/')}/control",
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
            trust_env=False,
        )
        self._seq = 0
        self.received: list[Received] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def new_chats(self, titles: list[str]) -> list[str]:
        """Make chats, titles may repeat, and return their ids."""
        return [chat["id"] for chat in await self._post("/chats", [{"title": title} for title in titles])]

    async def say(self, chat: str, text: str) -> str:
        """Let the customer of a chat write, and return the message's id."""
        made = await self._post("/messages", [{"chat": chat, "text": text}])
        return str(made[0]["id"])

    async def configure(self, **settings: Any) -> None:
        """Change the sandbox's settings, its faults and tick times among them."""
        await self._post("/settings", settings)

    async def look(self) -> list[Received]:
        """Return everything received so far, in order."""
        answer = await self._http.get("/events", params={"after": self._seq})
        answer.raise_for_status()
        for entry in answer.json():
            self._seq = entry["seq"]
            if entry["kind"] == "message.received":
                self.received.append(Received(entry["chat"], entry["message"], entry["note"]))
        return self.received

    async def shows(self, chat: str, text: str) -> bool:
        """Tell whether the chat shows a bubble of ours with this text, delivered or still on its way."""
        answer = await self._http.get("/state")
        answer.raise_for_status()
        ours = [m for m in answer.json()["messages"] if m["chat"] == chat and m["source"] == "page"]
        return any(m["text"] == text for m in ours)

    async def drafts(self) -> dict[str, str]:
        """Return what stands unsent in the boxes, by chat."""
        answer = await self._http.get("/state")
        answer.raise_for_status()
        return {chat["id"]: text for chat in answer.json()["chats"] for text in chat["drafts"].values() if text}

    async def _post(self, path: str, body: Any) -> Any:
        answer = await self._http.post(path, json=body)
        answer.raise_for_status()
        return answer.json()
