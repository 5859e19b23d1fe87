"""Past chats that a business exported from WhatsApp, as they are between reading them and proposing something out of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from pydantic import Field

from core.contracts.base import Wire
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


class ProposalKind(StrEnum):
    """What a past chat can teach."""

    ANSWER = "answer"
    TONE = "tone"
    EVAL_CASE = "eval_case"


class ProposalState(StrEnum):
    """Where a proposal stands; only an admin moves it on."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    DISMISSED = "dismissed"


class FoundAnswer(Wire):
    """One question with the reply that answered it, redacted. `signature` holds what it asks, as stems; `sighting` names this one time."""

    question: str
    answer: str
    language: str | None
    signature: list[str]
    seen_on: date
    sighting: str


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


class CaseTurn(Wire):
    """One message of an eval case."""

    direction: Direction
    text: str


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
