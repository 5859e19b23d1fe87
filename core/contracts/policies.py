"""What a tenant allows. Each policy has a safe value by default, so that a tenant without a row has decided nothing risky."""

from typing import ClassVar

from pydantic import Field

from core.contracts.base import Command


class Policy(Command):
    """Base of the policies; `kind` names the row."""

    kind: ClassVar[str]


class DataUsePolicy(Policy):
    """Which AI providers may see customers' words, and whether the words of AI calls are kept."""

    kind: ClassVar[str] = "data_use"

    providers: list[str] | None = Field(
        default=None, description="allowed providers by name; null means every one that is set up"
    )
    training: bool = Field(
        default=False,
        description="also use providers that train on what they read, or of whom it is not known that they do not",
    )
    zero_retention: bool = Field(default=False, description="use only providers that keep nothing of what they read")
    keep_texts: bool = Field(default=False, description="keep prompt and answer of each AI call, for evals")


class AiBudgetPolicy(Policy):
    """What AI calls of one calendar month (UTC) may cost with each key; at the limit drafts are made without a model."""

    kind: ClassVar[str] = "ai_budget"

    monthly_micro: int = Field(
        default=20_000_000, ge=0, le=1_000_000_000_000, description="limit in millionths of a US dollar"
    )


class RetentionPolicy(Policy):
    """How long things are kept, in days; null means until somebody deletes them."""

    kind: ClassVar[str] = "retention"

    message_days: int | None = Field(default=None, ge=1, le=3650)
    ai_text_days: int = Field(default=30, ge=1, le=365)


class LinkingPolicy(Policy):
    """What was accepted before WhatsApp Web was linked; the acceptance itself is in the audit log with the text's version."""

    kind: ClassVar[str] = "linking"

    whatsapp_web_risk_text: str | None = Field(default=None, max_length=40, description="version of the text accepted")
    auto_risk_text: str | None = Field(default=None, max_length=40, description="version of the second text accepted")
