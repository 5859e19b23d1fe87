"""What every bus must do: in memory and over Redis alike."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from core.contracts.bridge import BridgeHint, BridgeHintType
from core.contracts.events import Event, EventType
from core.db.session import DeviceHint
from core.realtime.bus import Bus, MemoryBus, RedisBus


@pytest.fixture(params=["memory", "redis"])
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[Bus]:
    made: Bus = (
        MemoryBus(queue_size=8)
        if request.param == "memory"
        else RedisBus(request.getfixturevalue("valkey_url"), queue_size=8)
    )
    yield made
    await made.close()


def event(tenant_id: UUID, type_: EventType = EventType.MESSAGE_NEW, version: int = 1) -> Event:
    return Event(type=type_, tenant_id=tenant_id, ids={"chat_id": uuid4()}, versions={"chat": version})


async def next_of(events: AsyncIterator[Event]) -> Event:
    return await asyncio.wait_for(anext(events), 5)


async def test_the_first_thing_heard_is_resync_and_nothing_after_it_is_missed(bus: Bus) -> None:
    tenant = uuid4()
    events = bus.follow(tenant)
    assert (await next_of(events)).type is EventType.RESYNC
    sent = [event(tenant, version=n) for n in range(5)]
    for one in sent:
        await bus.publish(one)
    assert [await next_of(events) for _ in sent] == sent


async def test_a_tenant_hears_only_its_own(bus: Bus) -> None:
    mine, theirs = uuid4(), uuid4()
    events = bus.follow(mine)
    await next_of(events)
    await bus.publish(event(theirs))
    expected = event(mine)
    await bus.publish(expected)
    assert await next_of(events) == expected


async def test_all_listeners_of_a_tenant_hear_it_and_one_may_leave(bus: Bus) -> None:
    tenant = uuid4()
    first, second = bus.follow(tenant), bus.follow(tenant)
    await next_of(first)
    await next_of(second)
    one = event(tenant)
    await bus.publish(one)
    assert await next_of(first) == one
    assert await next_of(second) == one
    await first.aclose()  # type: ignore[attr-defined]
    another = event(tenant)
    await bus.publish(another)
    assert await next_of(second) == another


async def test_a_slow_listener_is_told_to_resync_and_goes_on(bus: Bus) -> None:
    tenant = uuid4()
    slow, quick = bus.follow(tenant), bus.follow(tenant)
    await next_of(slow)
    await next_of(quick)
    for n in range(20):
        await bus.publish(event(tenant, version=n))
        assert (await next_of(quick)).versions == {"chat": n}
    heard = await next_of(slow)
    assert heard.type is EventType.RESYNC
    rest = [await next_of(slow) for _ in range(2)]
    assert all(one.type is EventType.MESSAGE_NEW for one in rest)


async def test_a_device_hears_its_own_hints(bus: Bus) -> None:
    device = uuid4()
    hints = bus.follow_device(device)
    assert (await asyncio.wait_for(anext(hints), 5)).type is BridgeHintType.SEND_QUEUED
    await bus.publish(DeviceHint(uuid4(), BridgeHint(type=BridgeHintType.SEND_CANCELLED)))
    hint = BridgeHint(type=BridgeHintType.REVOKED)
    await bus.publish(DeviceHint(device, hint))
    assert await asyncio.wait_for(anext(hints), 5) == hint


async def test_closing_ends_every_follower(bus: Bus) -> None:
    events = bus.follow(uuid4())
    await next_of(events)
    waiting = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0)
    await bus.close()
    with pytest.raises(StopAsyncIteration):
        await asyncio.wait_for(waiting, 5)
