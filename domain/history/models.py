"""Imports of past chats. The table holds no message: only what is left of some after redaction; what they propose is in `proposals`."""

from datetime import date
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Text, UniqueConstraint
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
