"""Drafts that are made on the owner's computer. No column could hold what was asked or answered there."""

from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, TenantRow


class OwnerDraft(TenantRow, Base):
    """One draft with the owner's own key. It is open while `state` is waiting, ready or failed; a chat has one open at most."""

    __tablename__ = "owner_drafts"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "chat_id"], ["chats.tenant_id", "chats.id"], ondelete="CASCADE"),
        Index(
            "owner_drafts_one_open",
            "tenant_id",
            "chat_id",
            unique=True,
            postgresql_where=text("state in ('waiting', 'ready', 'failed')"),
        ),
    )

    chat_id: Mapped[UUID]
    channel_id: Mapped[UUID]
    run_id: Mapped[UUID]
    chat_version: Mapped[int]
    state: Mapped[str] = mapped_column(Text, default="waiting")
    text_sha256: Mapped[str | None] = mapped_column(Text)
    verdict: Mapped[str | None] = mapped_column(Text)
    provider: Mapped[str | None] = mapped_column(Text)
    model: Mapped[str | None] = mapped_column(Text)
    tokens_used: Mapped[int] = mapped_column(default=0)
    code: Mapped[str | None] = mapped_column(Text)
