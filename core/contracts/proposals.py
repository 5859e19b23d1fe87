"""What the desk proposes to an admin, wherever it was learnt: from past chats, or from what staff write on the desk."""

from datetime import date
from enum import StrEnum
from uuid import UUID

from pydantic import Field

from core.contracts.base import Command, Utc, Wire
from core.contracts.reasoning import ToneProfile
from core.contracts.states import Direction


class ProposalKind(StrEnum):
    """What is proposed."""

    ANSWER = "answer"
    TONE = "tone"
    EVAL_CASE = "eval_case"


class ProposalState(StrEnum):
    """Where a proposal stands; only an admin moves it on."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    DISMISSED = "dismissed"


class ProposalOrigin(StrEnum):
    """Where a proposal comes from: an imported chat, or a question on the desk that nobody has answered yet (`unanswered`), that staff
    answered with their own words, or for which they changed what a draft said.
    """

    PAST_CHAT = "past_chat"
    UNANSWERED = "unanswered"
    STAFF_ANSWER = "staff_answer"
    STAFF_EDIT = "staff_edit"


class SourceName(Wire):
    """A knowledge source by its id and title."""

    source_id: UUID
    title: str


class FoundAnswer(Wire):
    """One question with the reply that answered it, redacted. `signature` holds what it asks, `substance` what the answer says, both as
    stems and facts; `sighting` names this one time, and `also` is what else it may be called.
    """

    question: str
    answer: str
    language: str | None
    signature: list[str]
    seen_on: date
    sighting: str
    also: list[str] = []
    substance: list[str] = []
    origin: ProposalOrigin = ProposalOrigin.PAST_CHAT
    drafted: str | None = None
    cited: list[SourceName] = []
    dated: bool = False


class CaseTurn(Wire):
    """One message of an eval case."""

    direction: Direction
    text: str


class ProposedAnswer(Wire):
    """A curated answer as proposed; `others` are replies that differed from the newest one."""

    question: str
    answer: str = Field(description="empty where nobody has answered the question yet")
    others: list[str] = []
    drafted: str | None = Field(default=None, description="what a draft had said before staff changed it")
    cited: list[SourceName] = Field(default=[], description="the sources that this draft had cited: they may be wrong")
    dated: bool = Field(
        default=False, description="the answer names a date, so it may hold for a while or for one person only"
    )


class ProposedTone(Wire):
    """A tone profile with what it rests on. `typical_chars` is the median length of a message."""

    profile: ToneProfile
    typical_greeting: str | None
    typical_chars: int
    emoji_share: float
    messages: int


class ProposedCase(Wire):
    """An eval case as proposed."""

    history: list[CaseTurn]
    burst: list[str]
    reply: list[str]


class Proposal(Wire):
    """Something learnt; of `answer`, `tone` and `eval_case` the one that its kind names is there."""

    id: UUID
    kind: ProposalKind
    origin: ProposalOrigin = ProposalOrigin.PAST_CHAT
    state: ProposalState
    language: str | None
    seen: int = Field(description="how often it was seen in all chats so far")
    answer: ProposedAnswer | None = None
    tone: ProposedTone | None = None
    eval_case: ProposedCase | None = None
    answered_by: SourceName | None = Field(
        default=None, description="a source that has an exact answer to this question by now"
    )
    created_at: Utc
    last_seen_on: date | None = None
    decided_at: Utc | None
    decided_by: UUID | None
    source_id: UUID | None = Field(description="the knowledge source that an accepted answer became")


class AcceptProposal(Command):
    """Body of POST /proposals/{id}/accept: for an answer, its words where they should be others than proposed."""

    question: str | None = Field(default=None, min_length=1, max_length=500)
    answer: str | None = Field(default=None, min_length=1, max_length=4000)
