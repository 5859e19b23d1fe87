"""The checkpoint tables: the library's own, shut to other tenants."""

from uuid import UUID

import psycopg
import pytest
from langgraph.checkpoint.base import CheckpointTuple, empty_checkpoint
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg.errors import InsufficientPrivilege
from psycopg.rows import DictRow, dict_row
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from core.contracts.ids import new_id
from graph.checkpoint import TABLES, TenantSaver, thread_of
from tests.conftest import DatabaseUrls

COLUMNS = """
    select table_name, column_name, data_type, is_nullable from information_schema.columns
    where table_schema = %s and table_name = any(%s) order by 1, 2"""
KEYS = """
    select c.conrelid::regclass::text as t, pg_get_constraintdef(c.oid) as d from pg_constraint c
    join pg_namespace n on n.oid = c.connamespace where n.nspname = %s and c.contype = 'p' order by 2"""


async def put(saver: TenantSaver, thread_id: str) -> None:
    """Write one checkpoint with a value that needs a blob."""
    checkpoint = empty_checkpoint()
    checkpoint["channel_values"] = {"parts": ["a", "b"], "calls": [{"id": "1"}]}
    checkpoint["channel_versions"] = {"parts": "1", "calls": "1"}
    config = {"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}}
    await saver.aput(config, checkpoint, {"source": "loop", "step": 1}, {"parts": "1"})  # type: ignore[arg-type]


async def get(saver: TenantSaver, thread_id: str) -> CheckpointTuple | None:
    return await saver.aget_tuple({"configurable": {"thread_id": thread_id}})


async def test_only_its_tenant_sees_or_writes_a_thread(
    app_engine: AsyncEngine, tenant: UUID, other_tenant: UUID
) -> None:
    mine, theirs = TenantSaver(app_engine, tenant), TenantSaver(app_engine, other_tenant)
    thread = thread_of(tenant, new_id())
    await put(mine, thread)

    found = await get(mine, thread)
    assert found is not None
    assert found.checkpoint["channel_values"]["parts"] == ["a", "b"]
    assert await get(theirs, thread) is None
    await theirs.adelete_thread(thread)
    assert await get(mine, thread) is not None
    with pytest.raises(InsufficientPrivilege):
        await put(theirs, thread_of(tenant, new_id()))
    async with app_engine.connect() as connection:
        for table in TABLES:
            assert (await connection.execute(text(f"select count(*) from graph.{table}"))).scalar_one() == 0  # noqa: S608

    await mine.adelete_thread(thread)
    assert await get(mine, thread) is None


async def test_borrowed_connection_goes_back_as_it_came(app_engine: AsyncEngine, tenant: UUID) -> None:
    await put(TenantSaver(app_engine, tenant), thread_of(tenant, new_id()))
    async with app_engine.connect() as connection:
        left = await connection.execute(
            text(
                "select current_setting('app.tenant_id', true), current_setting('search_path'), current_setting('synchronous_commit')"
            )
        )
        tenant_id, path, _ = left.one()
    assert not tenant_id
    assert path == '"$user", public'


async def test_tables_are_those_that_the_library_makes(database_urls: DatabaseUrls) -> None:
    connection: psycopg.AsyncConnection[DictRow] = await psycopg.AsyncConnection.connect(
        database_urls.superuser, autocommit=True, row_factory=dict_row
    )
    async with connection:
        await connection.execute("create schema library")
        await connection.execute("set search_path = library")
        await AsyncPostgresSaver(connection).setup()
        await connection.execute("set search_path = public")

        async def shape(schema: str) -> tuple[list[DictRow], list[str]]:
            columns = await (await connection.execute(COLUMNS, (schema, list(TABLES)))).fetchall()
            keys = await (await connection.execute(KEYS, (schema,))).fetchall()
            return columns, [row["d"] for row in keys if row["t"].split(".")[-1] in TABLES]

        assert await shape("graph") == await shape("library")
