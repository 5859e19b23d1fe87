"""Suggestions made with the owner's own AI key, on the owner's computer. Until one is approved the server knows numbers of it only.

Nothing here has room for a text that was made with that key: what a bridge tells is hash, verdict, model, tokens and a code.
"""

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from core.contracts.base import Command, Utc, Wire
from core.contracts.bridge import ExternalId
from core.contracts.ids import new_id
from core.contracts.reasoning import Conversation, ToneProfile
from core.contracts.states import OwnerDraftState, Verdict

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Code = Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,59}$")]
ModelName = Annotated[str, Field(pattern=r"^[\w.:/@-]{1,200}$")]
Tokens = Annotated[int, Field(ge=0, le=100_000_000)]


class OwnKey(Command):
    """Whose AI key drafts on a channel are made with: `on` is the owner's own, on the owner's computer."""

    on: bool


class OwnerDraft(Wire):
    """A draft that waits on the owner's computer. Its text is there; what the server knows of it is here."""

    id: UUID
    chat_id: UUID
    chat_version: int
    state: OwnerDraftState
    verdict: Verdict | None
    text_sha256: str | None
    provider: str | None
    model: str | None
    tokens_used: int
    code: str | None = Field(description="why there is none, where making it failed")
    created_at: Utc


class OwnerDraftSeen(OwnerDraft):
    """The same for the computer that makes it, with the chat's name."""

    title: str


class OwnerWork(Wire):
    """What the owner's computer has to make, or has made and not yet decided on. `on` is false where the desk's own key drafts."""

    on: bool
    drafts: list[OwnerDraftSeen]


class OwnerCase(Wire):
    """Everything that a suggestion is made of but the passages, which the ordinary search brings."""

    id: UUID
    conversation: Conversation
    tone: ToneProfile
    hint: str | None = Field(description="what staff asked for")
    parent_parts: list[str] = Field(description="the text that staff want to be another one")
    newest_external_id: ExternalId


class ByokUsage(Command):
    """Body of POST /ai/byok-usage: what a call with the owner's key took. It has no field for a prompt or an answer.

    `id` is chosen by the caller (UUIDv7); the same id again is the same report.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    provider: Annotated[str, Field(pattern=r"^[a-z]{1,30}$")]
    model: ModelName
    tokens_used: Tokens
    id: UUID = Field(default_factory=new_id)
    suggestion_id: UUID | None = Field(default=None, description="the draft it was made for")
    tokens_in: Tokens = 0
    tokens_out: Tokens = 0
    latency_ms: Annotated[int, Field(ge=0, le=3_600_000)] = 0
    outcome: OwnerDraftState = OwnerDraftState.READY
    code: Code | None = Field(default=None, description="why there is no suggestion")
    verdict: Verdict | None = None
    text_sha256: Sha256 | None = None


class ByokUsageTaken(Wire):
    """The report is kept. `state` is the draft's; a chat that moved on meanwhile has superseded it."""

    id: UUID
    state: OwnerDraftState | None
