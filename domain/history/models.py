"""Imports of past chats and what they propose. Neither table holds a message: only what is left of some after redaction."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, TenantRow


class ImportedHistory(TenantRow, Base):
    """One imported file; the same bytes are imported once. `tone` is its sample of how the business speaks."""

    __tablename__ = "history_imports"
    __table_args__ = (UniqueConstraint("tenant_id", "sha256"), ForeignKeyConstraint(["tenant_id"], ["tenants.id"]))

    sha256: Mapped[str] = mapped_column(Text)
    business: Mapped[str] = mapped_column(Text)
    business_known_by: Mapped[str] = mapped_column(Text)
    date_order: Mapped[str] = mapped_column(Text)
    language: Mapped[str | None] = mapped_column(Text)
    messages: Mapped[int]
    first_on: Mapped[date]
    last_on: Mapped[date]
    redacted: Mapped[dict[str, int]] = mapped_column(JSONB)
    tone: Mapped[dict[str, object]] = mapped_column(JSONB)
    imported_by: Mapped[UUID]


class HistoryProposal(TenantRow, Base):
    """A proposal. `content` is its contract, `basis` what it is merged by; `sightings` name each time it was seen, once."""

    __tablename__ = "history_proposals"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "import_id"], ["history_imports.tenant_id", "history_imports.id"]),
        Index(None, "tenant_id", "kind", "state"),
    )

    import_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, default="proposed")
    language: Mapped[str | None] = mapped_column(Text)
    content: Mapped[dict[str, object]] = mapped_column(JSONB)
    basis: Mapped[dict[str, object]] = mapped_column(JSONB)
    sightings: Mapped[list[str]] = mapped_column(JSONB)
    seen: Mapped[int]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None]
    source_id: Mapped[UUID | None]
