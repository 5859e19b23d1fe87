"""What happens to a message after the page let go of it: the outbox, the ticks and their times."""

import asyncio
from collections.abc import Callable

from desktop_bridge.sandbox.models import JournalKind, Message, Source, Status
from desktop_bridge.sandbox.state import SandboxState

RANK = [Status.PENDING, Status.SENT, Status.DELIVERED, Status.READ]


class Delivery:
    """Moves messages of the page from the outbox to the customer and brings the ticks back."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state
        self._timers: set[asyncio.TimerHandle] = set()

    def close(self) -> None:
        """Forgets every tick that is still to come."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()

    def accept(self, chat: str, message_id: str, text: str, quoted: str | None) -> None:
        """Takes a message from the page and sends it on, unless a fault or the lost connection keeps it back."""
        message = self._state.take_from_page(chat, message_id, text, quoted)
        if message is None:
            return
        if self._state.use_up("failed_sends"):
            self._state.set_status(message, Status.FAILED)
        elif self._state.settings.faults.outbox_until_reload or self._state.settings.offline:
            self._state.note(JournalKind.MESSAGE_HELD, chat=chat, message=message_id)
        else:
            self._leave(message)

    def page_loaded(self) -> None:
        """A page was loaded again: what the outbox fault kept back leaves now, or after its delay."""
        if not self._state.settings.offline:
            self.after(self._state.settings.faults.outbox_delay_ms, self.empty_outbox)

    def empty_outbox(self) -> None:
        """Everything that was held leaves, oldest first."""
        for message in sorted(self._state.messages.values(), key=lambda m: m.order):
            if message.held and message.status is Status.PENDING:
                self._leave(message)

    def retry(self, message_id: str) -> None:
        """The retry mark was clicked: a failed message tries again."""
        message = self._state.messages.get(message_id)
        if message is not None and message.held and message.status is Status.FAILED:
            self._state.set_status(message, Status.PENDING)
            self._leave(message)

    def seen_by_customer(self, chat: str) -> None:
        """The customer has the chat on screen: every delivered message of ours becomes read."""
        for message in self._state.history(chat, 10_000):
            if message.source is not Source.CUSTOMER and message.status is Status.DELIVERED:
                self._state.set_status(message, Status.READ)

    def after(self, delay_ms: int, act: Callable[[], None]) -> None:
        """Runs `act` in so many milliseconds, unless the sandbox is closed before."""
        if delay_ms <= 0:
            act()
            return

        def fire() -> None:
            self._timers.discard(timer)
            act()

        timer = asyncio.get_running_loop().call_later(delay_ms / 1000, fire)
        self._timers.add(timer)

    def _leave(self, message: Message) -> None:
        self._state.release(message)
        self._tick_later(message, Status.SENT, self._state.settings.ticks.sent_ms)

    def _tick_later(self, message: Message, status: Status, delay_ms: int | None) -> None:
        if delay_ms is not None:
            self.after(delay_ms, lambda: self._tick(message, status))

    def _tick(self, message: Message, status: Status) -> None:
        if message.status in RANK and RANK.index(message.status) < RANK.index(status):
            self._state.set_status(message, status)
        ticks = self._state.settings.ticks
        if status is Status.SENT:
            self._tick_later(message, Status.DELIVERED, ticks.delivered_ms)
        elif status is Status.DELIVERED:
            on_screen = self._state.watched_by_customer(message.chat)
            self._tick_later(message, Status.READ, 0 if on_screen else ticks.read_ms)
