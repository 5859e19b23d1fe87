"""One real browser of the bridge on one real sandbox, shared by the tests of a module; each test takes chats of its own."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import SecretStr

from core.contracts.bridge import SendOrder
from core.contracts.channels import PairedDevice
from core.contracts.ids import new_id
from core.settings import BridgeSettings
from desktop_bridge.byhand import local_order
from desktop_bridge.failpoints import Failpoint, no_failpoint
from desktop_bridge.inbound.intake import PageIntake
from desktop_bridge.journal.chats import News
from desktop_bridge.journal.journal import Journal, open_journal
from desktop_bridge.link.authority import LocalAuthority
from desktop_bridge.link.client import ServerClient
from desktop_bridge.page.browser import Browser
from desktop_bridge.page.chat_page import WebChatPage
from desktop_bridge.page.landmarks import load_landmarks
from desktop_bridge.runner import Bridge
from desktop_bridge.running.state import Shared
from desktop_bridge.sandbox.models import Faults
from desktop_bridge.sandbox.running import Sandbox, run_sandbox
from desktop_bridge.sends.budget import Budget
from desktop_bridge.sends.machine import Parts, SendMachine
from desktop_bridge.sends.pacing import Timing
from desktop_bridge.sends.ports import Authority
from desktop_bridge.status import BridgeStatus

QUICK = Timing(read_back=1.0, tick=2.0, settle_margin=0.3, settle_look=0.3, pending=1.0)


class Crash(BaseException):
    """The process dies here."""


@dataclass
class Stage:
    """A sandbox, the bridge's page on it, and a journal."""

    sandbox: Sandbox
    browser: Browser
    page: WebChatPage
    journal: Journal
    intake: PageIntake
    told: list[News]
    renamed: dict[UUID, UUID]
    """What the server answers to the next news: the chats that have another id than they were reported under."""

    async def customer(self, title: str, *texts: str) -> str:
        """Add a chat in which a customer has written, and return its id in the sandbox."""
        chat = await self.sandbox.client.add_chat(title)
        for text in texts:
            await self.sandbox.client.customer_says(chat.id, text)
        return chat.id

    async def read(self, title: str) -> UUID:
        """Open the chat in the bridge's page, read it, and return its id in the journal."""
        row = (await self.page.find_rows(title))[0]
        assert await self.page.open_row(row)
        chat_id = await self.intake.read_open(unread=row.unread)
        assert chat_id is not None
        return chat_id

    async def order(self, title: str, text: str, chat_id: UUID | None = None, **more: Any) -> SendOrder:
        """Return the order that a server would give for this chat."""
        chat_id = chat_id or await self.read(title)
        return local_order(self.journal, chat_id, title, text, epoch=1, **more)

    async def tail(self) -> str | None:
        """Return the newest message of the open chat."""
        return (await self.page.look()).tail

    def machine(
        self,
        authority: Authority,
        *,
        failpoint: Failpoint = no_failpoint,
        timing: Timing = QUICK,
        pacing: bool = False,
        go_on: Callable[[SendOrder], None] = lambda _: None,
        epoch: Callable[[], int] = lambda: 1,
    ) -> SendMachine:
        """Return a send machine on this stage."""
        parts = Parts(
            authority=authority,
            page=self.page,
            intake=self.intake,
            journal=self.journal.sends,
            budget=Budget(self.journal.chats, self.journal.sends, per_hour=1000, per_chat_hour=1000),
            epoch=epoch,
        )
        return SendMachine(parts, pacing=pacing, timing=timing, failpoint=failpoint, go_on=go_on)

    async def local(self) -> LocalAuthority:
        """Return an authority that allows a click while the open chat ends as it does now."""
        return LocalAuthority(await self.tail())

    async def drafts(self) -> dict[str, str]:
        """Return what stands unsent in the boxes, by chat."""
        chats = (await self.sandbox.client.state()).chats
        return {chat.id: text for chat in chats for text in chat.drafts.values() if text}

    async def received(self, chat: str) -> list[str]:
        """Return what this chat's customer has received."""
        return [message.text for message in await self.sandbox.client.received(chat)]


