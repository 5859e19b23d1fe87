"""Hands news over to the server, oldest first. What the server does not take stays owed; what it can never take stands in nobody's way."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID

import structlog

from core.errors import InvalidInput, TooLarge
from desktop_bridge.journal.chats import ChatLog, News

BATCH = 200

log = structlog.get_logger(__name__)

Post = Callable[[list[News]], Awaitable[Mapping[UUID, UUID]]]
"""Hands news over, and returns the chats that were reported under another id than their own: {reported: its own}."""


class HandOver:
    """Empties the outbox of one journal. `owed` rings when the outbox has got something."""

    def __init__(self, chats: ChatLog, post: Post) -> None:
        self._chats = chats
        self._post = post
        self._flushing = asyncio.Lock()
        self.owed = asyncio.Event()

    async def flush(self) -> None:
        """Hand over all that is owed. A refused batch is halved until the one bad row is found; that row is put aside.

        Raises:
            WaxosError: the server cannot be reached, or does not take this bridge; everything stays owed.
        """
        async with self._flushing:
            size = BATCH
            while True:
                self.owed.clear()
                seq, news = self._chats.owed(size)
                if not news:
                    return
                try:
                    renamed = await self._post(news)
                except (InvalidInput, TooLarge) as refused:
                    size = max(1, len(news) // 2)
                    if len(news) == 1:
                        self._chats.put_aside(seq, refused.reason_code)
                        log.error("news.put_aside", seq=seq, kind=type(news[0]).__name__, code=refused.reason_code)
                    continue
                self._chats.acknowledge(seq, renamed)
                size = min(BATCH, size * 2)
