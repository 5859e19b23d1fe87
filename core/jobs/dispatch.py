"""Where effects go after a commit: a bounded queue and one thread, so that no request ever waits for Redis (law 8).

When Redis is refused, hung or full, rings and hints are dropped and counted in the log once a minute: the sweep finds the work
that a lost ring left in `due`, and once Redis answers again whoever missed a hint is told to ask (`resync`).
"""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from uuid import UUID

import structlog
from redis import RedisError

from core.contracts.bridge import BridgeHint, BridgeHintType
from core.contracts.events import Event, EventType
from core.db.session import DeviceHint, Effect, Ring
from core.settings import Settings

_log = structlog.get_logger(__name__)
_CAPACITY = 2_000
_REST_SECONDS = 1.0
_LOG_SECONDS = 60.0
_STOP_SECONDS = 2.0
_FAULTS = (RedisError, OSError)


@dataclass(slots=True)
class Dispatcher:
    """An EffectSink: returns at once and never raises. `ring` and `publish` may block; they run on the dispatcher's thread."""

    ring: Callable[[Ring], None]
    publish: Callable[[Effect], None]
    capacity: int = _CAPACITY
    _queue: "queue.Queue[Effect | None]" = field(init=False)
    _thread: threading.Thread | None = field(default=None, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _rest_until: float = field(default=0.0, init=False)
    _dropped: int = field(default=0, init=False)
    _logged_at: float = field(default=float("-inf"), init=False)
    _owed: dict[UUID, Effect] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._queue = queue.Queue(self.capacity)

    def __call__(self, effects: Sequence[Effect]) -> None:
        """Queue effects for sending; drops them when the queue is full."""
        self._ensure_thread()
        for effect in effects:
            try:
                self._queue.put_nowait(effect)
            except queue.Full:
                self._drop(effect, "the queue is full")

    @property
    def dropped(self) -> int:
        """How many effects were dropped since the start."""
        return self._dropped

    def stop(self) -> None:
        """Send what is queued, for two seconds at most, and end the thread."""
        thread = self._thread
        if thread is None:
            return
        try:
            self._queue.put(None, timeout=_STOP_SECONDS)
        except queue.Full:
            return
        thread.join(_STOP_SECONDS)

    def _ensure_thread(self) -> None:
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._main, name="waxos-effects", daemon=True)
                self._thread.start()

    def _main(self) -> None:
        while True:
            try:
                effect = self._queue.get(timeout=_REST_SECONDS if self._owed else None)
            except queue.Empty:
                self._settle()
                continue
            if effect is None:
                return
            self._settle()
            self._send(effect)

    def _send(self, effect: Effect) -> None:
        if time.monotonic() < self._rest_until:
            self._drop(effect, "Redis did not answer a moment ago")
            return
        try:
            if isinstance(effect, Ring):
                self.ring(effect)
            else:
                self.publish(effect)
        except _FAULTS as error:
            self._rest_until = time.monotonic() + _REST_SECONDS
            self._drop(effect, type(error).__name__)

    def _settle(self) -> None:
        """Tell whoever missed a hint to ask again: their own line to Redis may have stood all the while."""
        for whose in list(self._owed):
            if time.monotonic() >= self._rest_until:
                self._send(self._owed.pop(whose))

    def _drop(self, effect: Effect, reason: str) -> None:
        self._dropped += 1
        if isinstance(effect, Event):
            self._owed[effect.tenant_id] = Event(type=EventType.RESYNC, tenant_id=effect.tenant_id)
        elif isinstance(effect, DeviceHint):
            self._owed[effect.device_id] = DeviceHint(effect.device_id, BridgeHint(type=BridgeHintType.SEND_QUEUED))
        now = time.monotonic()
        if now - self._logged_at > _LOG_SECONDS:
            self._logged_at = now
            _log.warning("effects.dropped", reason=reason, dropped=self._dropped)


def celery_ring(settings: Settings) -> Callable[[Ring], None]:
    """Return the function that rings a task by its name; Celery is loaded at the first ring, on the dispatcher's own thread."""
    loaded: list[Callable[[Ring], None]] = []

    def ring(effect: Ring) -> None:
        if not loaded:
            loaded.append(import_module("core.jobs.broker").ringer(settings))
        loaded[0](effect)

    return ring
