"""Chats, their messages, the revisions and the files of these."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKeyConstraint, Index, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, TenantRow


class Chat(TenantRow, Base):
    """A conversation. `version` rises with all that makes a pending draft stale; `next_seq` numbers its messages."""

    __tablename__ = "chats"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "channel_id"], ["channels.tenant_id", "channels.id"]),
        ForeignKeyConstraint(["tenant_id", "contact_id"], ["contacts.tenant_id", "contacts.id"]),
        ForeignKeyConstraint(["tenant_id", "assignee_id"], ["users.tenant_id", "users.id"]),
        Index(None, "tenant_id", "last_message_at"),
    )

    channel_id: Mapped[UUID]
    contact_id: Mapped[UUID | None]
    kind: Mapped[str] = mapped_column(Text, default="person")
    title: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, default="open")
    mode: Mapped[str | None] = mapped_column(Text)
    assignee_id: Mapped[UUID | None]
    version: Mapped[int] = mapped_column(default=1)
    next_seq: Mapped[int] = mapped_column(default=1)
    unread: Mapped[int] = mapped_column(default=0)
    language: Mapped[str | None] = mapped_column(Text)
    last_message_at: Mapped[datetime | None]
    last_inbound_at: Mapped[datetime | None]
    last_outbound_at: Mapped[datetime | None]
    answered_seq: Mapped[int] = mapped_column(default=0)
    resolved_seq: Mapped[int] = mapped_column(default=0)
    snoozed_until: Mapped[datetime | None]
    paused_until: Mapped[datetime | None]
    pause_reason: Mapped[str | None] = mapped_column(Text)


class ChatPause(TenantRow, Base):
    """One reason for the machine to rest on a chat; the longest of them is the chat's `paused_until`."""

    __tablename__ = "chat_pauses"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "chat_id"], ["chats.tenant_id", "chats.id"], ondelete="CASCADE"),
        Index(None, "tenant_id", "chat_id"),
    )

    chat_id: Mapped[UUID]
    reason: Mapped[str] = mapped_column(Text)
    message_id: Mapped[UUID | None]
    until: Mapped[datetime]


class Message(TenantRow, Base):
    """One bubble. `external_id` is the bare WhatsApp id; none for text of ours that is not read back yet."""

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("tenant_id", "channel_id", "external_id"),
        UniqueConstraint("tenant_id", "chat_id", "seq"),
        ForeignKeyConstraint(["tenant_id", "chat_id"], ["chats.tenant_id", "chats.id"], ondelete="CASCADE"),
        Index(
            "messages_automatic",
            "tenant_id",
            "chat_id",
            "received_at",
            postgresql_where=text("origin = 'automation'"),
        ),
    )

    chat_id: Mapped[UUID]
    channel_id: Mapped[UUID]
    seq: Mapped[int]
    external_id: Mapped[str | None] = mapped_column(Text)
    direction: Mapped[str] = mapped_column(Text)
    origin: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    text: Mapped[str | None] = mapped_column(Text)
    language: Mapped[str | None] = mapped_column(Text)
    author: Mapped[str | None] = mapped_column(Text)
    received_at: Mapped[datetime]
    wa_at: Mapped[datetime | None]
    wa_timezone: Mapped[str | None] = mapped_column(Text)
    wa_precision: Mapped[str] = mapped_column(Text, default="minute")
    history: Mapped[bool] = mapped_column(default=False)
    tick: Mapped[str | None] = mapped_column(Text)
    send_id: Mapped[UUID | None]
    quoted_text: Mapped[str | None] = mapped_column(Text)
    edited_at: Mapped[datetime | None]
    deleted_at: Mapped[datetime | None]


class MessageRevision(TenantRow, Base):
    """What a message said before an edit or a deletion."""

    __tablename__ = "message_revisions"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "message_id"], ["messages.tenant_id", "messages.id"], ondelete="CASCADE"),
    )

    message_id: Mapped[UUID]
    kind: Mapped[str] = mapped_column(Text)
    text: Mapped[str | None] = mapped_column(Text)
    seen_at: Mapped[datetime]


class Attachment(TenantRow, Base):
    """A file of a message; `blob_key` and what the bytes are (`sniffed`) are set once they are stored, or else `problem`."""

    __tablename__ = "attachments"
    __table_args__ = (
        UniqueConstraint("tenant_id", "message_id", "position"),
        ForeignKeyConstraint(["tenant_id", "message_id"], ["messages.tenant_id", "messages.id"], ondelete="CASCADE"),
    )

    message_id: Mapped[UUID]
    position: Mapped[int]
    mime: Mapped[str] = mapped_column(Text)
    name: Mapped[str | None] = mapped_column(Text)
    size: Mapped[int | None]
    sha256: Mapped[str | None] = mapped_column(Text)
    blob_key: Mapped[str | None] = mapped_column(Text)
    sniffed: Mapped[str | None] = mapped_column(Text)
    problem: Mapped[str | None] = mapped_column(Text)


class AutomationText(TenantRow, Base):
    """An own text of a channel that answers by itself, as it was recognised or as an owner judged it."""

    __tablename__ = "automation_texts"
    __table_args__ = (
        UniqueConstraint("tenant_id", "channel_id", "text_sha256"),
        ForeignKeyConstraint(["tenant_id", "channel_id"], ["channels.tenant_id", "channels.id"]),
    )

    channel_id: Mapped[UUID]
    text_sha256: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    judged_by: Mapped[UUID | None]
    judged_at: Mapped[datetime | None]


class AutomationSighting(TenantRow, Base):
    """One own text that stood at once below a customer's message. Its hash alone is kept until it was seen in enough chats."""

    __tablename__ = "automation_sightings"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "message_id"], ["messages.tenant_id", "messages.id"], ondelete="CASCADE"),
        Index(None, "tenant_id", "channel_id", "text_sha256", "seen_at"),
    )

    channel_id: Mapped[UUID]
    text_sha256: Mapped[str] = mapped_column(Text)
    chat_id: Mapped[UUID]
    message_id: Mapped[UUID]
    seen_at: Mapped[datetime]
