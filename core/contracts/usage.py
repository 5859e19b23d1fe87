"""What the AI layer did, as the public API shows it."""

from uuid import UUID

from pydantic import Field

from core.contracts.base import Utc
from core.contracts.reasoning import AiCall


class AiCallRecord(AiCall):
    """One call as it was recorded, with what it was made for."""

    run_id: UUID | None
    chat_id: UUID | None
    own_key: bool = Field(default=False, description="asked with the owner's own key, from the owner's computer")
    created_at: Utc
