"""Law 6: no query sees another tenant's row, and no process starts under a role that could."""

from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from core.contracts.ids import new_id
from core.db.rls import APP_ROLE, tenant_table
from core.db.roles import await_schema, refuse_powerful_role
from core.db.session import Database, create_engine
from core.errors import SetupError
from tests.conftest import DatabaseUrls

COUNT = text("select count(*) from contacts")
INSERT = text("insert into contacts (tenant_id, id) values (:tenant, :id)")
PLAIN = {"directory", "due", "embedding_models", "alembic_version"}


async def test_each_tenant_sees_its_own_rows_and_nobody_sees_without_one(
    db: Database, tenant: UUID, other_tenant: UUID
) -> None:
    async with db.unit_of_work(tenant) as session:
        await session.execute(INSERT, {"tenant": tenant, "id": new_id()})
    async with db.unit_of_work(tenant) as session:
        assert (await session.execute(COUNT)).scalar_one() == 1
    async with db.unit_of_work(other_tenant) as session:
        assert (await session.execute(COUNT)).scalar_one() == 0
    async with db.without_tenant() as session:
        assert (await session.execute(COUNT)).scalar_one() == 0


async def test_a_row_cannot_be_written_for_another_tenant(db: Database, tenant: UUID, other_tenant: UUID) -> None:
    with pytest.raises(DBAPIError, match="row-level security"):
        async with db.unit_of_work(tenant) as session:
            await session.execute(INSERT, {"tenant": other_tenant, "id": new_id()})


async def test_every_table_but_the_named_ones_forces_its_policy(admin: AsyncEngine) -> None:
    question = text(
        "select relname from pg_class c join pg_namespace n on n.oid = relnamespace where nspname = 'public' "
        "and relkind in ('r', 'p') and not (relrowsecurity and relforcerowsecurity)"
    )
    async with admin.connect() as connection:
        assert set((await connection.execute(question)).scalars()) == PLAIN


async def test_the_app_role_starts_and_powerful_roles_are_refused(
    database_urls: DatabaseUrls, admin: AsyncEngine
) -> None:
    for url, fault in ((database_urls.admin, "owns tables"), (database_urls.superuser, "superuser")):
        engine = create_engine(url)
        with pytest.raises(SetupError, match=fault):
            await refuse_powerful_role(engine)
        await engine.dispose()
    engine = create_engine(database_urls.app)
    await refuse_powerful_role(engine)
    async with admin.begin() as connection:
        await connection.execute(text(f"alter role {APP_ROLE} bypassrls"))
    try:
        with pytest.raises(SetupError, match="bypass"):
            await refuse_powerful_role(engine)
    finally:
        async with admin.begin() as connection:
            await connection.execute(text(f"alter role {APP_ROLE} nobypassrls"))
        await engine.dispose()


async def test_waiting_for_the_schema_says_what_is_missing(app_engine: AsyncEngine) -> None:
    await await_schema(app_engine, "0001", 1)
    with pytest.raises(SetupError, match="needs 9999"):
        await await_schema(app_engine, "9999", 0.1)
    nowhere = create_engine("postgresql://nobody:x@127.0.0.1:1/none")
    with pytest.raises(SetupError, match="does not answer"):
        await await_schema(nowhere, "0001", 0.1)


def test_names_are_never_sql() -> None:
    with pytest.raises(ValueError, match="identifier"):
        tenant_table("chats; drop table users")
