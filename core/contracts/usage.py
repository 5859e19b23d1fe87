"""What the AI layer did, as the public API shows it."""

from datetime import date
from enum import StrEnum
from uuid import UUID

from pydantic import Field

from core.contracts.base import Command, Utc, Wire
from core.contracts.reasoning import AiCall


class AiCallRecord(AiCall):
    """One call as it was recorded, with what it was made for."""

    run_id: UUID | None
    chat_id: UUID | None
    created_at: Utc


class BudgetState(StrEnum):
    """How much of a month's limit is used: less than 80 %, more, or all of it."""

    OK = "ok"
    WARNED = "warned"
    SPENT = "spent"


class AiBudget(Wire):
    """What AI calls cost this month beside the limit; each key has the whole limit to itself. Money in millionths of a US dollar.

    Calls of models without a known price count cautiously, so the counts may be above what is billed.
    """

    month: date
    limit_micro: int
    house_micro: int
    own_micro: int
    state: BudgetState = Field(description="of the desk's own key")
    version: int = Field(description="of the limit, for changing it")


class SetAiBudget(Command):
    """A new limit over the version that was seen."""

    monthly_micro: int = Field(ge=0, le=1_000_000_000_000)
    version: int = Field(ge=0)


class AiCosts(Wire):
    """What a month's drafts cost; shares and prices are none where there is nothing to divide by."""

    month: date
    calls: int
    cost_micro: int
    drafts: int = Field(description="drafts that a machine made")
    sent_replies: int = Field(description="of them, or edited from them, those that were sent")
    cost_per_draft_micro: int | None
    cost_per_sent_reply_micro: int | None
    wasted_share: float | None = Field(
        description="share of the cost that went into drafts nobody sent and nobody will"
    )


class AiProviderView(Wire):
    """One provider of the desk's chain, and what is known of what happens to the words it reads. "unknown" counts as the worst."""

    title: str
    provider: str
    model: str
    used: bool
    why_not: str | None = Field(description="why this business's rules keep it out")
    resting_seconds: float
    trains: str
    keeps_days: str
    region: str
    source: str
    source_date: str


class AiDataUse(Wire):
    """Who reads this business's customers' words: the rules, and the providers in the order they are asked."""

    training: bool
    zero_retention: bool
    providers_chosen: list[str] | None
    version: int
    providers: list[AiProviderView]
    hidden: list[str] = Field(
        description="kinds of personal data that are put under placeholders before a provider reads a text"
    )


class SetAiDataUse(Command):
    """New rules over the version that was seen."""

    training: bool
    zero_retention: bool
    providers_chosen: list[str] | None = Field(default=None, max_length=20)
    version: int = Field(ge=0)
