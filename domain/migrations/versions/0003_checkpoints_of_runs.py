"""Checkpoints of runs

The tables are those of langgraph-checkpoint-postgres 3.2.0 (its migration 9), in a schema of their own and without the indexes on
`thread_id`, which every primary key begins with. A test compares them with what the library itself makes.
"""

from alembic import op

from core.db.rls import APP_ROLE

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TABLES = {
    "checkpoints": """
        thread_id text NOT NULL,
        checkpoint_ns text NOT NULL DEFAULT '',
        checkpoint_id text NOT NULL,
        parent_checkpoint_id text,
        type text,
        checkpoint jsonb NOT NULL,
        metadata jsonb NOT NULL DEFAULT '{}',
        PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id)""",
    "checkpoint_blobs": """
        thread_id text NOT NULL,
        checkpoint_ns text NOT NULL DEFAULT '',
        channel text NOT NULL,
        version text NOT NULL,
        type text NOT NULL,
        blob bytea,
        PRIMARY KEY (thread_id, checkpoint_ns, channel, version)""",
    "checkpoint_writes": """
        thread_id text NOT NULL,
        checkpoint_ns text NOT NULL DEFAULT '',
        checkpoint_id text NOT NULL,
        task_id text NOT NULL,
        idx integer NOT NULL,
        channel text NOT NULL,
        type text,
        blob bytea NOT NULL,
        task_path text NOT NULL DEFAULT '',
        PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, idx)""",
}
_OWN = "split_part(thread_id, ':', 1) = nullif(current_setting('app.tenant_id', true), '')"


def upgrade() -> None:
    op.execute("CREATE SCHEMA graph")
    op.execute(f"GRANT USAGE ON SCHEMA graph TO {APP_ROLE}")
    for table, columns in _TABLES.items():
        op.execute(f"CREATE TABLE graph.{table} ({columns})")
        op.execute(f"ALTER TABLE graph.{table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE graph.{table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY tenant_rows ON graph.{table} USING ({_OWN}) WITH CHECK ({_OWN})")
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON graph.{table} TO {APP_ROLE}")


def downgrade() -> None:
    op.execute("DROP SCHEMA graph CASCADE")
