"""Writing by hand from the computer of the bridge: a person there asks, the server decides as for any text that a person typed."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from core.contracts.base import Command, Wire
from core.contracts.bridge import ExternalId
from core.contracts.states import DraftStatus, SendStatus, SendWait
from core.contracts.texts import PartText


class HandMessage(Command):
    """Body of POST /bridge/messages. `newest_external_id` proves the chat, and that the person has seen all of it.

    `id` is chosen by the caller (UUIDv7); the same id again is the same message.
    """

    id: UUID
    chat_id: UUID
    newest_external_id: ExternalId
    parts: Annotated[list[PartText], Field(min_length=1, max_length=3)]


class HandPart(Wire):
    """One part on its way out; see `Send`."""

    send_id: UUID
    part: int
    status: SendStatus
    error_code: str | None
    error_detail: str | None
    wait_code: SendWait | None


class HandMessageState(Wire):
    """How far a message by hand has come: its draft, once approved its parts; `final` where nothing more happens by itself."""

    draft_id: UUID
    status: DraftStatus
    reason: str | None
    parts: list[HandPart]
    final: bool
