"""Full text and vectors become searchable"""

from alembic import op

from core.db.rls import search_function, search_reader

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SIGNATURE = "search_chunks(text[], text, integer, integer)"

# Weighs each word of a question by how rare it is among the tenant's chunks and returns, per chunk, the share of that weight it holds.
# A word matches a chunk in the chunk's own language. Words without meaning in the question's language weigh nothing, nor do those
# that very many chunks hold, unless the question has no other: fetching their rows is what would cost the time.
FUNCTION = r"""
CREATE FUNCTION search_chunks(terms text[], query_config text, total integer, most integer)
RETURNS TABLE (id uuid, coverage real)
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 80
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
    tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
    common bigint := least(greatest(500, total / 10), 4000);
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
    counted AS MATERIALIZED (
        SELECT a.n, a.query, ln(1 + (greatest(total, f.held) - f.held + 0.5) / (f.held + 0.5)) AS weight, f.held < common AS tells
        FROM asked a
        CROSS JOIN LATERAL (
            SELECT count(*) AS held FROM (
                SELECT 1 FROM public.knowledge_chunks c WHERE c.tenant_id = tenant AND c.search @@ a.query LIMIT common
            ) AS met
        ) AS f
    ),
    telling AS MATERIALIZED (
        SELECT c.n, c.query, c.weight FROM counted c WHERE c.tells OR NOT EXISTS (SELECT 1 FROM counted o WHERE o.tells)
    ),
    hits AS MATERIALIZED (
        SELECT h.id, t.weight
        FROM telling t
        CROSS JOIN LATERAL (
            SELECT c.id FROM public.knowledge_chunks c WHERE c.tenant_id = tenant AND c.search @@ t.query
        ) AS h
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
    op.create_index(
        "knowledge_chunks_search",
        "knowledge_chunks",
        ["search"],
        postgresql_using="gin",
        postgresql_with={"fastupdate": "off"},
    )
    op.create_index("knowledge_chunks_config", "knowledge_chunks", ["tenant_id", "search_config"])
    op.create_index(
        "knowledge_vectors_usem3_512_near",
        "knowledge_vectors_usem3_512",
        ["embedding"],
        postgresql_using="hnsw",
        postgresql_ops={"embedding": "halfvec_cosine_ops"},
    )
    op.create_index("knowledge_vectors_usem3_512_source", "knowledge_vectors_usem3_512", ["tenant_id", "source_id"])
    op.execute(FUNCTION)
    for statement in [
        *search_reader("knowledge_chunks", "tenant_id, id, search_config, search"),
        *search_function(SIGNATURE),
    ]:
        op.execute(statement)


def downgrade() -> None:
    op.execute(f"DROP FUNCTION {SIGNATURE}")
    op.execute("DROP POLICY search_reader ON knowledge_chunks")
    op.execute("REVOKE ALL ON knowledge_chunks FROM waxos_search")
    op.drop_index("knowledge_vectors_usem3_512_source", "knowledge_vectors_usem3_512")
    op.drop_index("knowledge_vectors_usem3_512_near", "knowledge_vectors_usem3_512")
    op.drop_index("knowledge_chunks_config", "knowledge_chunks")
    op.drop_index("knowledge_chunks_search", "knowledge_chunks")
