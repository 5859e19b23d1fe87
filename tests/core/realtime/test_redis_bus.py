"""Redis may go at any moment: listeners keep their line, and hear that they may have missed something (law 8)."""

import asyncio
from pathlib import Path
from uuid import uuid4

from core.contracts.events import Event, EventType
from core.embedded.valkey import EmbeddedValkey
from core.realtime.bus import RedisBus, RedisPublisher
from core.security.keys import new_key


async def test_a_listener_survives_a_restart_and_hears_resync(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path / "data", new_key(), tmp_path / "log")
    server.start()
    tenant = uuid4()
    bus = RedisBus(server.url)
    events = bus.follow(tenant)
    assert (await asyncio.wait_for(anext(events), 5)).type is EventType.RESYNC
    await asyncio.to_thread(server.stop)
    await asyncio.wait_for(bus.publish(Event(type=EventType.CHAT_UPDATED, tenant_id=tenant)), 1)
    await asyncio.to_thread(server.start)
    assert (await asyncio.wait_for(anext(events), 10)).type is EventType.RESYNC
    sent = Event(type=EventType.CHAT_UPDATED, tenant_id=tenant)
    await asyncio.to_thread(RedisPublisher(server.url), sent)
    assert await asyncio.wait_for(anext(events), 5) == sent
    await bus.close()
    await asyncio.to_thread(server.stop)


async def test_a_listener_that_comes_while_redis_is_away_hears_resync_when_it_is_back(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path / "data", new_key(), tmp_path / "log")
    server.start()
    await asyncio.to_thread(server.stop)
    bus = RedisBus(server.url)
    first = asyncio.ensure_future(anext(bus.follow(uuid4())))
    await asyncio.sleep(0.2)
    assert not first.done()
    await asyncio.to_thread(server.start)
    assert (await asyncio.wait_for(first, 10)).type is EventType.RESYNC
    await bus.close()
    await asyncio.to_thread(server.stop)
