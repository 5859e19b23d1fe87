"""Past chats that a business exported from WhatsApp, as they are between reading them and proposing something out of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from pydantic import Field

from core.contracts.base import Utc, Wire
from core.contracts.proposals import CaseTurn, FoundAnswer, ProposalKind
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


class SideReason(StrEnum):
    """How it was found out who in a chat is the business."""

    NAMED = "named"
    FILE_NAME = "file_name"
    NOTICE = "notice"
    ME = "me"
    NUMBER = "number"


class Taken(StrEnum):
    """What redaction took out; in the text stands its name in square brackets."""

    SECRET = "secret"  # noqa: S105 - names a kind
    ACCOUNT = "account"
    EMAIL = "email"
    LINK = "link"
    ADDRESS = "address"
    PHONE = "phone"
    NUMBER = "number"
    NAME = "name"

    @property
    def mark(self) -> str:
        """What stands in its place."""
        return f"[{self.value}]"


MARKS = tuple(taken.mark for taken in Taken)


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


class ToneSample(Wire):
    """How the business spoke in one or more chats, in counts that add up."""

    messages: int = 0
    with_emoji: int = 0
    formal: int = 0
    casual: int = 0
    openings: int = Field(default=0, description="replies that began a conversation")
    greetings: dict[str, int] = Field(default={}, description="how often each greeting began one")
    closings: dict[str, int] = Field(default={}, description="how often each line ended a message of several lines")
    lengths: dict[int, int] = Field(default={}, description="messages by their characters, rounded up to twenties")


class FoundCase(Wire):
    """What a customer wrote after what came before, and what the business replied; all redacted."""

    history: list[CaseTurn]
    burst: list[str]
    reply: list[str]
    language: str | None
    sighting: str


class Learnt(Wire):
    """All that one chat teaches; `redacted` says how much of which kind was taken out."""

    language: str | None
    answers: list[FoundAnswer]
    tone: ToneSample
    cases: list[FoundCase]
    redacted: dict[str, int]


class HistoryImport(Wire):
    """What an import found. `repeated` says that the same file was imported before and nothing was added."""

    id: UUID
    business: str
    business_known_by: SideReason
    date_order: DateOrder
    language: str | None
    messages: int
    first_on: date
    last_on: date
    redacted: dict[str, int] = Field(description="how much of which kind was taken out before anything was kept")
    proposed: dict[ProposalKind, int] = Field(description="new proposals by kind")
    seen_again: int = Field(description="times that an older proposal was seen again")
    repeated: bool = False
    created_at: Utc


class ReadHistory(Wire):
    """What the sandboxed reader makes of a file: nothing in it tells who the customer is."""

    business: str
    business_known_by: SideReason
    date_order: DateOrder
    messages: int
    first_on: date
    last_on: date
    learnt: Learnt
