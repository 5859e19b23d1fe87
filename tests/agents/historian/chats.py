"""Past chats in a few words, for the tests of the historian."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from core.contracts.history import PastChat, PastKind, PastMessage
from core.contracts.states import Direction

START = datetime.fromisoformat("2024-05-13T10:00")


def past(*said: str, names: Sequence[str] = ("Carla Mendes",), minutes: int = 1, start: datetime = START) -> PastChat:
    """Return a chat, `minutes` apart: a line that begins with "> " is the business's, with ">> " sent at once; others the customer's."""
    messages: list[PastMessage] = []
    for number, line in enumerate(said):
        ours = line.startswith(">")
        direction = Direction.OUT if ours else Direction.IN
        author = "Corner Café" if ours else names[0]
        at = messages[-1].at if line.startswith(">> ") else start + timedelta(minutes=number * minutes)
        messages.append(PastMessage(at, author, line.lstrip("> "), PastKind.TEXT, direction=direction))
    return PastChat(messages, "Corner Café", names)
