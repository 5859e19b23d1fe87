"""Files of messages say what they are, or why they are not there"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.add_column("attachments", sa.Column("sniffed", sa.Text(), nullable=True))
    op.add_column("attachments", sa.Column("problem", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("attachments", "problem")
    op.drop_column("attachments", "sniffed")
