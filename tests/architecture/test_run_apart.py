"""docs/run-apart.md is followed to the letter: its SQL makes a database that migrates and that processes accept."""

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from core.db.migrate import newest_revision, upgrade
from core.db.roles import await_schema, refuse_powerful_role
from core.db.session import create_engine
from core.embedded.postgres import EmbeddedPostgres
from core.embedded.vault import Secrets
from tests.architecture.tree import ROOT
from tests.conftest import MIGRATIONS

BLOCKS = re.findall(r"```sql\n(.*?)```", (ROOT / "docs" / "run-apart.md").read_text(), re.DOTALL)


@pytest.fixture
def bare_server(servers_home: Path) -> Iterator[EmbeddedPostgres]:
    """A server as an operator finds it: without our roles and database."""
    home = servers_home / "bare"
    home.mkdir()
    server = EmbeddedPostgres(home / "postgres", Secrets(), home / "postgres.log", durable=False)
    server.start()
    with psycopg.connect(server.superuser_url("postgres"), autocommit=True) as connection:
        connection.execute("DROP DATABASE waxos")
        connection.execute("DROP ROLE waxos_app, waxos_search, waxos_admin")
    yield server
    server.stop()


async def test_the_page_makes_a_usable_database(bare_server: EmbeddedPostgres) -> None:
    """With a password in place of the dots, statement by statement."""
    roles, extension = (block.replace("'...'", "'of-this-test'") for block in BLOCKS)
    with psycopg.connect(bare_server.superuser_url("postgres"), autocommit=True) as connection:
        for statement in filter(str.strip, roles.split(";")):
            connection.execute(statement)
    with psycopg.connect(bare_server.superuser_url("waxos"), autocommit=True) as connection:
        connection.execute(extension)
    upgrade(bare_server.url("waxos_admin", "of-this-test", "waxos"), MIGRATIONS)
    engine = create_engine(bare_server.url("waxos_app", "of-this-test", "waxos"), pool_size=1)
    try:
        await await_schema(engine, newest_revision(MIGRATIONS), 0)
        await refuse_powerful_role(engine)
    finally:
        await engine.dispose()
