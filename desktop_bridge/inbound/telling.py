"""What is told of what was read: bubbles as messages, reactions, edits, deletions and ticks. Pure functions."""

from datetime import UTC, datetime
from uuid import UUID

from core.contracts.bridge import NO_BUBBLE, ChatSeen, FileSeen, MessageSeen, Observations, TickSeen
from core.contracts.states import Direction, MessageKind
from desktop_bridge.journal.chats import KnownMessage, News
from desktop_bridge.page.bubbles import Bubble, later

_LONGEST_ID = 160
_MOST_TEXT, _MOST_QUOTED, _MOST_NAME = 65_536, 4096, 300
"""What the wire takes of a bubble; one that holds more must not hold the chat up."""


def message_of(
    seen: Bubble, chat_id: UUID, above: str | None, *, history: bool, file: FileSeen | None = None
) -> MessageSeen:
    """Return a bubble as it is told; `above` is the id of the one above it."""
    return MessageSeen(
        external_id=seen.external_id,
        chat_id=chat_id,
        direction=seen.direction,
        kind=seen.kind,
        text=seen.text[:_MOST_TEXT] if seen.text else seen.text,
        author=(seen.author or "")[:_MOST_NAME] or None if seen.direction is Direction.IN else None,
        wa_at=seen.wa_at.astimezone(UTC) if isinstance(seen.wa_at, datetime) else None,
        tick=seen.tick,
        quoted_text=seen.quoted[:_MOST_QUOTED] if seen.quoted else None,
        after=above,
        history=history,
        edited=seen.edited,
        deleted=seen.deleted,
        files=[file] if file else [],
    )


def add_changes(
    seen: Bubble,
    before: KnownMessage,
    chat_id: UUID,
    above: str | None,
    messages: list[MessageSeen],
    ticks: list[TickSeen],
) -> None:
    """Add what is different from what was last told: an edit or deletion as the message anew, a tick by itself."""
    edited = seen.edited and (not before.edited or (not seen.cut and seen.text != before.text))
    if edited or (seen.deleted and not before.deleted):
        messages.append(message_of(seen, chat_id, above, history=False))
    elif later(before.tick, seen.tick) and seen.tick is not None:
        ticks.append(TickSeen(external_id=seen.external_id, tick=seen.tick))


def reaction_of(seen: Bubble, chat_id: UUID, *, history: bool) -> MessageSeen | None:
    """Return a bubble's reaction as a row of its own, None where it bears none; another emoji is another row.

    The page does not say whose it is; between two people it is nearly always of the one who did not write the bubble.
    """
    if seen.reaction is None or seen.empty:
        return None
    emoji = "-".join(f"{ord(sign):x}" for sign in seen.reaction)
    return MessageSeen(
        external_id=f"{NO_BUBBLE}{seen.external_id}.{emoji}"[:_LONGEST_ID],
        chat_id=chat_id,
        direction=Direction.IN if seen.direction is Direction.OUT else Direction.OUT,
        kind=MessageKind.REACTION,
        text=seen.reaction,
        quoted_text=seen.text[:4096] if seen.text else None,
        history=history,
    )


def observations(news: list[News], epoch: int) -> Observations:
    """Return news as one body of POST /bridge/observations, in order."""
    return Observations(
        epoch=epoch,
        chats=[item for item in news if isinstance(item, ChatSeen)],
        messages=[item for item in news if isinstance(item, MessageSeen)],
        ticks=[item for item in news if isinstance(item, TickSeen)],
    )
