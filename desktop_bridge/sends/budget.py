"""The bridge's own limits, beside the server's: answers only to people who wrote, and not too many of them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from desktop_bridge.errors import ColdMessage, OverBudget, left_out
from desktop_bridge.journal.chats import ChatLog
from desktop_bridge.journal.sends import SendLog

_HOUR = timedelta(hours=1)


class Budget:
    """Asked before anything is typed."""

    def __init__(
        self,
        chats: ChatLog,
        sends: SendLog,
        *,
        per_hour: int,
        per_chat_hour: int,
        now: Callable[[], datetime] | None = None,
    ) -> None:
        self._chats = chats
        self._sends = sends
        self._per_hour = per_hour
        self._per_chat_hour = per_chat_hour
        self._now = now or (lambda: datetime.now(UTC))

    def allow(self, chat_id: UUID) -> None:
        """Return if one more send to this chat is within the limits.

        Raises:
            ChatLeftOut: the owner does not want this chat to be opened.
            OverBudget: a limit of the hour is reached; it says which, and for how long.
        """
        chat = self._chats.chat(chat_id)
        if chat is not None and chat.excluded:
            raise left_out()
        self._within(self._per_hour, None, "messages", "WAXOS_BRIDGE__SENDS_PER_HOUR")
        self._within(self._per_chat_hour, chat_id, "messages to this chat", "WAXOS_BRIDGE__SENDS_PER_CHAT_HOUR")

    def customer_wrote(self, chat_id: UUID) -> bool:
        """Tell whether the journal has a message of the customer; one that is new, or was lost, has to look at the chat first."""
        return self._chats.customer_wrote(chat_id)

    def refuse_cold(self, chat_id: UUID) -> None:
        """Return if somebody wrote to us in this chat.

        Raises:
            ColdMessage: the chat holds no message of the customer.
        """
        if not self.customer_wrote(chat_id):
            raise ColdMessage(
                "nobody wrote to us in this chat", hint="WAXOS answers people who wrote first; write from the phone"
            )

    def _within(self, limit: int, chat_id: UUID | None, what: str, setting: str) -> None:
        now = self._now()
        armed = self._sends.armed_since(now - _HOUR, chat_id)
        if len(armed) >= limit:
            wait = (armed[-limit] + _HOUR - now).total_seconds()
            raise OverBudget(f"{limit} {what} were sent in the last hour", hint=f"wait, or raise {setting}", wait=wait)
