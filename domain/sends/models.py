"""The outbox: one row a part, and each row leaves at most once (law 1)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, TenantRow


class Send(TenantRow, Base):
    """One part of an approved draft on its way out; states and transitions as in design section 4."""

    __tablename__ = "sends"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "chat_id"], ["chats.tenant_id", "chats.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["tenant_id", "draft_id"], ["drafts.tenant_id", "drafts.id"]),
        Index(
            "sends_part_once", "tenant_id", "draft_id", "part", unique=True, postgresql_where=text("retry_of is null")
        ),
        Index("sends_retry_once", "tenant_id", "retry_of", unique=True, postgresql_where=text("retry_of is not null")),
        Index(
            "sends_one_in_hand",
            "tenant_id",
            "chat_id",
            unique=True,
            postgresql_where=text("status in ('leased', 'armed')"),
        ),
        Index("sends_picture", "tenant_id", "picture_key", postgresql_where=text("picture_key is not null")),
        Index("sends_queue", "tenant_id", "channel_id", "status", "queued_at"),
        Index("sends_armed", "tenant_id", "channel_id", "armed_at", postgresql_where=text("armed_at is not null")),
    )

    chat_id: Mapped[UUID]
    channel_id: Mapped[UUID]
    draft_id: Mapped[UUID]
    part: Mapped[int]
    parts_total: Mapped[int]
    text: Mapped[str] = mapped_column(Text)
    text_sha256: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, default="queued")
    chat_version: Mapped[int]
    automatic: Mapped[bool] = mapped_column(default=False)
    approved_by: Mapped[UUID | None]
    retry_of: Mapped[UUID | None]
    queued_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    epoch: Mapped[int | None]
    device_id: Mapped[UUID | None]
    installation_id: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    arming: Mapped[UUID | None]
    armed_at: Mapped[datetime | None]
    click_deadline_at: Mapped[datetime | None]
    tail_external_id: Mapped[str | None] = mapped_column(Text)
    external_id: Mapped[str | None] = mapped_column(Text)
    message_id: Mapped[UUID | None]
    sent_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    read_at: Mapped[datetime | None]
    settled_by: Mapped[UUID | None]
    error_code: Mapped[str | None] = mapped_column(Text)
    error_detail: Mapped[str | None] = mapped_column(Text)
    screenshot: Mapped[str | None] = mapped_column(Text)
    picture_key: Mapped[str | None] = mapped_column(Text)
    wait_code: Mapped[str | None] = mapped_column(Text)
    wait_until: Mapped[datetime | None]
