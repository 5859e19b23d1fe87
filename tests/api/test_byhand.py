"""Sending by hand as a paired device: the real API, a real bridge and its page, and every refusal by name."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from core.contracts.bridge import LeaseRequest
from core.contracts.channels import PairedDevice
from core.contracts.ids import new_id
from core.contracts.states import ChannelState, DraftStatus, SendWait
from core.db.session import Database
from core.errors import NotAllowed, NotFound, StaleDecision, Unavailable
from core.settings import BridgeSettings
from desktop_bridge import host
from desktop_bridge.elsewhere import send_as_device
from desktop_bridge.errors import ColdMessage
from desktop_bridge.journal.journal import open_journal
from desktop_bridge.sandbox.running import Sandbox, run_sandbox
from domain.audit.models import AuditEntry
from domain.drafts.models import Draft
from tests.api.conftest import V1, Business, Server, open_business
from tests.desktop_bridge.stage import bridge_settings, running_bridge
from tests.domain.desk import Desk


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with run_sandbox() as running:
        yield running


@pytest.fixture
async def shop(server: Server, behind: Database) -> Business:
    return await open_business(server, behind, "Shop")


@pytest.fixture
def settings(sandbox: Sandbox, shop: Business, tmp_path: Path) -> BridgeSettings:
    return bridge_settings(sandbox, tmp_path / "home", server_url=shop.server.url, pacing=False)


async def _check_passes(shop: Business, behind: Database) -> None:
    """Be the worker: check the human text once it is there."""
    desk = Desk(behind, shop.tenant_id)
    async with asyncio.timeout(30), shop.staff as staff:
        while True:
            for chat in (await staff.get(f"{V1}/chats")).json()["items"]:
                draft = (await staff.get(f"{V1}/chats/{chat['id']}/context")).json()["draft"]
                if draft is not None and draft["status"] == DraftStatus.CHECKING:
                    await desk.store(await desk.claim(chat["id"]), *draft["parts"])
                    return
            await asyncio.sleep(0.1)  # a worker hears of it by a doorbell, this test asks


async def _known(settings: BridgeSettings, shop: Business, sandbox: Sandbox) -> None:
    """Let a bridge run once, and a customer write to it."""
    async with running_bridge(settings, shop.device_token):
        chat = await sandbox.client.add_chat("Carla")
        await sandbox.client.customer_says(chat.id, "What does tea cost?")
        async with asyncio.timeout(20), shop.staff as staff:
            while not (await staff.get(f"{V1}/chats")).json()["items"]:  # noqa: ASYNC110 - a panel hears of it by events
                await asyncio.sleep(0.1)


async def test_where_no_bridge_runs_the_command_is_the_bridge(
    settings: BridgeSettings, shop: Business, sandbox: Sandbox, behind: Database
) -> None:
    await _known(settings, shop, sandbox)
    async with asyncio.TaskGroup() as group:
        group.create_task(_check_passes(shop, behind))
        sending = group.create_task(send_as_device(settings, "Carla", "Tea costs 4 EUR.", patience=40))
    answer = sending.result()
    assert (answer["status"] in {"sent", "delivered"}, answer["final"]) == (True, True)
    assert [message.text for message in await sandbox.client.received()] == ["Tea costs 4 EUR."]
    audited = await _audited(behind, shop)
    assert ("message.typed", "device", shop.device_id) in audited


async def test_a_running_bridge_sends_it(
    settings: BridgeSettings, shop: Business, sandbox: Sandbox, behind: Database
) -> None:
    await _known(settings, shop, sandbox)
    with host.single_instance(settings.home):
        async with running_bridge(settings, shop.device_token), asyncio.TaskGroup() as group:
            group.create_task(_check_passes(shop, behind))
            sending = group.create_task(send_as_device(settings, "Carla", "Tea costs 4 EUR.", patience=40))
        assert sending.result()["final"]
    assert len(await sandbox.client.received()) == 1


async def test_what_keeps_an_approved_message_back_is_said(shop: Business, behind: Database) -> None:
    chat_id = await shop.customer_writes("What does tea cost?")
    tail = f"EXT{shop.bubbles:04d}{chat_id.hex[-8:]}"
    body = {"id": str(new_id()), "chat_id": str(chat_id), "newest_external_id": tail, "parts": ["Tea costs 4 EUR."]}
    assert (await shop.ask(shop.bridge, "POST", "/bridge/messages", json=body)).status_code == 202
    await _check_passes(shop, behind)

    async def waits() -> tuple[str, str | None]:
        (part,) = (await shop.ask(shop.bridge, "GET", f"/bridge/messages/{body['id']}")).json()["parts"]
        return part["status"], part["wait_code"]

    assert await waits() == ("queued", None)
    away = LeaseRequest(
        installation_id=shop.installation, epoch=shop.epoch, state=ChannelState.OFFLINE, app_version="1"
    )
    await shop.ask(shop.bridge, "POST", "/bridge/lease", json=away.model_dump(mode="json"))
    assert await waits() == ("queued", SendWait.CHANNEL_DOWN)


async def _audited(behind: Database, shop: Business) -> set[tuple[str, str, object]]:
    async with behind.unit_of_work(shop.tenant_id) as session:
        rows = await session.scalars(select(AuditEntry))
        return {(row.action, row.actor_kind, row.actor_id) for row in rows}


class TestRefusals:
    async def test_not_paired(self, settings: BridgeSettings) -> None:
        with pytest.raises(NotAllowed) as caught:
            await send_as_device(settings, "Carla", "hello")
        assert caught.value.reason_code == "not_paired"
        open_journal(settings).close()
        with pytest.raises(NotAllowed):
            await send_as_device(settings, "Carla", "hello")

    async def test_unknown_and_cold(self, settings: BridgeSettings, shop: Business, sandbox: Sandbox) -> None:
        await _known(settings, shop, sandbox)
        with pytest.raises(NotFound, match="0 chats"):
            await send_as_device(settings, "Nobody", "hello")
        journal = open_journal(settings)
        with journal.store.transaction():
            journal.chats.add_chat("Stranger")
        journal.close()
        with pytest.raises(ColdMessage):
            await send_as_device(settings, "Stranger", "hello")

    async def test_no_server(self, settings: BridgeSettings) -> None:
        away = settings.model_copy(update={"server_url": "http://127.0.0.1:9"})
        journal = open_journal(away)
        device = PairedDevice(device_id=new_id(), tenant_id=new_id(), channel_id=new_id(), token="wxd_" + "x" * 32)
        journal.keep_pairing(device, away.server_url)
        journal.close()
        with pytest.raises(Unavailable):
            await send_as_device(away, "Carla", "hello", patience=3)

    async def test_what_the_server_refuses(self, shop: Business, other_business: Business, behind: Database) -> None:
        chat_id = await shop.customer_writes("What does tea cost?")
        page = (await shop.ask(shop.staff, "GET", f"/chats/{chat_id}/context")).json()
        assert page["chat"]["id"] == str(chat_id)
        tail = f"EXT{shop.bubbles:04d}{chat_id.hex[-8:]}"
        body = {"id": str(new_id()), "chat_id": str(chat_id), "newest_external_id": tail, "parts": ["Tea costs 4 EUR."]}

        async def ask(who: Business, **change: object) -> tuple[int, str]:
            answer = await who.ask(who.bridge, "POST", "/bridge/messages", json=body | change)
            return answer.status_code, answer.json().get("code", "")

        assert await ask(shop, newest_external_id="OLDER") == (409, StaleDecision.code)
        assert (await ask(shop, chat_id=str(new_id())))[0] == 404
        assert (await ask(other_business))[0] == 404
        assert (await ask(shop, parts=[""]))[0] == 422
        refused = await shop.ask(shop.staff, "POST", "/bridge/messages", json=body)
        assert refused.status_code == 403
        assert (await ask(shop))[0] == 202
        assert (await ask(shop))[0] == 202
        mine = await shop.ask(shop.bridge, "GET", f"/bridge/messages/{body['id']}?wait_ms=50")
        assert (mine.json()["status"], mine.json()["final"]) == ("checking", False)
        drafts = [d for d in await Desk(behind, shop.tenant_id).all(Draft, chat_id=chat_id) if d.origin == "human"]
        assert [(str(draft.id), draft.author_id, draft.intent) for draft in drafts] == [
            (body["id"], shop.device_id, "send_if_passes")
        ]
