"""The life of a session in a whole bridge: consent, linking, “Use here”, the stop, the breaker, and a browser that grew."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from core.contracts.sessions import Breaker, BreakerState, ChannelAsk, Stop
from core.contracts.states import ChannelState
from core.settings import BridgeSettings
from desktop_bridge import host
from desktop_bridge.page.session import NO_CONSENT
from desktop_bridge.sandbox.models import JournalEntry, JournalKind
from desktop_bridge.sandbox.running import Sandbox
from tests.desktop_bridge.link.desk import TOKEN, Desk
from tests.desktop_bridge.stage import running_bridge, wired_bridge


async def _writes(sandbox: Sandbox, desk: Desk, title: str, text: str) -> str:
    chat = await sandbox.client.add_chat(title)
    await sandbox.client.customer_says(chat.id, text)
    await desk.until(desk.has(text))
    return chat.id


async def _pages_opened(sandbox: Sandbox) -> int:
    return _opened(await sandbox.client.journal())


def _opened(journal: list[JournalEntry]) -> int:
    return sum(entry.kind is JournalKind.PAGE_OPENED for entry in journal)


async def test_no_page_of_another_computer_opens_before_the_owner_accepted(
    sandbox: Sandbox, desk: Desk, settings: BridgeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert host.on_loopback(settings.page_url)
    monkeypatch.setattr(host, "on_loopback", lambda _: False)
    desk.risk_accepted = False
    async with wired_bridge(settings, TOKEN):
        await desk.until(lambda: any(one.state_detail == NO_CONSENT.detail for one in desk.leases))
        renewals = len(desk.leases)
        await desk.until(lambda: len(desk.leases) > renewals + 1)
        assert await _pages_opened(sandbox) == 0
        assert not host.browser_processes(settings.home.absolute() / "profile")
        desk.risk_accepted = True
        await desk.until(lambda: desk.leases[-1].state is ChannelState.LINKED, 30)
        assert await _pages_opened(sandbox) == 1
        desk.risk_accepted = False  # the computer was given to another channel
        await desk.until(lambda: desk.leases[-1].state_detail == NO_CONSENT.detail)
        assert not host.browser_processes(settings.home.absolute() / "profile")


async def test_the_code_is_handed_in_only_while_somebody_looks(
    sandbox: Sandbox, desk: Desk, settings: BridgeSettings, capfd: pytest.CaptureFixture[str]
) -> None:
    await sandbox.client.configure(screen="qr")
    async with wired_bridge(settings, TOKEN) as bridge:
        await desk.until(lambda: bool(desk.leases) and desk.leases[-1].state is ChannelState.QR, 30)
        assert desk.codes == []
        await desk.look()
        await desk.until(lambda: len(desk.codes) == 1)
        shown = await bridge.page.reader.page.locator("[data-ref]").get_attribute("data-ref")
        assert desk.codes == [shown]
        await sandbox.client.configure(screen="qr_expired")  # the page's own button is pressed: somebody looks
        await desk.until(lambda: len(desk.codes) == 2)
        desk.looking = False
        await sandbox.client.configure(screen="qr_expired")
        await sandbox.client.configure(screen="main")
        await desk.until(lambda: desk.leases[-1].state is ChannelState.LINKED, 30)
        assert len(set(desk.codes)) == 2
    said = "".join(capfd.readouterr())
    assert not any(code in said for code in desk.codes)
    told = "".join(one.model_dump_json() for one in desk.leases)
    assert not any(code in told for code in desk.codes)


async def test_use_here_is_pressed_once_and_only_when_the_owner_asks(
    sandbox: Sandbox, desk: Desk, settings: BridgeSettings
) -> None:
    async with running_bridge(settings, TOKEN):
        await sandbox.client.configure(screen="taken_over")
        await desk.until(lambda: desk.leases[-1].state is ChannelState.TAKEN_OVER)
        renewals = len(desk.leases)
        await desk.until(lambda: len(desk.leases) > renewals + 2)
        assert (await sandbox.client.state()).settings.screen == "taken_over"
        await desk.ask(ChannelAsk.USE_HERE)
        await desk.until(lambda: desk.leases[-1].state is ChannelState.LINKED, 20)
        await sandbox.client.configure(screen="taken_over")
        await desk.until(lambda: desk.leases[-1].state is ChannelState.TAKEN_OVER)
        renewals = len(desk.leases)
        await desk.until(lambda: len(desk.leases) > renewals + 2)
        assert (await sandbox.client.state()).settings.screen == "taken_over"


async def test_a_stopped_channel_reads_and_sends_again_when_it_is_resumed(
    sandbox: Sandbox, desk: Desk, settings: BridgeSettings
) -> None:
    async with running_bridge(settings, TOKEN):
        await _writes(sandbox, desk, "Anna", "When do you open?")
        desk.stopped = Stop.RESTRICTED
        renewals = len(desk.leases)
        await desk.until(lambda: len(desk.leases) > renewals + 1)
        send_id = await desk.send("Anna", "At nine.")
        await _writes(sandbox, desk, "Ben", "And on Sunday?")
        assert send_id not in desk.reports
        assert await sandbox.client.received() == []
        desk.stopped = None
        await desk.until(lambda: send_id in desk.reports, 20)
    assert [m.text for m in await sandbox.client.received()] == ["At nine."]


async def test_three_replies_without_a_tick_open_the_breaker_and_a_new_page_closes_it(
    sandbox: Sandbox, desk: Desk, settings: BridgeSettings
) -> None:
    async with running_bridge(settings, TOKEN):
        for name in ("Anna", "Ben", "Carla", "Dora"):
            await _writes(sandbox, desk, name, f"{name} asks")
        await sandbox.client.set_fault(outbox_until_reload=True)
        sends = [await desk.send(name, f"To {name}.") for name in ("Anna", "Ben", "Carla")]
        await desk.until(lambda: desk.breaker is not None and desk.breaker.state is BreakerState.OPEN, 60)
        assert all(send_id in desk.reports for send_id in sends)
        assert desk.breaker is not None
        assert (desk.breaker.failures, desk.breaker.reason) == (3, "the newest replies got no tick")
        broken = next(one for one in desk.leases if one.state is ChannelState.BROKEN)
        assert "sending is stopped" in (broken.state_detail or "")
        await sandbox.client.set_fault(outbox_until_reload=False)
        last = await desk.send("Dora", "To Dora.")
        await _writes(sandbox, desk, "Emil", "Emil asks, and is read meanwhile")
        await desk.until(lambda: last in desk.reports, 40)
        await desk.until(lambda: desk.breaker == Breaker(), 20)
        assert desk.leases[-1].state is ChannelState.LINKED
    received = sorted(m.text for m in await sandbox.client.received())
    assert received == ["To Anna.", "To Ben.", "To Carla.", "To Dora."]


async def test_an_open_breaker_outlives_the_bridge_until_a_person_lets_it_try(
    sandbox: Sandbox, desk: Desk, settings: BridgeSettings
) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    async with running_bridge(settings, TOKEN):
        await _writes(sandbox, desk, "Anna", "When do you open?")
    desk.breaker = Breaker(state=BreakerState.OPEN, failures=3, tries=9, reason="no box", retry_at=later)
    async with running_bridge(settings, TOKEN):
        send_id = await desk.send("Anna", "At nine.")
        await desk.until(lambda: desk.leases[-1].state is ChannelState.BROKEN)
        renewals = len(desk.leases)
        await desk.until(lambda: len(desk.leases) > renewals + 1)
        assert send_id not in desk.reports
        desk.slow_lease = 0.5  # what waits must not be asked for before the desk knows that the breaker is closed
        await desk.ask(ChannelAsk.TRY_AGAIN)
        await desk.until(lambda: send_id in desk.reports, 25)
        await desk.until(lambda: desk.breaker == Breaker())
    assert [m.text for m in await sandbox.client.received()] == ["At nine."]


async def test_a_browser_that_grew_is_started_anew_and_no_message_is_missed_or_doubled(
    sandbox: Sandbox, desk: Desk, settings: BridgeSettings
) -> None:
    profile = settings.home.absolute() / "profile"
    chat = await sandbox.client.add_chat("Anna")
    async with wired_bridge(settings, TOKEN) as bridge:
        await bridge.ready
        opened = await _pages_opened(sandbox)
        small = await asyncio.to_thread(host.browser_memory, profile) // 2**20
        limit = int((small + 200) / 0.85)
        bridge.limit_memory(limit)
        bridge.shared.sent.set()
        await desk.until(lambda: bridge.memory_mb is not None)
        assert await _pages_opened(sandbox) == opened, "a small browser is left alone"
        await bridge.page.reader.page.evaluate(
            "() => { window.hoard = Array.from({ length: 400 }, () => new Uint8Array(2 ** 20).fill(7)); }"
        )
        grown = await asyncio.to_thread(host.browser_memory, profile) // 2**20
        assert grown > limit * 0.85

        async def talk() -> None:
            for number in range(12):
                await sandbox.client.customer_says(chat.id, f"message {number}")
                await asyncio.sleep(0.15)  # house: sleep - customers write while the browser starts

        await sandbox.client.customer_says(chat.id, "first")
        await desk.until(desk.has("first"))
        await _writes(sandbox, desk, "Ben", "When do you open?")
        talking = asyncio.create_task(talk())
        send_id = await desk.send("Ben", "At nine.")
        await desk.until(lambda: send_id in desk.reports, 20)
        await sandbox.client.wait_for(lambda seen: _opened(seen.journal) > opened, 30)
        await desk.until(lambda: bridge.memory_mb is not None and bridge.memory_mb < limit * 0.85, 30)
        await talking
        await desk.until(desk.has("message 11"), 20)
        assert await _pages_opened(sandbox) == opened + 1
    texts = [m.text for m in desk.messages if m.text not in {"At nine.", "When do you open?"}]
    assert texts == ["first", *(f"message {number}" for number in range(12))]
    assert [m.text for m in await sandbox.client.received()] == ["At nine."]


async def test_health_says_what_was_read_and_sent_and_not_that_a_line_is_up(
    sandbox: Sandbox, desk: Desk, settings: BridgeSettings
) -> None:
    async with running_bridge(settings, TOKEN):
        await _writes(sandbox, desk, "Anna", "When do you open?")
        send_id = await desk.send("Anna", "At nine.")
        await desk.until(lambda: send_id in desk.reports)
        before = datetime.now(UTC)
        await desk.until(lambda: (desk.leases[-1].health is not None) and desk.leases[-1].health.at > before)
        seen = desk.leases[-1].health
    assert seen is not None
    assert (seen.page_answers, seen.landmarks_missing, seen.unacked_since) == (True, [], None)
    assert seen.last_scan_at is not None
    assert seen.last_read_back_at is not None
    assert timedelta(0) <= seen.at - seen.last_read_back_at < timedelta(minutes=1)
