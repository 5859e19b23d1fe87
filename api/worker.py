"""Runs a worker: drafts, checks, knowledge, the sweep."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from core.db.migrate import newest_revision
from core.db.session import Database, EffectSink, create_engine
from core.errors import SetupError
from core.jobs.broker import redis_url
from core.jobs.dispatch import Dispatcher, celery_ring
from core.jobs.registry import QUEUES, Queue, load_registry
from core.jobs.worker import Worker
from core.realtime.bus import RedisPublisher
from core.settings import Settings, load_settings
from core.telemetry import configure_logging
from domain import migrations


class QueueName(StrEnum):
    """What a worker may serve."""

    DEFAULT = "default"
    CPU = "cpu"


def serve(
    queue: Annotated[
        list[QueueName] | None, typer.Option(help="Serve this queue only; may be given twice. Both otherwise.")
    ] = None,
) -> None:
    """Run a worker until it is stopped."""
    settings = load_settings()
    configure_logging(settings, process="worker")
    queues: tuple[Queue, ...] = QUEUES if not queue else tuple(name for name in QUEUES if QueueName(name) in queue)
    dispatcher = Dispatcher(celery_ring(settings), RedisPublisher(redis_url(settings)))
    revision = newest_revision(Path(next(iter(migrations.__path__))))
    try:
        Worker(settings, load_registry(), open_database, dispatcher, revision, queues).serve()
    finally:
        dispatcher.stop()


def open_database(settings: Settings, sink: EffectSink) -> Database:
    """Open the database of a worker.

    Raises:
        SetupError: no address is set.
    """
    if settings.database_url is None:
        raise SetupError("WAXOS_DATABASE_URL is not set", hint="set it to a Postgres, or use: waxos up")
    engine = create_engine(
        settings.database_url.get_secret_value(),
        pool_size=settings.database.pool_size,
        statement_timeout_ms=settings.database.statement_timeout_ms,
        application_name="waxos-worker",
    )
    return Database(engine, sink)
