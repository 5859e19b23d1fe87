"""The event bus: hints from any process to any listener, over Redis pub/sub or in memory. Nothing depends on their arrival.

A listener follows one tenant's events or one device's hints. The first thing it hears is `resync`: from here on it misses nothing
without being told. Whoever may have missed something (a slow reader, a lost connection) hears `resync` again, and asks the API for the
present state. A device hears `send.queued` instead, which means the same to it: ask.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol
from uuid import UUID

import redis
import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from core.contracts.bridge import BridgeHint, BridgeHintType
from core.contracts.events import Event, EventType
from core.db.session import DeviceHint, Effect

_log = structlog.get_logger(__name__)
_QUEUE = 256
_RETRY_S = 0.5
_POLL_S = 5.0
_HEALTH_S = 5
_SEND_S = 0.25
_ALWAYS = "waxos:bus"
"""A topic that is always subscribed to, so that the reader has something to read when nobody listens."""


class Bus(Protocol):
    """How events reach listeners."""

    async def publish(self, effect: Event | DeviceHint) -> None:
        """Send one hint to whoever listens; one that cannot be sent is lost, which is harmless."""
        ...

    def follow(self, tenant_id: UUID) -> AsyncGenerator[Event, None]:
        """Yield `resync` once the line stands, then a tenant's events, and `resync` again whenever some may be missing."""
        ...

    def follow_device(self, device_id: UUID) -> AsyncGenerator[BridgeHint, None]:
        """Yield a device's hints, and `send.queued` whenever some may be missing, first of all once the line stands."""
        ...

    async def close(self) -> None:
        """End every follower."""
        ...


class Listener:
    """A bounded queue of frames of one topic; when it overflows it is emptied and says so once."""

    def __init__(self, size: int = _QUEUE) -> None:
        self._frames: asyncio.Queue[str | None] = asyncio.Queue(size)
        self._gap = False

    def put(self, frame: str) -> None:
        """Add a frame, or drop everything that waits when the reader is too slow."""
        try:
            self._frames.put_nowait(frame)
        except asyncio.QueueFull:
            self.lose()

    def lose(self) -> None:
        """Note that frames were lost; the reader is told at its next step."""
        self._gap = True
        while not self._frames.empty():
            self._frames.get_nowait()
        self._frames.put_nowait("")

    def end(self) -> None:
        """End the reader."""
        while self._frames.full():
            self._frames.get_nowait()
        self._frames.put_nowait(None)

    async def frames(self) -> AsyncIterator[str | None]:
        """Yield frames; None stands for a gap."""
        while (frame := await self._frames.get()) is not None:
            if self._gap:
                self._gap = False
                yield None
            if frame:
                yield frame


@dataclass(slots=True)
class _Topics:
    """Who listens to what in this process."""

    listeners: dict[str, set[Listener]] = field(default_factory=dict)

    def deliver(self, topic: str, frame: str) -> None:
        for listener in self.listeners.get(topic, ()):
            listener.put(frame)

    def lose(self, topic: str) -> None:
        for listener in self.listeners.get(topic, ()):
            listener.lose()

    def end_all(self) -> None:
        for group in self.listeners.values():
            for listener in group:
                listener.end()


@dataclass(slots=True)
class MemoryBus:
    """The bus of one process; for tests and for a bridge or tool that runs alone."""

    queue_size: int = _QUEUE
    _topics: _Topics = field(default_factory=_Topics, init=False)

    async def publish(self, effect: Event | DeviceHint) -> None:
        """See Bus.publish."""
        topic, frame = _framed(effect)
        self._topics.deliver(topic, frame)

    async def follow(self, tenant_id: UUID) -> AsyncGenerator[Event, None]:
        """See Bus.follow."""
        async with self._listen(tenant_topic(tenant_id)) as listener:
            async for event in _events(listener, tenant_id):
                yield event

    async def follow_device(self, device_id: UUID) -> AsyncGenerator[BridgeHint, None]:
        """See Bus.follow_device."""
        async with self._listen(device_topic(device_id)) as listener:
            async for hint in _hints(listener):
                yield hint

    async def close(self) -> None:
        """See Bus.close."""
        self._topics.end_all()

    @asynccontextmanager
    async def _listen(self, topic: str) -> AsyncIterator[Listener]:
        listener = Listener(self.queue_size)
        group = self._topics.listeners.setdefault(topic, set())
        group.add(listener)
        listener.lose()
        try:
            yield listener
        finally:
            group.discard(listener)
            if not group:
                self._topics.listeners.pop(topic, None)


