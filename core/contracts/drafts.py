"""Drafts, their runs, and the decisions on them."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from core.contracts.base import Command, Utc, Wire
from core.contracts.reasoning import Claim, Finding
from core.contracts.states import DraftOrigin, DraftStatus, RunReason, RunState, SendStatus, SendWait, Verdict
from core.contracts.texts import PartText


class DraftSource(Wire):
    """A passage that was retrieved for a draft; `cited` says whether a claim rests on it."""

    passage_id: UUID
    source_id: UUID
    source_title: str
    text: str
    page: int | None
    score: float
    rank: int
    cited: bool
    stale: bool


class DraftCheck(Wire):
    """What the compliance checker said of this exact text."""

    verdict: Verdict
    score: float
    findings: list[Finding]
    checker_version: str


class Draft(Wire):
    """A reply that waits for a decision, or how it was decided. A decision names `version` and `text_sha256`."""

    id: UUID
    chat_id: UUID
    chat_version: int
    version: int
    parent_id: UUID | None
    origin: DraftOrigin
    status: DraftStatus
    parts: list[str]
    text_sha256: str
    language: str | None
    claims: list[Claim]
    missing: list[str]
    unreadable: list[str]
    check: DraftCheck | None
    sources: list[DraftSource]
    confidence: float | None
    provider: str | None
    model: str | None
    prompt_version: str | None
    created_at: Utc
    decided_at: Utc | None
    decided_by: UUID | None
    decision_reason: str | None


class DraftRun(Wire):
    """One run of the graph for a chat; `error` tells staff why there is no draft."""

    id: UUID
    chat_id: UUID
    reason: RunReason
    state: RunState
    due_at: Utc
    error: str | None
    draft_id: UUID | None
    timings_ms: dict[str, float] = Field(default={}, description="own work per node, provider time apart")


class Decision(Command):
    """The state a decision was made on: anything newer on the server answers 409 with the current draft."""

    version: int
    text_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Approve(Decision):
    """Body of POST /drafts/{id}/approve: send exactly this text. `confirm` is needed where the verdict was needs_staff."""

    confirm: bool = False


class Edit(Decision):
    """Body of POST /drafts/{id}/edit: a new human revision, checked, and sent if it passes and `send` is set."""

    parts: Annotated[list[PartText], Field(min_length=1, max_length=3)]
    send: bool = True


class Reject(Decision):
    """Body of POST /drafts/{id}/reject."""

    reason: str = Field(default="", max_length=500)


class Rewrite(Decision):
    """Body of POST /drafts/{id}/rewrite: a new run with this draft as parent."""

    hint: str = Field(default="", max_length=500)


class Decided(Wire):
    """Answer of a decision: the draft as it now stands and the sends it began."""

    draft: Draft
    send_ids: list[UUID]


class Send(Wire):
    """One part on its way out. `error_code` says why it did not leave, `wait_code` why it has not left yet."""

    id: UUID
    chat_id: UUID
    draft_id: UUID
    part: int
    parts_total: int
    text: str
    text_sha256: str
    status: SendStatus
    retry_of: UUID | None
    error_code: str | None
    error_detail: str | None
    screenshot: str | None = Field(
        default=None, description="name of the picture of the page, in the bridge's folder `screenshots`"
    )
    has_picture: bool = Field(default=False, description="GET /sends/{id}/screenshot shows the chat where it stopped")
    wait_code: SendWait | None = None
    wait_until: Utc | None = Field(default=None, description="when it can go at the earliest, where that is known")
    queued_at: Utc
    armed_at: Utc | None
    sent_at: Utc | None
    delivered_at: Utc | None
    read_at: Utc | None
    message_id: UUID | None


class RetrySend(Command):
    """Body of POST /sends/{id}/retry. `chat_version` is the chat as the person saw it: something newer answers 409 with it."""

    chat_version: int


class SettleSend(Command):
    """Body of POST /sends/{id}/settle: a person says what became of an unknown send."""

    outcome: Annotated[SendStatus, Field(description="sent or abandoned")]
    put_back: bool = Field(
        default=False, description="for abandoned: lay the text, and the parts behind it, before staff again as a draft"
    )
