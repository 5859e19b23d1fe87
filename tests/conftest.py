"""Fixtures for every suite: a real Postgres and a real Valkey on loopback, a database of its own for each test module."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

import psycopg
import pytest
import redis
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from core.contracts.ids import new_id
from core.db.migrate import upgrade
from core.db.rls import APP_ROLE
from core.db.session import Database, Effects, create_engine
from core.embedded.postgres import ADMIN_ROLE, EmbeddedPostgres
from core.embedded.valkey import EmbeddedValkey
from core.embedded.vault import Secrets
from core.security.keys import new_key
from core.settings import Settings, load_settings
from tests.standins.provider import ProviderStandin, run_provider

MIGRATIONS = Path(__file__).parent.parent / "domain" / "migrations"
TEMPLATE = "waxos_template"


@dataclass(frozen=True, slots=True)
class DatabaseUrls:
    """Three ways into one test database: as every process, as the owner of the tables, as the server's superuser."""

    app: str
    admin: str
    superuser: str


@pytest.fixture(scope="module")
async def running() -> AsyncIterator[ProviderStandin]:
    """The stand-in of all AI providers, for the tests of a module."""
    async with run_provider() as provider:
        yield provider


@pytest.fixture
def provider(running: ProviderStandin) -> ProviderStandin:
    """The stand-in with nothing in its journal and nothing scripted."""
    running.clear()
    return running


@pytest.fixture(scope="session")
def servers_home() -> Iterator[Path]:
    """A folder of the servers' own, gone at the end: pytest would keep the last three sessions' databases."""
    with TemporaryDirectory(prefix="waxos-test-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def postgres_server(servers_home: Path) -> Iterator[EmbeddedPostgres]:
    """One embedded server a test process, with a migrated template database."""
    home = servers_home
    server = EmbeddedPostgres(home / "postgres", Secrets(), home / "postgres.log", durable=False)
    server.start()
    with psycopg.connect(server.superuser_url("postgres"), autocommit=True) as connection:
        server.make_database(TEMPLATE, connection)
    upgrade(server.url(ADMIN_ROLE, server.secrets.postgres_admin, TEMPLATE), MIGRATIONS)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def database_urls(postgres_server: EmbeddedPostgres) -> Iterator[DatabaseUrls]:
    """A migrated, empty database for this test module alone."""
    name = f"t_{new_id().hex}"
    with psycopg.connect(postgres_server.superuser_url("postgres"), autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY FILE_COPY").format(
                sql.Identifier(name), sql.Identifier(TEMPLATE), sql.Identifier(ADMIN_ROLE)
            )
        )
        yield DatabaseUrls(
            app=postgres_server.url(APP_ROLE, postgres_server.secrets.postgres_app, name),
            admin=postgres_server.url(ADMIN_ROLE, postgres_server.secrets.postgres_admin, name),
            superuser=postgres_server.superuser_url(name),
        )
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture(scope="module")
async def app_engine(database_urls: DatabaseUrls) -> AsyncIterator[AsyncEngine]:
    """Engine as the app role, as every process has it."""
    engine = create_engine(database_urls.app, pool_size=5)
    yield engine
    await engine.dispose()


@pytest.fixture(scope="module")
async def admin(database_urls: DatabaseUrls) -> AsyncIterator[AsyncEngine]:
    """Engine as the superuser, whom no policy binds: to look behind the curtain in a test, never in the product."""
    engine = create_engine(database_urls.superuser, pool_size=2)
    yield engine
    await engine.dispose()


@pytest.fixture
def effects() -> Effects:
    """What the units of work of `db` sent after their commits in this test."""
    return Effects()


@pytest.fixture
def db(app_engine: AsyncEngine, effects: Effects) -> Database:
    """Units of work as the app role; rows stay until the end of the module, so use a fresh `tenant` in each test."""
    return Database(app_engine, effects)


async def make_tenant(db: Database, name: str) -> UUID:
    """Insert a tenant and return its id."""
    tenant_id = new_id()
    async with db.unit_of_work(tenant_id) as session:
        await session.execute(
            text("insert into tenants (id, name, timezone, locale, tone) values (:id, :name, 'UTC', 'en', '{}')"),
            {"id": tenant_id, "name": name},
        )
    return tenant_id


@pytest.fixture
async def tenant(db: Database) -> UUID:
    """A fresh business."""
    return await make_tenant(db, "Tenant of this test")


@pytest.fixture
async def other_tenant(db: Database) -> UUID:
    """Another business, that must see and change nothing of the first."""
    return await make_tenant(db, "Another tenant")


@pytest.fixture(scope="session")
def valkey_server(servers_home: Path) -> Iterator[EmbeddedValkey]:
    """One embedded Valkey a test process."""
    home = servers_home
    server = EmbeddedValkey(home / "valkey", new_key(), home / "valkey.log")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def valkey_url(valkey_server: EmbeddedValkey) -> str:
    """Address of an empty Valkey."""
    client = redis.Redis.from_url(valkey_server.url)
    client.flushall()
    client.close()
    return valkey_server.url


@pytest.fixture
def settings(database_urls: DatabaseUrls, valkey_url: str, tmp_path: Path) -> Settings:
    """Settings of a server process on the test's own database, Valkey and folder."""
    return load_settings(
        {},
        home=tmp_path,
        database_url=database_urls.app,
        database_admin_url=database_urls.admin,
        redis_url=valkey_url,
        auth={"signing_key": new_key(), "directory_key": new_key()},
        storage={"folder": tmp_path / "blobs"},
        api={"port": 0},
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take minutes: at the end one process would be alone with them."""
    long = ("tests/evals/", "tests/e2e/", "tests/desktop_bridge/test_law_12.py")
    items.sort(key=lambda item: not item.nodeid.startswith(long))
