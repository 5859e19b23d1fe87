"""What AI calls cost in a month has a limit, counted by whose key paid"""

import sqlalchemy as sa
from alembic import op

from core.db.rls import tenant_table

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.add_column("ai_interactions", sa.Column("paid_by", sa.Text(), nullable=False, server_default="house"))
    op.alter_column("ai_interactions", "paid_by", server_default=None)
    op.create_table(
        "ai_spending",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("paid_by", sa.Text(), nullable=False),
        sa.Column("cost_micro", sa.BigInteger(), nullable=False),
        sa.Column("warned_of_micro", sa.BigInteger(), nullable=True),
        sa.Column("ended_at_micro", sa.BigInteger(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("ai_spending_tenant_id_fkey")),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("ai_spending_pkey")),
        sa.UniqueConstraint("tenant_id", "month", "paid_by", name=op.f("ai_spending_tenant_id_month_paid_by_key")),
    )
    for statement in tenant_table("ai_spending"):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("ai_spending")
    op.drop_column("ai_interactions", "paid_by")
