"""Pauses have reasons, and automatic texts are known"""

import sqlalchemy as sa
from alembic import op

from core.db.rls import tenant_table

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TABLES = ("chat_pauses", "automation_texts", "automation_sightings")


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.add_column("chats", sa.Column("pause_reason", sa.Text(), nullable=True))
    _pauses()
    _texts()
    _sightings()
    op.create_index(
        "messages_automatic",
        "messages",
        ["tenant_id", "chat_id", "received_at"],
        postgresql_where=sa.text("origin = 'automation'"),
    )
    _keep_present_pauses()
    for table in _TABLES:
        for statement in tenant_table(table):
            op.execute(statement)


def _keep_present_pauses() -> None:
    """Give each pause that still runs a row and an end. The owner of the tables is bound by their policies, too, but for this moment."""
    op.execute("alter table chats no force row level security")
    op.execute("update chats set paused_until = null where paused_until <= now()")
    op.execute("update chats set pause_reason = 'hand' where paused_until is not null")
    op.execute(
        "insert into chat_pauses (tenant_id, id, chat_id, reason, until)"
        " select tenant_id, gen_random_uuid(), id, pause_reason, paused_until from chats where paused_until is not null"
    )
    op.execute(
        "insert into due (tenant_id, kind, id, due_at)"
        " select tenant_id, 'chat.resume', id, paused_until from chats where paused_until is not null"
    )
    op.execute("alter table chats force row level security")


def _pauses() -> None:
    op.create_table(
        "chat_pauses",
        sa.Column("chat_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=True),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        *_row(),
        sa.ForeignKeyConstraint(
            ["tenant_id", "chat_id"],
            ["chats.tenant_id", "chats.id"],
            name=op.f("chat_pauses_tenant_id_chat_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("chat_pauses_pkey")),
    )
    op.create_index(op.f("chat_pauses_tenant_id_chat_id_idx"), "chat_pauses", ["tenant_id", "chat_id"])


def _texts() -> None:
    op.create_table(
        "automation_texts",
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("text_sha256", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("judged_by", sa.Uuid(), nullable=True),
        sa.Column("judged_at", sa.DateTime(timezone=True), nullable=True),
        *_row(),
        sa.ForeignKeyConstraint(
            ["tenant_id", "channel_id"],
            ["channels.tenant_id", "channels.id"],
            name=op.f("automation_texts_tenant_id_channel_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("automation_texts_pkey")),
        sa.UniqueConstraint(
            "tenant_id",
            "channel_id",
            "text_sha256",
            name=op.f("automation_texts_tenant_id_channel_id_text_sha256_key"),
        ),
    )


def _sightings() -> None:
    op.create_table(
        "automation_sightings",
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("text_sha256", sa.Text(), nullable=False),
        sa.Column("chat_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        *_row(),
        sa.ForeignKeyConstraint(
            ["tenant_id", "message_id"],
            ["messages.tenant_id", "messages.id"],
            name=op.f("automation_sightings_tenant_id_message_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("automation_sightings_pkey")),
    )
    op.create_index(
        op.f("automation_sightings_tenant_id_channel_id_text_sha256_seen_at_idx"),
        "automation_sightings",
        ["tenant_id", "channel_id", "text_sha256", "seen_at"],
    )


def _row() -> list[sa.Column[object]]:
    return [
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    ]


def downgrade() -> None:
    op.execute("delete from due where kind in ('chat.resume', 'automation.settle')")
    op.execute("alter table messages no force row level security")
    op.execute("update messages set origin = 'phone' where origin = 'automation'")
    op.execute("alter table messages force row level security")
    op.drop_index("messages_automatic", "messages")
    for table in reversed(_TABLES):
        op.drop_table(table)
    op.drop_column("chats", "pause_reason")
