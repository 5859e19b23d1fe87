"""The worker process: Celery's threads take rings, the runtime's one event loop does the work.

A worker of the queue `cpu` alone runs on processes instead, one for each core, each with a loop and an engine of its own.
"""

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

import structlog
from celery import Celery
from celery.signals import worker_process_init, worker_shutting_down

from core.db.roles import await_schema, refuse_powerful_role
from core.db.session import Database, EffectSink
from core.errors import WaxosError
from core.jobs.ask import serve_answers
from core.jobs.broker import SWEEP, create_celery, keep_our_logging, redis_url, refuse_evicting_redis
from core.jobs.registry import QUEUES, Queue, Registry, Resources, Task
from core.jobs.runtime import Runtime
from core.jobs.sweep import sweep
from core.settings import Settings

_log = structlog.get_logger(__name__)
_GRACE_SECONDS = 4.0
_SWEEP_TIMEOUT_S = 15.0
_SCHEMA_SECONDS = 60.0


@dataclass(slots=True)
class Worker:
    """One worker. `revision` is the schema it needs, `queues` what it serves."""

    settings: Settings
    registry: Registry
    open_database: Callable[[Settings, EffectSink], Database]
    sink: EffectSink
    revision: str
    queues: Sequence[Queue] = QUEUES
    _runtime: Runtime = field(init=False)

    def __post_init__(self) -> None:
        self._runtime = Runtime(self._resources)

    def serve(self) -> None:
        """Work until SIGTERM or SIGINT.

        Raises:
            SetupError: no database of this build's schema, a powerful role, no Redis or one that evicts.
        """
        url = redis_url(self.settings)
        refuse_evicting_redis(url)
        keep_our_logging()
        app = create_celery(self.settings)
        self._register(app)
        worker_shutting_down.connect(self._hurry, weak=False)
        by_process = tuple(self.queues) == ("cpu",)
        if by_process:
            worker_process_init.connect(self._start, weak=False)
        else:
            self._runtime.spawn(serve_answers(url, self.registry, self._start()))
        try:
            _log.info("worker.ready", queues=list(self.queues), tasks=sorted(self.registry.tasks))
            app.Worker(
                pool="prefork" if by_process else "threads",
                concurrency=os.cpu_count() if by_process else self.settings.worker.threads,
                queues=list(self.queues),
                without_mingle=True,
                without_gossip=True,
                without_heartbeat=True,
                loglevel="WARNING",
                quiet=True,
            ).start()
        finally:
            self._runtime.stop()

    def _start(self, **_: object) -> Resources:
        return self._runtime.start()

    @asynccontextmanager
    async def _resources(self) -> AsyncIterator[Resources]:
        loading = asyncio.gather(*(asyncio.to_thread(load) for load in self.registry.preloads))
        database = self.open_database(self.settings, self.sink)
        try:
            await await_schema(database.engine, self.revision, _SCHEMA_SECONDS)
            await refuse_powerful_role(database.engine)
            await loading
            resources = Resources(self.settings, database)
            for hook in self.registry.start_hooks:
                await hook(resources)
            yield resources
        finally:
            await database.close()

    def _register(self, app: Celery) -> None:
        for task in self.registry.tasks.values():
            app.task(name=task.name, ignore_result=True)(self._body(app, task))

        def run_sweep() -> None:
            database = self._runtime.resources.db
            self._guard(SWEEP, lambda: self._runtime.run(sweep(database, self.registry.tasks), _SWEEP_TIMEOUT_S))

        app.task(name=SWEEP, ignore_result=True)(run_sweep)

    def _body(self, app: Celery, task: Task) -> Callable[[str, str], None]:
        def body(tenant_id: str, row_id: str) -> None:
            if task.queue not in self.queues:
                app.send_task(task.name, args=[tenant_id, row_id], queue=task.queue, ignore_result=True)
                return
            work = task.handler(self._runtime.resources, UUID(tenant_id), UUID(row_id))
            self._guard(task.name, lambda: self._runtime.run(work, task.timeout_s), tenant_id, row_id)

        return body

    def _guard(
        self, name: str, work: Callable[[], object], tenant_id: str | None = None, row_id: str | None = None
    ) -> None:
        """Run a task's body at the edge of the process: whatever goes wrong is logged, and the sweep brings the work back."""
        context = structlog.contextvars.bound_contextvars(task=name, tenant_id=tenant_id, subject_id=row_id)
        with context:
            try:
                work()
            except TimeoutError:
                _log.warning("task.timed_out")
            except WaxosError as error:
                _log.warning("task.refused", code=error.reason_code, detail=error.detail)
            except Exception:  # noqa: BLE001 - the edge of the process
                _log.exception("task.failed")

    def _hurry(self, **_: object) -> None:
        """Celery waits for running tasks at a warm shutdown; after some seconds they are cut off, the sweep brings them back."""
        timer = threading.Timer(_GRACE_SECONDS, self._runtime.stop)
        timer.daemon = True
        timer.start()
