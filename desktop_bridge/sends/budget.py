"""The bridge's own limits, beside the server's: answers only to people who wrote, and not too many of them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from desktop_bridge.errors import OverBudget
from desktop_bridge.journal.chats import ChatLog
from desktop_bridge.journal.sends import SendLog

_HOUR = timedelta(hours=1)
_PER_CHAT_SHARE = 3
"""A single chat may take a third of the hourly limit."""


class Budget:
    """Asked before anything is typed."""

    def __init__(
        self, chats: ChatLog, sends: SendLog, per_hour: int, now: Callable[[], datetime] | None = None
    ) -> None:
        self._chats = chats
        self._sends = sends
        self._per_hour = per_hour
        self._now = now or (lambda: datetime.now(UTC))

    def allow(self, chat_id: UUID) -> None:
        """Return if one more send to this chat is within the limits.

        Raises:
            OverBudget: it is not; the detail says which limit.
        """
        if not self._chats.customer_wrote(chat_id):
            raise OverBudget(
                "nobody wrote to us in this chat", hint="WAXOS answers people who wrote first; write from the phone"
            )
        since = self._now() - _HOUR
        if self._sends.sent_since(since) >= self._per_hour:
            raise OverBudget(
                f"{self._per_hour} messages were sent in the last hour",
                hint="wait, or raise WAXOS_BRIDGE__SENDS_PER_HOUR",
            )
        if self._sends.sent_since(since, chat_id) >= max(self._per_hour // _PER_CHAT_SHARE, 1):
            raise OverBudget("this chat got a third of the hour's messages already", hint="wait an hour")
