"""What is proposed to an admin. No row holds a message: only what is left of some after redaction."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, TenantRow
from domain.history.models import ImportedHistory


class Proposal(TenantRow, Base):
    """A proposal. `content` is its contract, `basis` what it is merged by; `sightings` name each time it was seen, once.

    `import_id` is the past chat that it was first seen in, none where that was the desk; `answered_by` the source that has an exact
    answer to its question by now.
    """

    __tablename__ = "proposals"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "import_id"], [ImportedHistory.tenant_id, ImportedHistory.id]),
        Index(None, "tenant_id", "kind", "state"),
    )

    import_id: Mapped[UUID | None]
    origin: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, default="proposed")
    language: Mapped[str | None] = mapped_column(Text)
    content: Mapped[dict[str, object]] = mapped_column(JSONB)
    basis: Mapped[dict[str, object]] = mapped_column(JSONB)
    sightings: Mapped[list[str]] = mapped_column(JSONB)
    seen: Mapped[int]
    last_seen_on: Mapped[date]
    answered_by: Mapped[UUID | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None]
    source_id: Mapped[UUID | None]
