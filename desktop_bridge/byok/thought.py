"""What passes between the bridge and the process that holds the key: one JSON object a line, both ways."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from core.contracts.base import Wire
from core.contracts.byok import ByokUsage
from core.contracts.reasoning import AiCall, CheckReport, Conversation, DraftProposal, Passage, ToneProfile


class Opening(Wire):
    """The first line: the key and whom it is for. It is sent once."""

    key: str
    provider: str
    model: str
    address: str


class Thinking(Wire):
    """Everything that a suggestion is made of."""

    conversation: Conversation
    passages: list[Passage]
    tone: ToneProfile
    hint: str = ""
    parent_parts: list[str] = Field(default_factory=list)


class Request(Wire):
    """A later line: what to search for, or a suggestion."""

    look: Conversation | None = None
    think: Thinking | None = None


class Ready(Wire):
    """The answer to the opening."""

    kind: Literal["ready"] = "ready"


class Looked(Wire):
    """The conversation with its language, and the searches; none means that nothing is asked."""

    kind: Literal["looked"] = "looked"
    conversation: Conversation
    queries: list[str]


class Thought(Wire):
    """A suggestion, or what is missing for one, with the calls that it took."""

    kind: Literal["thought"] = "thought"
    proposal: DraftProposal
    parts: list[str] = Field(default_factory=list)
    report: CheckReport | None = None
    calls: list[AiCall]


class Failure(Wire):
    """Why there is none, in our words: never the provider's, which may quote the key or the customer."""

    kind: Literal["failure"] = "failure"
    code: str
    detail: str
    hint: str | None
    calls: list[AiCall] = Field(default_factory=list)


Answer = Ready | Looked | Thought | Failure


class Suggestion(Wire):
    """A suggestion as the page shows it and the journal keeps it."""

    id: UUID
    chat_id: UUID
    newest_external_id: str
    asked: list[str]
    parts: list[str]
    proposal: DraftProposal
    report: CheckReport | None
    sources: list[Passage]
    usage: ByokUsage
