"""`due`: what has to be done when, for the sweep, which belongs to no tenant. No content (decision 3)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base


class Due(Base):
    """One thing to do: `kind` names the task. The row goes in the same transaction that finishes the work."""

    __tablename__ = "due"
    __table_args__ = (Index(None, "due_at"),)

    tenant_id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    due_at: Mapped[datetime]
