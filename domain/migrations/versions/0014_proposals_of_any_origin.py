"""What is proposed has a table of its own, wherever it was learnt"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_NAMES = (
    ("CONSTRAINT", "history_proposals_pkey", "proposals_pkey"),
    ("CONSTRAINT", "history_proposals_tenant_id_import_id_fkey", "proposals_tenant_id_import_id_fkey"),
)
_INDEX = ("history_proposals_tenant_id_kind_state_idx", "proposals_tenant_id_kind_state_idx")


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.rename_table("history_proposals", "proposals")
    for what, old, new in _NAMES:
        op.execute(f"ALTER TABLE proposals RENAME {what} {old} TO {new}")
    op.execute(f"ALTER INDEX {_INDEX[0]} RENAME TO {_INDEX[1]}")
    op.alter_column("proposals", "import_id", existing_type=sa.Uuid(), nullable=True)
    op.add_column("proposals", sa.Column("origin", sa.Text(), nullable=False, server_default="past_chat"))
    op.alter_column("proposals", "origin", server_default=None)
    op.add_column(
        "proposals", sa.Column("last_seen_on", sa.Date(), nullable=False, server_default=sa.func.current_date())
    )
    op.alter_column("proposals", "last_seen_on", server_default=None)
    op.add_column("proposals", sa.Column("answered_by", sa.Uuid(), nullable=True))


def downgrade() -> None:
    op.execute("DELETE FROM proposals WHERE import_id IS NULL")
    for column in ("answered_by", "last_seen_on", "origin"):
        op.drop_column("proposals", column)
    op.alter_column("proposals", "import_id", existing_type=sa.Uuid(), nullable=False)
    op.execute(f"ALTER INDEX {_INDEX[1]} RENAME TO {_INDEX[0]}")
    for what, old, new in reversed(_NAMES):
        op.execute(f"ALTER TABLE proposals RENAME {what} {new} TO {old}")
    op.rename_table("proposals", "history_proposals")
