"""What past chats proposed before there were other origins is there afterwards, and can be had back."""

from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from psycopg.rows import dict_row
from sqlalchemy import create_engine

from core.contracts.ids import new_id
from core.db.migrate import sync_url
from tests.conftest import MIGRATIONS, DatabaseUrls

(FILE,) = Path(MIGRATIONS, "versions").glob("*_proposals_of_any_origin.py")
REVISION = FILE.name[:4]


def _move(urls: DatabaseUrls, to: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(sync_url(urls.admin))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        (command.downgrade if "-" in to else command.upgrade)(config, to)
        connection.commit()
    engine.dispose()


def test_older_proposals_stay(database_urls: DatabaseUrls) -> None:
    _move(database_urls, f"{REVISION}-1")
    tenant, imported, proposal = new_id(), new_id(), new_id()
    with psycopg.connect(database_urls.superuser, autocommit=True, row_factory=dict_row) as connection:
        connection.execute(
            "insert into tenants (id, name, timezone, locale, tone) values (%s, 'Shop', 'UTC', 'en', '{}')", (tenant,)
        )
        connection.execute(
            "insert into history_imports (tenant_id, id, sha256, business, business_known_by, date_order, messages, first_on, "
            "last_on, redacted, tone, imported_by) values (%s, %s, 'x', 'Shop', 'named', 'dmy', 2, now(), now(), '{}', '{}', %s)",
            (tenant, imported, new_id()),
        )
        connection.execute(
            "insert into history_proposals (tenant_id, id, import_id, kind, state, content, basis, sightings, seen) "
            "values (%s, %s, %s, 'answer', 'dismissed', '{}', '{}', '[]', 4)",
            (tenant, proposal, imported),
        )
        _move(database_urls, REVISION)
        row = connection.execute("select * from proposals").fetchone()
        assert row is not None
        assert (row["id"], row["origin"], row["state"], row["seen"]) == (proposal, "past_chat", "dismissed", 4)
        _move(database_urls, f"{REVISION}-1")
        assert connection.execute("select id from history_proposals").fetchall() == [{"id": proposal}]
    _move(database_urls, "head")
