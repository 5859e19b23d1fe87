"""A database of its own for what measures."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.db.migrate import upgrade
from core.embedded.postgres import EmbeddedPostgres
from core.embedded.vault import Secrets
from domain import migrations


@contextmanager
def fresh_database(*, durable: bool = True) -> Iterator[EmbeddedPostgres]:
    """Yield a server whose database is migrated; it and its folder are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="waxos-evals-") as name:
        home = Path(name)
        server = EmbeddedPostgres(home / "postgres", Secrets(), home / "postgres.log", durable=durable)
        server.start()
        try:
            upgrade(server.admin_url, Path(next(iter(migrations.__path__))))
            yield server
        finally:
            server.stop()
