"""What a process of the API holds while it runs: opened by the lifespan, handed to endpoints, closed at the end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import TypedDict, cast

from redis.asyncio import Redis
from starlette.requests import HTTPConnection

from api.history.reading import HistoryReader
from api.limits import Limiter
from core.db.migrate import newest_revision
from core.db.roles import await_schema, refuse_powerful_role
from core.db.session import Database, create_engine
from core.errors import SetupError
from core.jobs.ask import Asker
from core.jobs.dispatch import Dispatcher, celery_ring
from core.realtime.bus import Bus, RedisBus, RedisPublisher
from core.security.keys import DirectoryHasher
from core.security.tokens import AccessTokens
from core.settings import Settings
from core.storage.blobs import BlobStore, LocalBlobs
from domain import migrations
from domain.accounts.sessions import Sessions
from domain.directory.service import Directory

MIGRATIONS = Path(next(iter(migrations.__path__)))
_SCHEMA_SECONDS = 30.0
_REDIS_CONNECT_S = 0.5


class Resources(TypedDict):
    """Everything that an endpoint may need beside the session of its request."""

    settings: Settings
    db: Database
    bus: Bus
    blobs: BlobStore
    asker: Asker
    redis: Redis
    directory: Directory
    sessions: Sessions
    limiter: Limiter
    history: HistoryReader


def resources_of(connection: HTTPConnection) -> Resources:
    """Return the resources of the process that serves this request or socket."""
    return cast(Resources, connection.scope["state"])


@asynccontextmanager
async def open_resources(settings: Settings) -> AsyncIterator[Resources]:
    """Open everything and close it again; Redis may be away, the database may not.

    Raises:
        SetupError: a setting is missing, the database does not answer, lacks this build's schema, or gave us too powerful a role.
    """
    if settings.database_url is None:
        raise SetupError("WAXOS_DATABASE_URL is not set", hint="set it to a Postgres, or use: waxos up")
    if settings.redis_url is None:
        raise SetupError("WAXOS_REDIS_URL is not set", hint="set it to a Redis or Valkey, or use: waxos up")
    url = settings.redis_url.get_secret_value()
    directory = Directory(DirectoryHasher.from_setting(settings.auth.directory_key))
    tokens = AccessTokens.from_settings(settings.auth)
    dispatcher = Dispatcher(ring=celery_ring(settings), publish=RedisPublisher(url))
    engine = create_engine(
        settings.database_url.get_secret_value(),
        pool_size=settings.database.pool_size,
        statement_timeout_ms=settings.database.statement_timeout_ms,
        application_name="waxos-api",
    )
    db = Database(engine, dispatcher)
    bus, asker = RedisBus(url), Asker(url)
    redis = Redis.from_url(url, socket_connect_timeout=_REDIS_CONNECT_S, decode_responses=True)
    try:
        await await_schema(engine, newest_revision(MIGRATIONS), _SCHEMA_SECONDS)
        await refuse_powerful_role(engine)
        yield Resources(
            settings=settings,
            db=db,
            bus=bus,
            blobs=LocalBlobs(settings.storage.folder),
            asker=asker,
            redis=redis,
            directory=directory,
            sessions=Sessions(db, directory, tokens, timedelta(days=settings.auth.refresh_days)),
            limiter=Limiter.on_redis(url),
            history=HistoryReader(),
        )
    finally:
        await bus.close()
        await asker.close()
        await redis.aclose()
        dispatcher.stop()
        await db.close()
