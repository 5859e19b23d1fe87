"""Prompts are rows; the files beside the agents only seed version 1 (decision 12)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, TenantRow


class Prompt(TenantRow, Base):
    """One version of one agent's prompt; never changed once written."""

    __tablename__ = "prompts"
    __table_args__ = (
        UniqueConstraint("tenant_id", "agent", "version"),
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"]),
    )

    agent: Mapped[str] = mapped_column(Text)
    version: Mapped[int]
    text: Mapped[str] = mapped_column(Text)
    text_sha256: Mapped[str] = mapped_column(Text)
    author_id: Mapped[UUID | None]
    reason: Mapped[str] = mapped_column(Text, default="")


class PromptLabel(TenantRow, Base):
    """A move of a label (`production`, `candidate`) to a version; the newest row of a label is where it stands."""

    __tablename__ = "prompt_labels"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "prompt_id"], ["prompts.tenant_id", "prompts.id"]),)

    agent: Mapped[str] = mapped_column(Text)
    label: Mapped[str] = mapped_column(Text)
    prompt_id: Mapped[UUID]
    moved_at: Mapped[datetime]
    moved_by: Mapped[UUID | None]
    reason: Mapped[str] = mapped_column(Text, default="")
