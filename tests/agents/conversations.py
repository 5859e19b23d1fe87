"""Conversations for tests."""

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

from core.aal.language import tier_of
from core.contracts.reasoning import Conversation, Turn
from core.contracts.states import Direction, MessageKind


def turn(text: str | None, direction: Direction = Direction.IN, seq: int = 1) -> Turn:
    """Return one message."""
    return Turn(
        message_id=uuid4(),
        seq=seq,
        direction=direction,
        kind=MessageKind.TEXT,
        text=text,
        at=datetime(2026, 11, 2, 9, tzinfo=UTC),
    )


def conversation(
    *burst: str,
    language: str | None = "en",
    history: Sequence[Turn] = (),
    contact: str | None = "Ana Silva",
    unreadable: Sequence[str] = (),
) -> Conversation:
    """Return a conversation in which the customer just wrote `burst`."""
    return Conversation(
        chat_id=uuid4(),
        contact_name=contact,
        language=language,
        tier=tier_of(language),
        history=list(history),
        burst=[turn(text) for text in burst],
        unreadable=list(unreadable),
    )
