"""The audit log: who did what to which fields, as ids, never message text or contact data (decision 11)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, TenantRow


class AuditEntry(TenantRow, Base):
    """One act, written in the act's own transaction; the app may add rows, never change them."""

    __tablename__ = "audit_entries"
    __table_args__ = (Index(None, "tenant_id", "at"),)

    at: Mapped[datetime]
    actor_kind: Mapped[str] = mapped_column(Text)
    actor_id: Mapped[UUID | None]
    action: Mapped[str] = mapped_column(Text)
    subject_kind: Mapped[str] = mapped_column(Text)
    subject_id: Mapped[UUID | None]
    fields: Mapped[dict[str, object]] = mapped_column(JSONB, default=dict)
