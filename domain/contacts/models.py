"""Contacts: people outside the business, under however many addresses they have (decision 10)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, TenantRow


class Contact(TenantRow, Base):
    """A person who wrote."""

    __tablename__ = "contacts"
    __table_args__ = (ForeignKeyConstraint(["tenant_id"], ["tenants.id"]),)

    display_name: Mapped[str | None] = mapped_column(Text)
    language: Mapped[str | None] = mapped_column(Text)
    timezone: Mapped[str | None] = mapped_column(Text)
    opted_out_at: Mapped[datetime | None]


class ContactAddress(TenantRow, Base):
    """One alias: phone, LID or business-scoped id."""

    __tablename__ = "contact_addresses"
    __table_args__ = (
        UniqueConstraint("tenant_id", "kind", "value"),
        ForeignKeyConstraint(["tenant_id", "contact_id"], ["contacts.tenant_id", "contacts.id"], ondelete="CASCADE"),
    )

    contact_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(Text)
    value: Mapped[str] = mapped_column(Text)
