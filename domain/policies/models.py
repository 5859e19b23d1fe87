"""Policies: what a tenant allows, one row a kind, versioned."""

from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, TenantRow


class Policy(TenantRow, Base):
    """One policy, e.g. `data_use`, `retention`, `linking`."""

    __tablename__ = "policies"
    __table_args__ = (UniqueConstraint("tenant_id", "kind"), ForeignKeyConstraint(["tenant_id"], ["tenants.id"]))

    kind: Mapped[str] = mapped_column(Text)
    value: Mapped[dict[str, object]] = mapped_column(JSONB)
    version: Mapped[int] = mapped_column(default=1)
    updated_by: Mapped[UUID | None]
