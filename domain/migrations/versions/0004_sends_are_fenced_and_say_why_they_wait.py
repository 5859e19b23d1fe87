"""Sends are fenced by their arming and say why they wait"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.add_column("sends", sa.Column("arming", sa.Uuid(), nullable=True))
    op.add_column("sends", sa.Column("screenshot", sa.Text(), nullable=True))
    op.add_column("sends", sa.Column("wait_code", sa.Text(), nullable=True))
    op.add_column("sends", sa.Column("wait_until", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "sends_armed",
        "sends",
        ["tenant_id", "channel_id", "armed_at"],
        postgresql_where=sa.text("armed_at is not null"),
    )


def downgrade() -> None:
    op.drop_index("sends_armed", "sends")
    for column in ("wait_until", "wait_code", "screenshot", "arming"):
        op.drop_column("sends", column)
