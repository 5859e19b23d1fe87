"""Devices (bridges) and the codes that pair them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, TenantRow


class Device(TenantRow, Base):
    """A paired bridge; its token is stored hashed and can be revoked."""

    __tablename__ = "devices"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "channel_id"], ["channels.tenant_id", "channels.id"]),)

    channel_id: Mapped[UUID]
    name: Mapped[str] = mapped_column(Text)
    token_sha256: Mapped[str] = mapped_column(Text)
    app_version: Mapped[str] = mapped_column(Text)
    protocol: Mapped[int]
    paired_at: Mapped[datetime]
    last_seen_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class Pairing(TenantRow, Base):
    """A code for one pairing, hashed, with an end."""

    __tablename__ = "pairings"
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "channel_id"], ["channels.tenant_id", "channels.id"]),)

    channel_id: Mapped[UUID]
    code_hash: Mapped[str] = mapped_column(Text)
    created_by: Mapped[UUID]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    device_id: Mapped[UUID | None]
