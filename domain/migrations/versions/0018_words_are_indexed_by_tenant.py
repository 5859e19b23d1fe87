"""Words are indexed by tenant, and one plan serves every search by words"""

from importlib import import_module

import sqlalchemy as sa
from alembic import op

from core.db.rls import search_function

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

SIGNATURE = "search_chunks(text[], text, integer, integer)"

# The hash of a word, another for each tenant, so that a look into the index reads the chunks of nobody else.
WORD_KEYS = """CREATE FUNCTION word_keys(tenant uuid, words text[]) RETURNS bigint[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1
RETURN array(SELECT hashtextextended(word, uuid_hash_extended(tenant, 0)) FROM unnest(words) AS word)
"""

# As in 0015, but by keys that hold the tenant, so that one plan is good for all. Pages cost next to nothing there: what is searched is in
# memory, and with pages dear the planner reads all keys of the tenant again for each word.
SEARCH_CHUNKS = r"""CREATE OR REPLACE FUNCTION search_chunks(terms text[], query_config text, total integer, most integer)
RETURNS TABLE (id uuid, coverage real)
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 80
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET random_page_cost = 0.02
SET seq_page_cost = 0.02
AS $$
#variable_conflict use_column
DECLARE
    tenant uuid := nullif(current_setting('app.tenant_id', true), '')::uuid;
    common bigint := least(greatest(500, total / 10), 1000);
    found_ids uuid[];
    found_coverages real[];
    any_tells boolean;
    all_keys text[];
    all_weights float8[];
    every text;
BEGIN
    IF tenant IS NULL THEN
        RAISE EXCEPTION 'no tenant is set in this transaction' USING ERRCODE = 'insufficient_privilege';
    END IF;
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
        SELECT array_agg(DISTINCT k.key) AS keys
        FROM stems s CROSS JOIN LATERAL unnest(public.word_keys(tenant, s.lexemes)) AS k(key)
        WHERE NOT EXISTS (SELECT 1 FROM idle i WHERE i.n = s.n)
        GROUP BY s.n
    ),
    met AS MATERIALIZED (
        SELECT a.keys, array(
            SELECT c.id FROM public.knowledge_chunks c
            WHERE c.tenant_id = tenant AND public.word_keys(c.tenant_id, tsvector_to_array(c.search)) && a.keys LIMIT common
        ) AS ids
        FROM asked a
    ),
    counted AS MATERIALIZED (
        SELECT m.keys, m.ids, ln(1 + (greatest(total, h.held) - h.held + 0.5) / (h.held + 0.5)) AS weight, h.held < common AS tells
        FROM met m CROSS JOIN LATERAL (SELECT cardinality(m.ids)::float8 AS held) AS h
    ),
    best AS MATERIALIZED (
        SELECT h.id, (sum(c.weight) / (SELECT sum(t.weight) FROM counted t WHERE t.tells))::real AS coverage
        FROM counted c CROSS JOIN LATERAL unnest(c.ids) AS h(id)
        WHERE c.tells
        GROUP BY h.id
        ORDER BY 2 DESC, 1
        LIMIT most
    )
    SELECT b.ids, b.coverages, c.tells, c.keys, c.weights INTO found_ids, found_coverages, any_tells, all_keys, all_weights
    FROM (SELECT array_agg(b.id) AS ids, array_agg(b.coverage) AS coverages FROM best b) AS b
    CROSS JOIN (SELECT bool_or(c.tells) AS tells, array_agg(c.keys::text) AS keys, array_agg(c.weight) AS weights FROM counted c) AS c;
    IF any_tells IS NULL OR any_tells THEN
        RETURN QUERY SELECT f.id, f.coverage FROM unnest(found_ids, found_coverages) AS f(id, coverage);
        RETURN;
    END IF;
    SELECT string_agg(format('public.word_keys(c.tenant_id, tsvector_to_array(c.search)) && %L::bigint[]', k.keys), ' AND ')
    INTO every FROM unnest(all_keys) AS k(keys);
    EXECUTE format(
        'SELECT array(SELECT c.id FROM public.knowledge_chunks c WHERE c.tenant_id = $1 AND %s LIMIT $2)', every
    ) INTO found_ids USING tenant, most;
    IF cardinality(found_ids) >= most THEN
        RETURN QUERY SELECT f.id, 1::real FROM unnest(found_ids) AS f(id) ORDER BY 1;
        RETURN;
    END IF;
    RETURN QUERY
    SELECT h.id, (sum(t.weight) / (SELECT sum(w.weight) FROM unnest(all_weights) AS w(weight)))::real
    FROM unnest(all_keys, all_weights) AS t(keys, weight)
    CROSS JOIN LATERAL (
        SELECT c.id FROM public.knowledge_chunks c
        WHERE c.tenant_id = tenant AND public.word_keys(c.tenant_id, tsvector_to_array(c.search)) && t.keys::bigint[]
    ) AS h
    GROUP BY h.id
    ORDER BY 2 DESC, 1
    LIMIT most;
END
$$
"""


def upgrade() -> None:
    op.execute("set local lock_timeout = '5s'")
    op.execute(WORD_KEYS)
    op.execute(
        "CREATE INDEX knowledge_chunks_words ON knowledge_chunks USING gin (word_keys(tenant_id, tsvector_to_array(search))) "
        "WITH (fastupdate = off)"
    )
    # Statistics of the keys would tell the planner nothing that it may use, and cost as much as the index.
    parts = sa.text(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'knowledge_chunks_words'::regclass"
    )
    for part in list(op.get_bind().execute(parts).scalars()):
        op.execute(f"ALTER INDEX {part} ALTER COLUMN 1 SET STATISTICS 0")
    op.execute(SEARCH_CHUNKS)
    op.execute("DROP INDEX knowledge_chunks_search")


def downgrade() -> None:
    op.execute("CREATE INDEX knowledge_chunks_search ON knowledge_chunks USING gin (search) WITH (fastupdate = off)")
    op.execute(f"DROP FUNCTION {SIGNATURE}")
    op.execute(import_module("domain.migrations.versions.0015_signs_of_vectors").SEARCH_CHUNKS)
    for statement in search_function(SIGNATURE):
        op.execute(statement)
    op.execute("DROP INDEX knowledge_chunks_words")
    op.execute("DROP FUNCTION word_keys(uuid, text[])")
