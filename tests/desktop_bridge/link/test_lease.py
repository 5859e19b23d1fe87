"""A second bridge has the channel as soon as the first is silent: it asks again when the server says that it may be free."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from core.contracts.bridge import Lease, LeaseRequest
from core.contracts.ids import new_id
from core.contracts.states import ChannelState
from core.errors import Conflict
from desktop_bridge.link.client import ServerClient
from desktop_bridge.link.lease import LeaseKeeper
from desktop_bridge.page.session import Session
from tests.desktop_bridge.link.desk import TOKEN, run_desk

LINKED = Session(ChannelState.LINKED)


async def test_it_asks_again_when_the_server_says_and_not_ever_more_seldom() -> None:
    asked: list[LeaseRequest] = []

    async def lease(ask: LeaseRequest) -> Lease:
        asked.append(ask)
        if len(asked) < 8:
            raise Conflict("another bridge holds this channel", retry_after=0.02)
        return Lease(channel_id=new_id(), epoch=2, lease_seconds=30)

    client: Any = SimpleNamespace(lease=lease)
    keeper = LeaseKeeper(client, new_id(), "1.0", lambda: LINKED)
    keeping = asyncio.create_task(keeper.keep())
    try:
        await asyncio.wait_for(keeper.held.wait(), 10)  # by doubling it would take half a minute at the least
    finally:
        keeping.cancel()
    assert (len(asked), keeper.epoch()) == (8, 2)


async def test_the_client_hears_when_to_ask_again() -> None:
    async with run_desk() as desk:
        desk.held_by_other = True
        client = ServerClient(desk.url, SecretStr(TOKEN))
        ask = LeaseRequest(installation_id=new_id(), state=ChannelState.LINKED, app_version="1.0")
        try:
            with pytest.raises(Conflict) as refused:
                await client.lease(ask)
        finally:
            await client.close()
        assert refused.value.retry_after == 1
