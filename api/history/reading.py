"""Reading exported chats for the API. The bytes go from the request to the child and nowhere else; one is read at a time."""

import asyncio
from collections.abc import AsyncIterable
from dataclasses import dataclass, field

from core.contracts.history import DateOrder, ReadHistory
from domain.sandbox import Sandbox

_MODULE = "api.history.child"


@dataclass(frozen=True, slots=True)
class HistoryReader(Sandbox):
    """Starts one child a file, the next when it is done: a chat of years takes a minute of a processor."""

    cpu_s: int = 120
    wall_s: float = 240.0
    turn: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))

    async def read(
        self, data: AsyncIterable[bytes], filename: str, business: str | None, date_order: DateOrder | None
    ) -> ReadHistory:
        """Return what an export teaches, redacted.

        Raises:
            Unreadable: it cannot be used; `code` says where a person has to say something first.
            Unavailable: the child was killed from outside; trying again may help.
        """
        order = {"filename": filename, "business": business, "date_order": date_order}
        async with self.turn:
            answer = await self.run(_MODULE, order, data)
        return ReadHistory.model_validate(answer["history"])
