"""Pages of the web, read again on a schedule, and the versions of a source"""

import sqlalchemy as sa
from alembic import op

from core.db.rls import tenant_table

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for name, kind in (
        ("parent_id", sa.Uuid()),
        ("sync_hours", sa.Integer()),
        ("crawl_pages", sa.Integer()),
        ("fetched_at", sa.DateTime(timezone=True)),
        ("etag", sa.Text()),
        ("modified", sa.Text()),
        ("content_sha256", sa.Text()),
        ("live_version", sa.Integer()),
    ):
        op.add_column("knowledge_sources", sa.Column(name, kind, nullable=True))
    op.add_column("knowledge_sources", sa.Column("live_chunks", sa.Integer(), server_default="0", nullable=False))
    _present_sources_are_live()
    op.create_foreign_key(
        "knowledge_sources_parent_fkey", "knowledge_sources", "knowledge_sources",
        ["tenant_id", "parent_id"], ["tenant_id", "id"],
    )  # fmt: skip
    op.create_index(
        "knowledge_sources_same_page", "knowledge_sources", ["tenant_id", "url"], unique=True,
        postgresql_where=sa.text("state <> 'removed' and url is not null"),
    )  # fmt: skip
    op.create_index("knowledge_sources_pages_of", "knowledge_sources", ["tenant_id", "parent_id"])
    op.add_column("draft_passages", sa.Column("source_url", sa.Text(), nullable=True))
    op.add_column("knowledge_chunks", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.drop_constraint("knowledge_chunks_tenant_id_source_id_position_key", "knowledge_chunks")
    op.create_unique_constraint(
        "knowledge_chunks_tenant_id_source_id_version_position_key", "knowledge_chunks",
        ["tenant_id", "source_id", "version", "position"],
    )  # fmt: skip
    op.create_table(
        "knowledge_versions",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("mime", sa.Text(), nullable=True),
        sa.Column("size", sa.Integer(), nullable=True),
        sa.Column("content_sha256", sa.Text(), nullable=True),
        sa.Column("blob_key", sa.Text(), nullable=True),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("chunks", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "source_id"],
            ["knowledge_sources.tenant_id", "knowledge_sources.id"],
            name=op.f("knowledge_versions_tenant_id_source_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("knowledge_versions_pkey")),
        sa.UniqueConstraint(
            "tenant_id", "source_id", "version", name=op.f("knowledge_versions_tenant_id_source_id_version_key")
        ),
    )
    for statement in tenant_table("knowledge_versions"):
        op.execute(statement)


def _present_sources_are_live() -> None:
    """Until now each source had one version, the first. The owner of the tables is bound by their policies, too, but for this moment."""
    op.execute("alter table knowledge_sources no force row level security")
    op.execute("update knowledge_sources set live_version = 1, live_chunks = chunks_done where state = 'ready'")
    op.execute("alter table knowledge_sources force row level security")


def _only_live_chunks_stay() -> None:
    for action in ("no force", "force"):
        for table in ("knowledge_sources", "knowledge_chunks"):
            op.execute(f"alter table {table} {action} row level security")
        if action == "no force":
            op.execute(
                "delete from knowledge_chunks c using knowledge_sources s where s.tenant_id = c.tenant_id"
                " and s.id = c.source_id and c.version is distinct from s.live_version"
            )


def downgrade() -> None:
    op.drop_column("draft_passages", "source_url")
    op.drop_table("knowledge_versions")
    _only_live_chunks_stay()
    op.drop_constraint("knowledge_chunks_tenant_id_source_id_version_position_key", "knowledge_chunks")
    op.drop_column("knowledge_chunks", "version")
    op.create_unique_constraint(
        "knowledge_chunks_tenant_id_source_id_position_key", "knowledge_chunks", ["tenant_id", "source_id", "position"]
    )
    op.drop_index("knowledge_sources_pages_of", "knowledge_sources")
    op.drop_index("knowledge_sources_same_page", "knowledge_sources")
    op.drop_constraint("knowledge_sources_parent_fkey", "knowledge_sources")
    for name in (
        "live_chunks", "live_version", "content_sha256", "modified", "etag", "fetched_at", "crawl_pages", "sync_hours", "parent_id"
    ):  # fmt: skip
        op.drop_column("knowledge_sources", name)
