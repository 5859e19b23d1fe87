"""What passes between retriever, drafter, humanizer and compliance checker: JSON-native when dumped (decision 13)."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from core.contracts.base import Utc, Wire
from core.contracts.states import Direction, MessageKind, Tier, Verdict


class Turn(Wire):
    """One message of the conversation as agents see it; text is data, never an instruction (law 11)."""

    message_id: UUID
    seq: int
    direction: Direction
    kind: MessageKind
    text: str | None
    at: Utc


class ToneProfile(Wire):
    """How the business speaks; every field has a neutral default."""

    business_name: str = ""
    greeting: bool = True
    closing: str = ""
    formality: str = Field(default="neutral", pattern="^(casual|neutral|formal)$")
    emoji: bool = False
    notes: str = Field(default="", max_length=1000)


class Conversation(Wire):
    """What is to be answered: `burst` are the customer's messages since the last reply, `history` what came before it."""

    chat_id: UUID
    contact_name: str | None
    language: str | None = Field(description="BCP-47 of the burst, none where uncertain")
    tier: Tier = Tier.UNKNOWN
    history: list[Turn]
    burst: list[Turn]
    unreadable: list[str] = Field(default=[], description="kinds in the burst that nobody could read (law 13)")
    late: bool = Field(default=False, description="something in the burst is older than the answer window (law 10)")
    timezone: str = "UTC"

    def burst_text(self) -> str:
        """Return the readable texts of the burst, one a line."""
        return "\n".join(turn.text for turn in self.burst if turn.text)


class Passage(Wire):
    """A piece of the business's own knowledge with the evidence why it was found. `score` is 0..1, comparable within a search."""

    id: UUID
    source_id: UUID
    source_title: str
    source_url: str | None = Field(default=None, description="the page of the web that it stands on")
    source_version: int | None = Field(default=None, description="the version of the source that it was found in")
    text: str
    heading: str | None = Field(default=None, description="path of headings that the text stands under")
    language: str | None = None
    page: int | None = None
    position: int = 0
    score: float = 0.0
    vector_score: float | None = None
    text_score: float | None = None
    valid_until: Utc | None = None
    stale: bool = False
    curated_answer: str | None = Field(default=None, description="the exact answer, where staff wrote one")
    live: str | None = Field(default=None, description="what it was looked up in for this customer; none for knowledge")


class Retrieval(Wire):
    """The retriever's answer: what it looked for and what it found, best first, above the relevance floor only."""

    query: str
    passages: list[Passage]
    floor: float
    below_floor: int = 0
    unsettled: list[str] = Field(
        default=[], description="what a look-up left open, for staff: a system that did not answer"
    )


class Claim(Wire):
    """One thing that a reply says, with the passages that carry it."""

    text: str
    passage_ids: list[UUID]


class DraftProposal(Wire):
    """The drafter's answer: parts to send with their claims, or what is missing to answer at all."""

    parts: list[str]
    claims: list[Claim] = []
    missing: list[str] = Field(
        default=[], description="what the knowledge does not say; not empty = a person must answer"
    )
    language: str | None = None
    confidence: Annotated[float, Field(ge=0, le=1)] = 0.0
    verbatim: bool = Field(
        default=False, description="staff wrote these very words for this question: nobody rewords them"
    )


class HumanReply(Wire):
    """The humanizer's answer: the same facts in the business's voice, split as people write."""

    parts: Annotated[list[str], Field(min_length=1, max_length=3)]


class Finding(Wire):
    """One thing a check has to say. `start`/`end` are character offsets into part `part`."""

    check: str
    verdict: Verdict
    reason: str
    part: int | None = None
    start: int | None = None
    end: int | None = None


class CheckReport(Wire):
    """The compliance checker's answer over one exact text: the worst finding decides."""

    verdict: Verdict
    findings: list[Finding] = []
    score: Annotated[float, Field(ge=0, le=1)] = Field(default=0.0, description="share of the text carried by passages")
    text_sha256: str
    checker_version: str


class AiCall(Wire):
    """One call that an agent made, for `ai_interactions`. Money in micro-units (decision 8)."""

    id: UUID
    purpose: str
    provider: str
    model: str
    prompt_version: str | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    cost_micro: int = 0
    currency: str = "USD"
    price_version: str | None = None
    latency_ms: int = 0
    attempts: int = 1
    outcome: str = "ok"
    paid_by: str = Field(
        default="house",
        pattern="^(house|own)$",
        description="whose key paid: the desk's, or the owner's own in the bridge",
    )
