"""The signs of each vector, which large tenants are searched by first, in place of the HNSW indexes"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

PLAIN_WIDTH = 3700

# As in 0012, but planned for the tenant that asks, since a plan for any tenant reads all keys of the tenant again for each word; a word
# tells nothing above 1,000 chunks; and where no word tells and enough chunks hold them all, no other is read.
SEARCH_CHUNKS = r"""CREATE OR REPLACE FUNCTION search_chunks(terms text[], query_config text, total integer, most integer)
RETURNS TABLE (id uuid, coverage real)
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 80
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
DECLARE
    tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
    common bigint := least(greatest(500, total / 10), 1000);
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
        SELECT a.query, array(
            SELECT c.id FROM public.knowledge_chunks c WHERE c.tenant_id = tenant AND c.search @@ a.query LIMIT common
        ) AS ids
        FROM asked a
    ),
    counted AS MATERIALIZED (
        SELECT m.query, m.ids, ln(1 + (greatest(total, h.held) - h.held + 0.5) / (h.held + 0.5)) AS weight, h.held < common AS tells
        FROM met m CROSS JOIN LATERAL (SELECT cardinality(m.ids)::float8 AS held) AS h
    ),
    telling AS MATERIALIZED (
        SELECT c.query, c.ids, c.weight, c.tells FROM counted c WHERE c.tells OR NOT EXISTS (SELECT 1 FROM counted o WHERE o.tells)
    ),
    every AS MATERIALIZED (
        SELECT c.id FROM (
            SELECT string_agg('(' || t.query::text || ')', ' & ')::tsquery AS query FROM telling t HAVING NOT bool_or(t.tells)
        ) AS a CROSS JOIN LATERAL (
            SELECT c.id FROM public.knowledge_chunks c WHERE c.tenant_id = tenant AND c.search @@ a.query LIMIT most
        ) AS c
    ),
    hits AS (
        SELECT m.id, t.weight FROM telling t CROSS JOIN LATERAL unnest(t.ids) AS m(id) WHERE t.tells
        UNION ALL
        SELECT e.id, t.weight FROM every e CROSS JOIN telling t WHERE (SELECT count(*) FROM every) >= most
        UNION ALL
        SELECT h.id, t.weight
        FROM telling t
        CROSS JOIN LATERAL (
            SELECT c.id FROM public.knowledge_chunks c WHERE c.tenant_id = tenant AND c.search @@ t.query
        ) AS h
        WHERE NOT t.tells AND (SELECT count(*) FROM every) < most
    )
    SELECT h.id, (sum(h.weight) / (SELECT sum(t.weight) FROM telling t))::real
    FROM hits h
    GROUP BY h.id
    ORDER BY 2 DESC, 1
    LIMIT most;
END
$$
"""


def _spaces() -> list[tuple[str, int]]:
    """Return every table of vectors with its width: those of migrations, and those that a move between models made."""
    rows = op.get_bind().execute(sa.text("SELECT vectors, width FROM embedding_models ORDER BY name"))
    return [(table, width) for table, width in rows]


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    for table, width in _spaces():
        op.execute(f"DROP INDEX {table}_near")
        if width > PLAIN_WIDTH:
            op.execute(f"ALTER TABLE {table} ALTER COLUMN embedding SET STORAGE EXTERNAL")
        op.execute(
            f"ALTER TABLE {table} ADD COLUMN signs bit({width}) STORAGE PLAIN NOT NULL "
            f"GENERATED ALWAYS AS (binary_quantize(embedding)::bit({width})) STORED"
        )
        op.execute(f"CREATE INDEX {table}_signs ON {table} (tenant_id, id) INCLUDE (signs)")
    op.execute(SEARCH_CHUNKS)


def downgrade() -> None:
    for table, _ in _spaces():
        op.execute(f"ALTER TABLE {table} DROP COLUMN signs")
        op.execute(f"CREATE INDEX {table}_near ON {table} USING hnsw (embedding halfvec_cosine_ops)")
