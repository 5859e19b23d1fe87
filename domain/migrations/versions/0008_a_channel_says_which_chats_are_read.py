"""A channel says which chats are read"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.add_column("channels", sa.Column("choice", sa.Text(), nullable=False, server_default="new_writers"))
    op.add_column("channels", sa.Column("choice_named", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("channels", sa.Column("choice_unclear", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    for column in ("choice_unclear", "choice_named", "choice"):
        op.drop_column("channels", column)
