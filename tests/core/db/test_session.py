"""The unit of work: a tenant for one transaction, effects after the commit only, and nothing told that was bound to a statement."""

from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core.db.session import Database, Effects, Ring, after_commit, create_engine
from tests.conftest import DatabaseUrls


async def ring(db: Database, tenant: UUID, task: str, *, fails: bool) -> None:
    async with db.unit_of_work(tenant) as session:
        after_commit(session, Ring(task, tenant, tenant))
        if fails:
            raise ZeroDivisionError


async def test_effects_follow_the_commit_and_a_rollback_drops_them(
    db: Database, effects: Effects, tenant: UUID
) -> None:
    with pytest.raises(ZeroDivisionError):
        await ring(db, tenant, "dropped", fails=True)
    await ring(db, tenant, "kept", fails=False)
    assert [one.task for one in effects.seen if isinstance(one, Ring)] == ["kept"]


async def cast_to_number(db: Database, tenant: UUID, value: str) -> None:
    async with db.unit_of_work(tenant) as session:
        await session.execute(text("select cast(:secret as integer)"), {"secret": value})


async def sleep(db: Database, tenant: UUID) -> None:
    async with db.unit_of_work(tenant) as session:
        await session.execute(text("select pg_sleep(5)"))


async def test_a_pooled_connection_carries_no_tenant_over(database_urls: DatabaseUrls, tenant: UUID) -> None:
    db = Database(create_engine(database_urls.app, pool_size=1), Effects())
    async with db.unit_of_work(tenant) as session:
        first = (await session.execute(text("select pg_backend_pid(), count(*) from tenants"))).one()
    async with db.without_tenant() as session:
        second = (await session.execute(text("select pg_backend_pid(), count(*) from tenants"))).one()
    await db.close()
    assert first[0] == second[0], "the pool has one connection"
    assert (first[1], second[1]) == (1, 0)


async def test_an_error_shows_no_bound_value(db: Database, tenant: UUID) -> None:
    with pytest.raises(DBAPIError) as error:
        await cast_to_number(db, tenant, "canary-of-a-customer")
    assert "canary" not in str(error.value).split("[SQL")[1]


async def test_a_statement_has_an_end(database_urls: DatabaseUrls, tenant: UUID) -> None:
    db = Database(create_engine(database_urls.app, pool_size=1, statement_timeout_ms=200), Effects())
    with pytest.raises(DBAPIError, match="statement timeout"):
        await sleep(db, tenant)
    await db.close()
