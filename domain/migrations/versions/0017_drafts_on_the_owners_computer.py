"""Drafts that are made on the owner's computer, with the owner's own AI key"""

import sqlalchemy as sa
from alembic import op

from core.db.rls import tenant_table

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.add_column("channels", sa.Column("own_key", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_table(
        "owner_drafts",
        sa.Column("chat_id", sa.Uuid(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("chat_version", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("text_sha256", sa.Text(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=True),
        sa.Column("provider", sa.Text(), nullable=True),
        sa.Column("model", sa.Text(), nullable=True),
        sa.Column("tokens_used", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "chat_id"],
            ["chats.tenant_id", "chats.id"],
            name=op.f("owner_drafts_tenant_id_chat_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("owner_drafts_pkey")),
    )
    op.create_index(
        "owner_drafts_one_open", "owner_drafts", ["tenant_id", "chat_id"], unique=True,
        postgresql_where=sa.text("state in ('waiting', 'ready', 'failed')"),
    )  # fmt: skip
    for statement in tenant_table("owner_drafts"):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("owner_drafts")
    op.drop_column("channels", "own_key")
