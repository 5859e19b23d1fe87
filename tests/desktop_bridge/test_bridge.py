"""The whole bridge: from the customer's message to the server and from the server's send to the customer, over real sockets."""

import asyncio
import base64
import time

import pytest

from core.contracts.bridge import SendOutcome
from core.contracts.states import ChannelState, Direction, Tick
from core.settings import BridgeSettings
from desktop_bridge.sandbox.models import Media, MessageKind
from desktop_bridge.sandbox.running import Sandbox
from desktop_bridge.status import read_status
from tests.desktop_bridge.link.desk import TOKEN, Desk
from tests.desktop_bridge.stage import crash_at, running_bridge


async def test_a_message_reaches_the_desk_and_its_answer_the_customer(
    sandbox: Sandbox, desk: Desk, settings: BridgeSettings
) -> None:
    old = await sandbox.client.add_chat("Old Chat")
    await sandbox.client.customer_says(old.id, "from before the bridge was linked")
    desk.lose = {"lease": 1, "observations": 1, "arm": 1, "report": 1}
    began = time.monotonic()
    async with running_bridge(settings, TOKEN) as status:
        assert status.ready
        assert status.started_seconds is not None
        assert 0 < status.started_seconds <= time.monotonic() - began
        chat = await sandbox.client.add_chat("Anna")
        await sandbox.client.customer_says(chat.id, "When do you open?")
        await desk.until(desk.has("When do you open?"))
        seen = desk.messages[-1]
        assert (seen.direction, seen.history, seen.wa_at is not None) == (Direction.IN, False, True)

        send_id = await desk.send("Anna", "At nine.")
        await desk.until(lambda: send_id in desk.reports)
        received = await sandbox.client.wait_received("Anna")
        assert [m.text for m in received] == ["At nine."]
        assert desk.reports[send_id][0].external_id == received[0].id
        await desk.until(lambda: any(t.tick is Tick.DELIVERED for t in desk.ticks))

        await sandbox.client.phone_says(chat.id, "I answer from the phone")
        await desk.until(desk.has("I answer from the phone"))
        assert desk.messages[-1].direction is Direction.OUT
    assert [m.text for m in desk.messages] == ["When do you open?", "I answer from the phone"]
    assert desk.leases[-1].state is ChannelState.LINKED
    stopped = read_status(settings.home)
    assert stopped is not None
    assert not stopped.ready


async def test_the_bytes_of_a_picture_follow_its_message(
    sandbox: Sandbox, desk: Desk, settings: BridgeSettings
) -> None:
    picture = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 40
    async with running_bridge(settings, TOKEN):
        chat = await sandbox.client.add_chat("Anna")
        media = Media(mime="image/jpeg", data=base64.b64encode(picture).decode(), loaded=False)
        said = await sandbox.client.customer_says(chat.id, "Look", kind=MessageKind.IMAGE, media=media)
        await desk.until(lambda: said in desk.files)
        assert desk.files == {said: picture}
        seen = next(m for m in desk.messages if m.external_id == said)
        assert [(f.mime, f.problem) for f in seen.files] == [("image/jpeg", None)]


@pytest.mark.parametrize("point", ["send.armed", "send.clicked"])
async def test_a_bridge_that_died_settles_its_send_after_the_restart(
    sandbox: Sandbox, desk: Desk, settings: BridgeSettings, point: str
) -> None:
    async with running_bridge(settings, TOKEN, crash_at(point)):
        chat = await sandbox.client.add_chat("Anna")
        await sandbox.client.customer_says(chat.id, "When do you open?")
        await desk.until(desk.has("When do you open?"))
        send_id = await desk.send("Anna", "At nine.")
        await desk.until(lambda: send_id in desk.armed)
        await asyncio.sleep(0.3)
    assert send_id not in desk.reports
    async with running_bridge(settings, TOKEN):
        await desk.until(lambda: any(r.outcome is SendOutcome.SENT for r in desk.reports.get(send_id, [])), seconds=20)
    assert [m.text for m in await sandbox.client.received()] == ["At nine."]
    assert [m.text for m in desk.messages if m.direction is Direction.IN] == ["When do you open?"]
    assert [m.text for m in desk.messages if m.direction is Direction.OUT] in (
        [],
        ["At nine."],
    )  # told before or by the report


async def test_what_happened_while_the_bridge_was_away_is_read_once(
    sandbox: Sandbox, desk: Desk, settings: BridgeSettings
) -> None:
    chat = await sandbox.client.add_chat("Anna")
    async with running_bridge(settings, TOKEN):
        await sandbox.client.customer_says(chat.id, "one")
        await desk.until(desk.has("one"))
    await sandbox.client.customer_says(chat.id, "two")
    stranger = await sandbox.client.add_chat("Ben")
    await sandbox.client.customer_says(stranger.id, "three")
    async with running_bridge(settings, TOKEN):
        await desk.until(desk.has("two"))
        await desk.until(desk.has("three"))
    assert sorted(m.text or "" for m in desk.messages) == ["one", "three", "two"]
    assert {m.text: m.history for m in desk.messages} == {"one": False, "two": False, "three": False}


async def test_the_page_is_taken_over_and_the_desk_is_told(
    sandbox: Sandbox, desk: Desk, settings: BridgeSettings
) -> None:
    async with running_bridge(settings, TOKEN):
        await sandbox.client.configure(screen="taken_over")
        await desk.until(lambda: desk.leases[-1].state is ChannelState.TAKEN_OVER)
        await sandbox.client.configure(screen="main")
        await desk.until(lambda: desk.leases[-1].state is ChannelState.LINKED)
