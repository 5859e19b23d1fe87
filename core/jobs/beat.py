"""The beat process: asks for a sweep every few seconds, and nothing else. Keeps no state; several at once do no harm."""

import structlog

from core.jobs.broker import create_celery, keep_our_logging, redis_url, refuse_evicting_redis
from core.settings import Settings

_log = structlog.get_logger(__name__)


def serve_beat(settings: Settings) -> None:
    """Ring the sweep until SIGTERM or SIGINT.

    Raises:
        SetupError: no Redis, or one that evicts.
    """
    refuse_evicting_redis(redis_url(settings))
    keep_our_logging()
    app = create_celery(settings, sender=True)
    _log.info("beat.ready", every_s=settings.worker.sweep_seconds)
    app.Beat(scheduler_cls="celery.beat:Scheduler", loglevel="WARNING", quiet=True, socket_timeout=None).run()
