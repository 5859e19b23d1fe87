"""The one event connection of a session, as its tabs see it."""

import asyncio
from collections.abc import AsyncIterator

from core.contracts.events import Event
from ui.stream import EventHub


class Nobody:
    async def bearer(self, stale: str | None = None) -> str:
        del stale
        return "token"


class SlowHub(EventHub):
    """Its connections take their time to close."""

    def __init__(self) -> None:
        super().__init__("ws://127.0.0.1:9/", Nobody())
        self.up = asyncio.Event()
        self.may_close = asyncio.Event()

    async def _connection(self) -> AsyncIterator[Event]:
        await self.up.wait()
        self._set_state("live")
        try:
            await asyncio.Event().wait()
            yield Event.model_construct()
        finally:
            await self.may_close.wait()


async def test_a_tab_that_comes_while_the_last_one_goes_hears_of_its_own_connection() -> None:
    hub = SlowHub()
    hub.up.set()
    first = hub.listen()
    queue = await first.__aenter__()
    assert [(await queue.get())["state"] for _ in range(2)] == ["reconnecting", "live"]
    hub.up.clear()
    going = asyncio.create_task(first.__aexit__(None, None, None))
    await asyncio.sleep(0)
    async with hub.listen() as fresh:
        assert (await fresh.get())["state"] == "reconnecting"
        hub.up.set()
        assert (await asyncio.wait_for(fresh.get(), 2))["state"] == "live"
        hub.may_close.set()
        await going
    await hub.close()
