"""One event loop and one engine per worker process: every task of Celery's threads hands its coroutine over here and waits."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from core.errors import Unavailable
from core.jobs.registry import Resources

T = TypeVar("T")
_STOP_SECONDS = 10.0
_GRACE_SECONDS = 5.0


@dataclass(slots=True)
class Runtime:
    """A thread that runs the loop. `open_resources` is entered on it at the start and left on it at the end."""

    open_resources: Callable[[], AbstractAsyncContextManager[Resources]]
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)
    _resources: Resources | None = field(default=None, init=False)
    _stopping: asyncio.Event | None = field(default=None, init=False)
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set, init=False)

    def start(self) -> Resources:
        """Start the loop, open the resources and return them.

        Raises:
            whatever opening them raised.
        """
        opened: Future[Resources] = Future()
        self._thread = threading.Thread(target=self._main, args=(opened,), name="waxos-loop", daemon=True)
        self._thread.start()
        return opened.result()

    @property
    def resources(self) -> Resources:
        """The opened resources."""
        if self._resources is None:
            raise Unavailable("the worker is not started", retry_after=1)
        return self._resources

    def run(self, coroutine: Coroutine[Any, Any, T], timeout_s: float) -> T:
        """Run a coroutine on the loop from another thread and wait for it; after `timeout_s` seconds it is cancelled.

        Raises:
            TimeoutError: it was cancelled for lack of time.
            Unavailable: the worker is stopping.
        """
        if not self._loop.is_running():
            coroutine.close()
            raise Unavailable("the worker is stopping", retry_after=1)
        future = asyncio.run_coroutine_threadsafe(_bounded(coroutine, timeout_s), self._loop)
        try:
            return future.result(timeout_s + _GRACE_SECONDS)
        except CancelledError:
            raise Unavailable("the worker is stopping", retry_after=1) from None

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Start a coroutine that lives as long as the runtime; it is cancelled at `stop`."""

        def begin() -> None:
            task = self._loop.create_task(coroutine)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

        self._loop.call_soon_threadsafe(begin)

    def stop(self) -> None:
        """Cancel what still runs, close the resources, end the loop."""
        if self._thread is None or self._stopping is None:
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(_STOP_SECONDS)
        self._thread = None

    def _main(self, opened: Future[Resources]) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._live(opened))
        except BaseException as error:
            if not opened.done():
                opened.set_exception(error)
                return
            raise
        finally:
            self._loop.close()

    async def _live(self, opened: Future[Resources]) -> None:
        self._stopping = asyncio.Event()
        async with self.open_resources() as resources:
            self._resources = resources
            opened.set_result(resources)
            await self._stopping.wait()
            running = asyncio.all_tasks() - {asyncio.current_task()}
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
        self._resources = None


async def _bounded(coroutine: Coroutine[Any, Any, T], timeout_s: float) -> T:
    async with asyncio.timeout(timeout_s):
        return await coroutine
