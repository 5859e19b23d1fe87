"""The Celery app: ids only, JSON only, no results, two queues. Celery is spoken in this folder alone."""

from collections.abc import Callable

from celery import Celery
from celery.signals import setup_logging
from kombu.exceptions import KombuError
from redis import Redis, RedisError

from core.db.session import Ring
from core.errors import SetupError
from core.jobs.registry import QUEUES
from core.settings import Settings

SWEEP = "waxos.sweep"
_VISIBILITY_S = 600
"""A message that was taken and never acknowledged comes back after so long. Tasks acknowledge when they begin: the sweep over
`due` brings back what a crash cut off, much sooner."""

_CONNECT_S = 0.25
_ANSWER_S = 1.0


def create_celery(settings: Settings, *, sender: bool = False) -> Celery:
    """Build the app: a worker registers tasks on it, a sender only names them and gives up on a silent Redis within a second."""
    app = Celery("waxos", broker=redis_url(settings), set_as_current=False)
    app.conf.update(
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_default_queue="default",
        task_queues={name: {"exchange": name, "routing_key": name} for name in QUEUES},
        task_publish_retry=False,
        worker_prefetch_multiplier=1,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_connection_timeout=_CONNECT_S,
        broker_transport_options={
            "visibility_timeout": _VISIBILITY_S,
            "global_keyprefix": "waxos:",
            "socket_connect_timeout": _CONNECT_S,
            "health_check_interval": 10,
            "retry_policy": {"timeout": _ANSWER_S},
        }
        | ({"socket_timeout": _ANSWER_S} if sender else {}),
        beat_schedule={
            "sweep": {
                "task": SWEEP,
                "schedule": settings.worker.sweep_seconds,
                "options": {"expires": max(settings.worker.sweep_seconds, 1.0), "queue": "default"},
            }
        },
        enable_utc=True,
        timezone="UTC",
    )
    return app


def ringer(settings: Settings) -> Callable[[Ring], None]:
    """Return the function that sends one ring and waits a second for Redis at most.

    The function raises ConnectionError where Redis is not there.
    """
    app = create_celery(settings, sender=True)

    def ring(effect: Ring) -> None:
        try:
            app.send_task(
                effect.task,
                args=[str(effect.tenant_id), str(effect.id)],
                queue=QUEUES[0],
                countdown=effect.delay_s or None,
                ignore_result=True,
                retry=False,
            )
        except KombuError as error:
            raise ConnectionError(str(error)) from None

    return ring


def keep_our_logging() -> None:
    """Keep Celery from setting up logging of its own in this process."""
    setup_logging.connect(_nothing, weak=False, dispatch_uid="waxos")


def _nothing(**_: object) -> None:
    return None


def redis_url(settings: Settings) -> str:
    """Return the address of Redis.

    Raises:
        SetupError: none is set.
    """
    if settings.redis_url is None:
        raise SetupError("WAXOS_REDIS_URL is not set", hint="set it to a Redis or Valkey, or use: waxos up")
    return settings.redis_url.get_secret_value()


def refuse_evicting_redis(url: str) -> None:
    """Refuse a Redis that throws keys away when full: that loses jobs and answers in silence.

    Raises:
        SetupError: another policy than `noeviction`, or no connection.
    """
    client = Redis.from_url(url, socket_connect_timeout=5, socket_timeout=5)
    try:
        policy = client.info("memory").get("maxmemory_policy", "noeviction")
    except RedisError as error:
        raise SetupError(
            f"Redis does not answer ({type(error).__name__})", hint="check WAXOS_REDIS_URL and that it runs"
        ) from None
    finally:
        client.close()
    if policy != "noeviction":
        raise SetupError(
            f"Redis has maxmemory-policy {policy}, which loses jobs",
            hint="run: redis-cli config set maxmemory-policy noeviction",
        )
