"""The two sockets: who may listen, and what is heard."""

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidStatus

from core.contracts.events import Event
from core.contracts.states import Role
from core.db.session import Database
from tests.api.conftest import Business, Server, decision, open_business


async def heard(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """Return the next frame of a kind, within five seconds."""
    async with asyncio.timeout(5):
        while True:
            frame: dict[str, Any] = json.loads(await socket.recv())
            if frame["type"] == kind:
                return frame


async def test_a_panel_hears_its_own_business_and_no_content(
    server: Server, business: Business, other_business: Business
) -> None:
    async with (
        server.socket("/events", business.tokens[Role.STAFF]) as mine,
        server.socket("/events", other_business.tokens[Role.STAFF]) as theirs,
    ):
        await heard(mine, "resync")
        await heard(theirs, "resync")
        chat_id = await business.customer_writes("a secret text")
        event = await heard(mine, "message.new")
        assert event["ids"]["chat_id"] == str(chat_id)
        assert "secret" not in json.dumps(event)
        assert Event.model_validate(event).tenant_id == business.tenant_id
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(theirs.recv(), 0.3)


async def test_a_browser_gives_its_token_in_the_first_frame(server: Server, business: Business) -> None:
    async with server.socket("/events") as socket:
        await socket.send(json.dumps({"type": "auth", "token": business.tokens[Role.STAFF]}))
        await heard(socket, "resync")
    for frame in ("nonsense", json.dumps({"type": "auth", "token": "nonsense"}), json.dumps({"type": "hello"})):
        async with server.socket("/events") as socket:
            await socket.send(frame)
            with pytest.raises(ConnectionClosed) as closed:
                await socket.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4401


async def test_a_refused_handshake_is_a_problem(server: Server, business: Business) -> None:
    for path, token, headers, status in (
        ("/events", "nonsense", {}, 401),
        ("/events", business.device_token, {}, 403),
        ("/bridge/stream", business.tokens[Role.OWNER], {}, 403),
        ("/events", business.tokens[Role.STAFF], {"Origin": "https://elsewhere.example"}, 403),
    ):
        with pytest.raises(InvalidStatus) as refused:
            async with server.socket(path, token, **headers):
                pass
        assert refused.value.response.status_code == status
        assert json.loads(refused.value.response.body)["status"] == status
    same = {"Origin": server.url}
    async with server.socket("/events", business.tokens[Role.STAFF], **same) as socket:
        await heard(socket, "resync")


async def test_a_token_in_the_address_opens_nothing(server: Server, business: Business) -> None:
    async with server.socket(f"/events?token={business.tokens[Role.STAFF]}") as socket:
        await socket.send("{}")
        with pytest.raises(ConnectionClosed):
            await socket.recv()


async def test_a_bridge_is_rung_for_what_waits_and_told_of_its_end(server: Server, behind: Database) -> None:
    shop = await open_business(server, behind, "Rung")
    chat_id = await shop.customer_writes("What does tea cost?")
    draft = await shop.draft(behind, chat_id, "Tea costs 4 EUR.")
    async with server.socket("/bridge/stream", shop.device_token) as socket:
        await heard(socket, "send.queued")
        approved = await shop.ask(shop.staff, "POST", f"/drafts/{draft['id']}/approve", json=decision(draft))
        await heard(socket, "send.queued")
        [send_id] = approved.json()["send_ids"]
        await shop.ask(shop.staff, "POST", f"/sends/{send_id}/cancel")
        assert (await heard(socket, "send.cancelled"))["ids"] == {"send_id": send_id}
        await shop.ask(shop.owner, "DELETE", f"/devices/{shop.device_id}")
        await heard(socket, "device.revoked")


async def test_who_may_not_listen_any_more_is_closed(
    server: Server, behind: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.websocket._LOOK_AGAIN_S", 0.2)
    shop = await open_business(server, behind, "Closed")
    async with server.socket("/bridge/stream", shop.device_token) as socket:
        await shop.ask(shop.owner, "DELETE", f"/devices/{shop.device_id}")
        await asyncio.wait_for(socket.wait_closed(), 5)
        assert socket.close_code == 4401