def crash_at(point: str) -> Failpoint:
    """Return a failpoint that kills the machine the first time it comes to `point`."""
    left = [point]

    def hit(name: str) -> None:
        if name in left:
            left.remove(name)
            raise Crash(name)

    return hit


def bridge_settings(sandbox: Sandbox, home: Path, **more: Any) -> BridgeSettings:
    """Return the settings of a bridge on this sandbox."""
    values = {"page_url": f"{sandbox.url}/", "home": home, "journal_passphrase": SecretStr("a long passphrase")}
    return BridgeSettings.model_validate({**values, **more})


@asynccontextmanager
async def set_stage(home: Path, configure: Callable[[Sandbox], Any] | None = None) -> AsyncIterator[Stage]:
    """Start everything and end it again."""
    async with run_sandbox() as sandbox:
        if configure is not None:
            await configure(sandbox)
        settings = bridge_settings(sandbox, home)
        landmarks = load_landmarks()
        browser = Browser(settings, landmarks)
        page = WebChatPage(browser, landmarks)
        journal = open_journal(settings)
        told: list[News] = []

        renamed: dict[UUID, UUID] = {}

        async def post(news: list[News]) -> dict[UUID, UUID]:
            told.extend(news)
            return renamed

        try:
            await page.start()
            await page.linked()
            yield Stage(sandbox, browser, page, journal, PageIntake(page, journal, post), told, renamed)
        finally:
            await browser.stop()
            journal.close()


@asynccontextmanager
async def running_bridge(
    settings: BridgeSettings,
    token: str,
    failpoint: Failpoint = no_failpoint,
    *,
    meet: Callable[[Bridge], None] = lambda _: None,
    start_seconds: float = 60.0,
) -> AsyncIterator[BridgeStatus]:
    """A paired bridge for as long as the block lasts, once it is ready; the value is its first status. `meet` gets the bridge itself."""
    async with wired_bridge(settings, token, failpoint) as bridge:
        meet(bridge.bridge)
        await asyncio.wait({bridge.task, bridge.ready}, return_when=asyncio.FIRST_COMPLETED, timeout=start_seconds)
        if bridge.task.done():
            await bridge.task
        yield bridge.ready.result()


@dataclass
class Wired:
    """A bridge that runs, whether it is ready or not, and its inner parts."""

    bridge: Bridge
    task: asyncio.Task[None]
    ready: asyncio.Future[BridgeStatus]

    @property
    def shared(self) -> Shared:
        return self.bridge.shared

    @property
    def page(self) -> WebChatPage:
        return self.bridge._page

    @property
    def memory_mb(self) -> int | None:
        return self.bridge._pulse.memory_mb

    def limit_memory(self, mb: int) -> None:
        self.bridge._recycler._limit_mb = mb


@asynccontextmanager
async def wired_bridge(
    settings: BridgeSettings, token: str, failpoint: Failpoint = no_failpoint
) -> AsyncIterator[Wired]:
    """A paired bridge for as long as the block lasts."""
    journal = open_journal(settings)
    device = PairedDevice(device_id=new_id(), tenant_id=new_id(), channel_id=new_id(), token=token)
    journal.keep_pairing(device, settings.server_url)
    client = ServerClient(settings.server_url, journal.token(settings.server_url))
    ready: asyncio.Future[BridgeStatus] = asyncio.get_running_loop().create_future()
    bridge = Bridge(settings, journal, client, failpoint=failpoint, timing=QUICK, on_ready=ready.set_result)
    task = asyncio.create_task(bridge.run())
    try:
        yield Wired(bridge, task, ready)
    finally:
        bridge.shared.stop.set()
        with suppress(BaseExceptionGroup, Crash):
            await task
        await client.close()
        journal.close()


async def calm(sandbox: Sandbox) -> None:
    """Take back whatever a test did to the sandbox's manners."""
    await sandbox.client.configure(
        faults=Faults().model_dump(), offline=False, restricted=False, syncing=False, dialog="none",
        interstitial=False, screen="main", build="testid",
        ids="bare", lang="en", enter_sends=True, emoji_transform=False, list_markers=False, quick_replies={},
    )  # fmt: skip
