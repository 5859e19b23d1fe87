"""Past chats propose answers, a tone and eval cases"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from core.db.rls import tenant_table

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_TABLES = ("history_imports", "history_proposals")


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.create_table(
        "history_imports",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("business", sa.Text(), nullable=False),
        sa.Column("business_known_by", sa.Text(), nullable=False),
        sa.Column("date_order", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("redacted", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("tone", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("imported_by", sa.Uuid(), nullable=False),
        *_row(),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("history_imports_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("history_imports_pkey")),
        sa.UniqueConstraint("tenant_id", "sha256", name=op.f("history_imports_tenant_id_sha256_key")),
    )
    op.create_table(
        "history_proposals",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=True),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("basis", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sightings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("seen", sa.Integer(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("source_id", sa.Uuid(), nullable=True),
        *_row(),
        sa.ForeignKeyConstraint(
            ["tenant_id", "import_id"],
            ["history_imports.tenant_id", "history_imports.id"],
            name=op.f("history_proposals_tenant_id_import_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("history_proposals_pkey")),
    )
    op.create_index(
        op.f("history_proposals_tenant_id_kind_state_idx"), "history_proposals", ["tenant_id", "kind", "state"]
    )
    for table in _TABLES:
        for statement in tenant_table(table):
            op.execute(statement)


def _row() -> list[sa.Column[object]]:
    return [
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    ]


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)
