"""Channels know their risk, stop and health"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_COLUMNS = (
    ("risk_accepted_at", sa.DateTime(timezone=True)),
    ("risk_accepted_by", sa.Uuid()),
    ("risk_text_version", sa.Text()),
    ("stopped_reason", sa.Text()),
    ("stopped_at", sa.DateTime(timezone=True)),
    ("asked", sa.Text()),
    ("asked_at", sa.DateTime(timezone=True)),
    ("health", postgresql.JSONB(astext_type=sa.Text())),
    ("health_at", sa.DateTime(timezone=True)),
)


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for name, kind in _COLUMNS:
        op.add_column("channels", sa.Column(name, kind, nullable=True))
    op.create_index(
        "channels_one_of_a_number",
        "channels",
        ["tenant_id", "address"],
        unique=True,
        postgresql_where=sa.text("address is not null"),
    )


def downgrade() -> None:
    op.drop_index("channels_one_of_a_number", "channels")
    for name, _ in reversed(_COLUMNS):
        op.drop_column("channels", name)
