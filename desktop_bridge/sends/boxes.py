"""Empties boxes in which a text of ours was left: beside such a chat the list shows that text instead of what its customer writes."""

from uuid import UUID

import structlog

from desktop_bridge.errors import SendStopped
from desktop_bridge.journal.journal import Journal
from desktop_bridge.sends.ports import ChatPage, Target

log = structlog.get_logger(__name__)


class LeftBoxes:
    """The boxes of attempts that came to no end here, because this bridge was killed or the channel became another's meanwhile."""

    def __init__(self, journal: Journal, page: ChatPage) -> None:
        self._journal = journal
        self._page = page
        self._emptied: set[tuple[UUID, int]] = set()

    async def empty(self) -> None:
        """Take our own text out of each such box, once; somebody's own stays. What became of the sends is settled elsewhere.

        The caller holds the page, and has no send to settle.

        Raises:
            PageError: the page cannot be used now; the rest is left for the next time.
        """
        for attempt in self._journal.sends.left_typing():
            name = (attempt.send_id, attempt.number)
            chat = self._journal.chats.chat(attempt.chat_id)
            if name in self._emptied or chat is None or chat.title is None or chat.excluded:
                continue
            known = tuple(self._journal.chats.proving(chat.id))
            try:
                await self._page.open(Target(chat.id, chat.title, chat.kind, known))
                await self._page.clear_box([attempt.text])
            except SendStopped as left:
                log.warning("box.not_cleared", send_id=str(attempt.send_id), reason=left.reason_code)
            self._emptied.add(name)
