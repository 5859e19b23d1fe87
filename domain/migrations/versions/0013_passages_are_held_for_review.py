"""Passages that speak to the assistant are held until an admin has looked, and sources say how long reading still takes"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from core.db.rls import tenant_table

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.add_column("knowledge_chunks", sa.Column("review", sa.Text(), nullable=True))
    op.add_column("knowledge_chunks", sa.Column("signs", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column("knowledge_chunks", sa.Column("text_sha256", sa.Text(), nullable=True))
    op.create_index(
        "knowledge_chunks_review",
        "knowledge_chunks",
        ["tenant_id", "text_sha256"],
        postgresql_where="review is not null",
    )
    for name in ("held", "left_out", "pages_done"):
        op.add_column("knowledge_sources", sa.Column(name, sa.Integer(), server_default="0", nullable=False))
    op.add_column("knowledge_sources", sa.Column("seconds_left", sa.Integer(), nullable=True))
    op.create_table(
        "knowledge_decisions",
        sa.Column("text_sha256", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("knowledge_decisions_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("knowledge_decisions_pkey")),
        sa.UniqueConstraint("tenant_id", "text_sha256", name=op.f("knowledge_decisions_tenant_id_text_sha256_key")),
    )
    for statement in tenant_table("knowledge_decisions"):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("knowledge_decisions")
    for name in ("seconds_left", "pages_done", "left_out", "held"):
        op.drop_column("knowledge_sources", name)
    op.drop_index("knowledge_chunks_review", table_name="knowledge_chunks")
    for name in ("text_sha256", "signs", "review"):
        op.drop_column("knowledge_chunks", name)
