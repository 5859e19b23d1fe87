"""Drafts, the runs that make them, and the passages that they rest on."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, TenantRow


class DraftRun(TenantRow, Base):
    """One run of the graph. Due in Postgres, claimed by lease; a worker that dies leaves a lease that ends."""

    __tablename__ = "draft_runs"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "chat_id"], ["chats.tenant_id", "chats.id"], ondelete="CASCADE"),
        Index(
            "draft_runs_one_due",
            "tenant_id",
            "chat_id",
            unique=True,
            postgresql_where=text("state = 'due' and reason <> 'check'"),
        ),
        Index("draft_runs_chat", "tenant_id", "chat_id", "created_at"),
    )

    chat_id: Mapped[UUID]
    chat_version: Mapped[int]
    reason: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, default="due")
    hint: Mapped[str | None] = mapped_column(Text)
    parent_draft_id: Mapped[UUID | None]
    draft_id: Mapped[UUID | None]
    first_due_at: Mapped[datetime]
    due_at: Mapped[datetime]
    attempt: Mapped[int] = mapped_column(default=0)
    claim_id: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    graph_version: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)
    timings_ms: Mapped[dict[str, float]] = mapped_column(JSONB, default=dict)
    finished_at: Mapped[datetime | None]


class Draft(TenantRow, Base):
    """A reply of one to three parts. `version` rises with every change of status, for compare-and-set."""

    __tablename__ = "drafts"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "chat_id"], ["chats.tenant_id", "chats.id"], ondelete="CASCADE"),
        Index("drafts_one_pending", "tenant_id", "chat_id", unique=True, postgresql_where=text("status = 'pending'")),
        Index("drafts_chat", "tenant_id", "chat_id", "created_at"),
    )

    chat_id: Mapped[UUID]
    chat_version: Mapped[int]
    version: Mapped[int] = mapped_column(default=1)
    run_id: Mapped[UUID | None]
    parent_id: Mapped[UUID | None]
    origin: Mapped[str] = mapped_column(Text)
    intent: Mapped[str | None] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    parts: Mapped[list[str]] = mapped_column(ARRAY(Text))
    text_sha256: Mapped[str] = mapped_column(Text)
    language: Mapped[str | None] = mapped_column(Text)
    claims: Mapped[list[dict[str, object]]] = mapped_column(JSONB, default=list)
    missing: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    unreadable: Mapped[list[str]] = mapped_column(ARRAY(Text), default=list)
    check: Mapped[dict[str, object] | None] = mapped_column(JSONB)
    confidence: Mapped[float | None]
    provider: Mapped[str | None] = mapped_column(Text)
    model: Mapped[str | None] = mapped_column(Text)
    prompt_version: Mapped[str | None] = mapped_column(Text)
    author_id: Mapped[UUID | None]
    expires_at: Mapped[datetime | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None]
    decision_reason: Mapped[str | None] = mapped_column(Text)


class DraftPassage(TenantRow, Base):
    """A passage that was retrieved for a draft, as it read then; `cited` says whether a claim rests on it."""

    __tablename__ = "draft_passages"
    __table_args__ = (
        UniqueConstraint("tenant_id", "draft_id", "rank"),
        ForeignKeyConstraint(["tenant_id", "draft_id"], ["drafts.tenant_id", "drafts.id"], ondelete="CASCADE"),
        Index("draft_passages_source", "tenant_id", "source_id"),
    )

    draft_id: Mapped[UUID]
    passage_id: Mapped[UUID]
    source_id: Mapped[UUID]
    source_title: Mapped[str] = mapped_column(Text)
    source_url: Mapped[str | None] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    page: Mapped[int | None]
    score: Mapped[float]
    rank: Mapped[int]
    cited: Mapped[bool]
    stale: Mapped[bool] = mapped_column(default=False)
