"""Pictures of stopped sends"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.add_column("sends", sa.Column("picture_key", sa.Text(), nullable=True))
    op.create_index(
        "sends_picture", "sends", ["tenant_id", "picture_key"], postgresql_where=sa.text("picture_key is not null")
    )


def downgrade() -> None:
    op.drop_index("sends_picture", "sends")
    op.drop_column("sends", "picture_key")
