"""What our own sends leave in the journal of messages, so that their bubbles are not taken for replies from the phone."""

from core.contracts.bridge import MessageSeen, SendOrder, SendOutcome
from core.contracts.states import Direction
from desktop_bridge.journal.journal import Journal


def keep_sent(journal: Journal, order: SendOrder) -> None:
    """Keep the bubble of a send that was just reported as sent, so that only its ticks are news."""
    attempt = journal.sends.last(order.send_id)
    report = attempt.report if attempt else None
    if report is None or report.outcome is not SendOutcome.SENT or report.external_id is None:
        return
    if journal.chats.known([report.external_id]):
        return
    seen = MessageSeen(
        external_id=report.external_id,
        chat_id=order.chat_id,
        direction=Direction.OUT,
        text=order.text,
        tick=report.tick,
        after=attempt.tail if attempt else None,
    )
    with journal.store.transaction():
        if journal.chats.chat(order.chat_id) is not None:
            journal.chats.keep_message(seen)
