"""Events: hints that something changed. Ids and versions only, never content (design section 3.5)."""

from datetime import UTC, datetime
from enum import StrEnum
from uuid import UUID

from pydantic import Field

from core.contracts.base import Utc, Wire
from core.contracts.ids import new_id

EVENT_VERSION = 1


class EventType(StrEnum):
    """Every event; each is described in docs/events.md."""

    MESSAGE_NEW = "message.new"
    MESSAGE_UPDATED = "message.updated"
    CHAT_UPDATED = "chat.updated"
    DRAFT_UPDATED = "draft.updated"
    RUN_UPDATED = "run.updated"
    SEND_UPDATED = "send.updated"
    SOURCE_UPDATED = "source.updated"
    HISTORY_UPDATED = "history.updated"
    PROPOSAL_UPDATED = "proposal.updated"
    CHANNEL_UPDATED = "channel.updated"
    DEVICE_UPDATED = "device.updated"
    USAGE_UPDATED = "usage.updated"
    RESYNC = "resync"


class Event(Wire):
    """One hint. `ids` names what changed (chat_id, message_id, draft_id, …), `versions` the new versions where there are any."""

    id: UUID = Field(default_factory=new_id)
    type: EventType
    v: int = EVENT_VERSION
    tenant_id: UUID
    at: Utc = Field(default_factory=lambda: datetime.now(UTC))
    ids: dict[str, UUID] = {}
    versions: dict[str, int] = {}
