"""Channels: the business's numbers, and which bridge holds each of them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, TenantRow


class Channel(TenantRow, Base):
    """One number. `epoch` rises with every new holder; `guard_until` keeps it from passing on while a send is armed.

    `stopped_*` lasts until a person resumes. `asked` is handed to the holder once. `health` is what it told last of itself.
    """

    __tablename__ = "channels"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"]),
        Index(
            "channels_one_of_a_number",
            "tenant_id",
            "address",
            unique=True,
            postgresql_where=text("address is not null"),
        ),
    )

    kind: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    address: Mapped[str | None] = mapped_column(Text)
    mode: Mapped[str] = mapped_column(Text, default="draft")
    timezone: Mapped[str] = mapped_column(Text, default="UTC")
    state: Mapped[str] = mapped_column(Text, default="offline")
    state_detail: Mapped[str | None] = mapped_column(Text)
    linked_at: Mapped[datetime | None]
    last_seen_at: Mapped[datetime | None]
    holder_device_id: Mapped[UUID | None]
    holder_installation_id: Mapped[UUID | None]
    epoch: Mapped[int] = mapped_column(default=0)
    lease_until: Mapped[datetime | None]
    guard_until: Mapped[datetime | None]
    risk_accepted_at: Mapped[datetime | None]
    risk_accepted_by: Mapped[UUID | None]
    risk_text_version: Mapped[str | None] = mapped_column(Text)
    stopped_reason: Mapped[str | None] = mapped_column(Text)
    stopped_at: Mapped[datetime | None]
    asked: Mapped[str | None] = mapped_column(Text)
    asked_at: Mapped[datetime | None]
    health: Mapped[dict[str, object] | None] = mapped_column(JSONB)
    health_at: Mapped[datetime | None]
    own_key: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    choice: Mapped[str] = mapped_column(Text, default="new_writers")
    choice_named: Mapped[int] = mapped_column(default=0)
    choice_unclear: Mapped[int] = mapped_column(default=0)
