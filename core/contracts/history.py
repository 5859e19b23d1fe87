"""Past chats that a business exported from WhatsApp, as they are between reading them and proposing something out of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.contracts.states import Direction


class PastKind(StrEnum):
    """What a line of an export is: `text` alone was written by somebody; `media` may carry a caption as its text."""

    TEXT = "text"
    MEDIA = "media"
    DELETED = "deleted"
    SYSTEM = "system"


class DateOrder(StrEnum):
    """In which order an export writes day, month and year."""

    DMY = "dmy"
    MDY = "mdy"
    YMD = "ymd"


@dataclass(frozen=True, slots=True)
class PastMessage:
    """One message; `at` is the wall clock of the phone that exported it, without a zone, as the file has none."""

    at: datetime
    author: str | None
    text: str
    kind: PastKind = PastKind.TEXT
    edited: bool = False
    direction: Direction | None = None


@dataclass(frozen=True, slots=True)
class PastChat:
    """One chat with one customer, in the file's order; `names` are all that it calls the customer by."""

    messages: Sequence[PastMessage]
    business: str
    names: Sequence[str]
