"""Chats and messages as the public API shows them."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from core.contracts.base import Command, Utc, Wire
from core.contracts.byok import OwnerDraft
from core.contracts.drafts import Draft, DraftRun
from core.contracts.states import (
    ChatKind,
    ChatMode,
    ChatStatus,
    Direction,
    FileProblem,
    MessageKind,
    MessageOrigin,
    PauseReason,
    Tick,
)
from core.contracts.texts import PartText


class Attachment(Wire):
    """A file of a message; `available` says whether its bytes are in blob storage, `problem` why they never will be.

    `mime` is what the sender's side called it until the bytes are there, then what they are. Only what `picture` is true of
    may be drawn; everything else is for saving.
    """

    id: UUID
    mime: str
    name: str | None
    size: int | None
    available: bool
    picture: bool = False
    problem: FileProblem | None = None


class Message(Wire):
    """One bubble. `seq` orders a chat; `wa_at` is only what WhatsApp showed, to the minute."""

    id: UUID
    chat_id: UUID
    seq: int
    direction: Direction
    origin: MessageOrigin
    kind: MessageKind
    text: str | None
    language: str | None
    received_at: Utc
    wa_at: Utc | None
    tick: Tick | None
    author: str | None = Field(description="who wrote it: the customer's name, a member's name, or none")
    send_id: UUID | None
    quoted_text: str | None
    edited: bool
    deleted: bool
    attachments: list[Attachment] = []


class Chat(Wire):
    """A conversation as lists show it. `version` rises with everything that makes a pending draft stale."""

    id: UUID
    channel_id: UUID
    channel_name: str
    kind: ChatKind
    title: str
    status: ChatStatus
    mode: ChatMode
    assignee_id: UUID | None
    assignee_name: str | None
    version: int
    unread: int
    language: str | None
    last_message_at: Utc | None
    last_inbound_at: Utc | None
    last_preview: str | None
    last_direction: Direction | None
    needs_person: bool = Field(description="a customer waits and nothing is on its way")
    has_pending_draft: bool
    paused_until: Utc | None = Field(
        description="a person answered, from the phone or the panel: drafting by machine rests until then"
    )
    pause_reason: PauseReason | None = Field(default=None, description="what made the machine rest, while it does")


class ChatContext(Wire):
    """Everything to decide on a chat: last messages, the current draft or the state of the run that makes one."""

    chat: Chat
    messages: list[Message]
    draft: Draft | None
    run: DraftRun | None
    owner_draft: OwnerDraft | None = Field(
        default=None, description="a draft that waits on the owner's computer, made with the owner's own key"
    )
    automation_at: Utc | None = Field(
        default=None, description="when WhatsApp Business answered the customer's last words by itself, if it did"
    )


class NewMessage(Command):
    """Body of POST /chats/{id}/messages: text that a person typed; it is checked, then sent if it passes.

    `id` may be chosen by the caller (UUIDv7), so that the panel can show the message before the answer is there.
    """

    parts: Annotated[list[PartText], Field(min_length=1, max_length=3)]
    chat_version: int
    id: UUID | None = None


class AskDraft(Command):
    """Body of POST /chats/{id}/drafts."""

    hint: str | None = Field(default=None, max_length=500)


class ChangeChat(Command):
    """Body of PATCH /chats/{id}; only the fields that are set change."""

    status: ChatStatus | None = None
    mode: ChatMode | None = None
    assignee_id: UUID | None = None
    unassign: bool = False
    snoozed_until: Utc | None = None
    resume: bool = Field(default=False, description="end the rest that a person's own reply began")
    pause: bool = Field(default=False, description="let the machine rest, for as long as after a person's own reply")


class Accepted(Wire):
    """Answer 202: the id of what was begun; events tell how it goes on."""

    id: UUID
    kind: str