@dataclass(slots=True)
class RedisBus:
    """The bus over Redis pub/sub: one connection a process, however many listen. Bound to the event loop that first uses it."""

    url: str
    queue_size: int = _QUEUE
    _topics: _Topics = field(default_factory=_Topics, init=False)
    _redis: Redis | None = field(default=None, init=False)
    _pubsub: PubSub | None = field(default=None, init=False)
    _reader: asyncio.Task[None] | None = field(default=None, init=False)
    _standing: set[str] = field(default_factory=set, init=False)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def publish(self, effect: Event | DeviceHint) -> None:
        """See Bus.publish."""
        topic, frame = _framed(effect)
        try:
            async with asyncio.timeout(_SEND_S):
                await self._client().publish(topic, frame)
        except (RedisError, OSError, TimeoutError) as error:
            _log.warning("bus.not_published", error=type(error).__name__)

    async def follow(self, tenant_id: UUID) -> AsyncGenerator[Event, None]:
        """See Bus.follow."""
        async with self._listen(tenant_topic(tenant_id)) as listener:
            async for event in _events(listener, tenant_id):
                yield event

    async def follow_device(self, device_id: UUID) -> AsyncGenerator[BridgeHint, None]:
        """See Bus.follow_device."""
        async with self._listen(device_topic(device_id)) as listener:
            async for hint in _hints(listener):
                yield hint

    async def close(self) -> None:
        """See Bus.close."""
        self._topics.end_all()
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
        if self._redis is not None:
            await self._redis.aclose()

    def _client(self) -> Redis:
        if self._redis is None:
            self._redis = Redis.from_url(
                self.url, socket_connect_timeout=2, health_check_interval=_HEALTH_S, decode_responses=True
            )
        return self._redis

    @asynccontextmanager
    async def _listen(self, topic: str) -> AsyncIterator[Listener]:
        listener = Listener(self.queue_size)
        async with self._lock:
            self._topics.listeners.setdefault(topic, set()).add(listener)
            if topic in self._standing:
                listener.lose()
            else:
                await self._subscribe(topic)
        try:
            yield listener
        finally:
            async with self._lock:
                group = self._topics.listeners[topic]
                group.discard(listener)
                if not group:
                    del self._topics.listeners[topic]
                    await self._unsubscribe(topic)

    async def _subscribe(self, topic: str) -> None:
        """Ask for a topic; while Redis is away the reader asks for all of them when it is back."""
        if self._reader is None or self._reader.done():
            self._reader = asyncio.create_task(self._read(), name="waxos-bus")
        elif self._pubsub is not None:
            await self._say(self._pubsub.subscribe(topic))

    async def _unsubscribe(self, topic: str) -> None:
        self._standing.discard(topic)
        if self._pubsub is not None:
            await self._say(self._pubsub.unsubscribe(topic))

    async def _say(self, command: Awaitable[object]) -> None:
        try:
            async with asyncio.timeout(_SEND_S):
                await command
        except (RedisError, OSError, TimeoutError, AttributeError) as error:
            # AttributeError is redis-py's own when the line breaks between its check and its write. The reader asks again.
            _log.info("bus.not_heard", error=type(error).__name__)

    async def _read(self) -> None:
        """Read for ever. Redis confirms each subscription, also after a break: that is when its listeners hear `resync`."""
        while True:
            try:
                async with self._client().pubsub() as pubsub:
                    await self._listen_on(pubsub)
            except (RedisError, OSError) as error:
                _log.warning("bus.redis_gone", error=type(error).__name__)
            await asyncio.sleep(_RETRY_S)  # house: sleep - a Redis that is gone tells nobody when it is back

    async def _listen_on(self, pubsub: PubSub) -> None:
        try:
            await pubsub.subscribe(_ALWAYS, *self._topics.listeners)
            self._pubsub = pubsub
            while True:
                self._take(await pubsub.get_message(timeout=_POLL_S))
        finally:
            self._pubsub = None
            self._standing.clear()

    def _take(self, message: dict[str, Any] | None) -> None:
        if message is None:
            return
        if message["type"] == "message":
            self._topics.deliver(message["channel"], message["data"])
        elif message["type"] == "subscribe":
            self._standing.add(message["channel"])
            self._topics.lose(message["channel"])


@dataclass(slots=True)
class RedisPublisher:
    """Publishes from a thread (the dispatcher's), with short timeouts; raises what Redis raises, for the dispatcher to count."""

    url: str
    _client: "redis.Redis | None" = field(default=None, init=False)

    def __call__(self, effect: Effect) -> None:
        """Publish one event or hint."""
        if not isinstance(effect, Event | DeviceHint):
            return
        if self._client is None:
            self._client = redis.Redis.from_url(self.url, socket_connect_timeout=_SEND_S, socket_timeout=_SEND_S)
        topic, frame = _framed(effect)
        self._client.publish(topic, frame)


def tenant_topic(tenant_id: UUID) -> str:
    """Name of a tenant's channel."""
    return f"waxos:events:{tenant_id}"


def device_topic(device_id: UUID) -> str:
    """Name of a device's channel."""
    return f"waxos:device:{device_id}"


def _framed(effect: Event | DeviceHint) -> tuple[str, str]:
    if isinstance(effect, DeviceHint):
        return device_topic(effect.device_id), effect.hint.model_dump_json()
    return tenant_topic(effect.tenant_id), effect.model_dump_json()


async def _events(listener: Listener, tenant_id: UUID) -> AsyncIterator[Event]:
    async for frame in listener.frames():
        yield Event(type=EventType.RESYNC, tenant_id=tenant_id) if frame is None else Event.model_validate_json(frame)


async def _hints(listener: Listener) -> AsyncIterator[BridgeHint]:
    async for frame in listener.frames():
        yield BridgeHint(type=BridgeHintType.SEND_QUEUED) if frame is None else BridgeHint.model_validate_json(frame)
