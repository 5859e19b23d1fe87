"""Keeps the page open, and looks it over after each change. A page that fails is started again, ever more calmly."""

import asyncio
from collections.abc import Callable

import structlog

from core.contracts.sessions import WANTED_SECONDS
from core.contracts.states import ChannelState
from core.errors import WaxosError
from desktop_bridge.errors import JournalUnwritable, PageChanged, PageError
from desktop_bridge.inbound.intake import PageIntake
from desktop_bridge.link.client import ServerClient, pause
from desktop_bridge.page import linking
from desktop_bridge.page.browser import Browser
from desktop_bridge.page.chat_page import WebChatPage
from desktop_bridge.page.session import NO_CONSENT, Session
from desktop_bridge.running.notes import NoteKeeper
from desktop_bridge.running.pulse import Pulse
from desktop_bridge.running.state import RESCAN_SECONDS, See, Shared, rung

CODE_AGAIN_SECONDS = 15.0
"""An unchanged code is handed in again after so long, before the server forgets it."""

STANDBY_SECONDS = 1.0
"""How soon a bridge that gets the channel reads what is new."""

log = structlog.get_logger(__name__)


class PageKeeper:
    """The part that owns the page's life. `see` is told of every session that it sees."""

    def __init__(
        self,
        shared: Shared,
        browser: Browser,
        page: WebChatPage,
        intake: PageIntake,
        pulse: Pulse,
        notes: NoteKeeper,
        see: See,
        standby: Callable[[], bool],
    ) -> None:
        self._shared = shared
        self._browser = browser
        self._page = page
        self._intake = intake
        self._pulse = pulse
        self._notes = notes
        self._see = see
        self._standby = standby

    async def keep(self) -> None:
        """Open the page once that is permitted, and keep it open and read."""
        tries, running = 0, False
        while True:
            began = self._page.started_at
            try:
                await self._permission()
                async with self._shared.page_lock:
                    if not running:
                        await self._page.start()
                    self._see(await self._page.linked())
                    began, running = self._page.started_at, True
                await self._follow()
            except JournalUnwritable as fault:
                await self._notes.until_writable(fault)
            except PageError as fault:
                async with self._shared.page_lock:  # another part may be just about to start it anew
                    running = self._page.started_at != began
                if running or not self._shared.permitted.is_set():
                    continue
                tries += 1
                self._failed(fault)
                log.warning("page.failed", code=fault.reason_code, reason=fault.detail, tries=tries)
                await self._pause(pause(tries + 2))

    async def shut(self) -> None:
        """Close the page as soon as it may not be open."""
        while True:
            await self._shared.forbidden.wait()
            async with self._shared.page_lock:
                await self._browser.close()
            await self._shared.permitted.wait()

    async def _pause(self, seconds: float) -> None:
        self._shared.retry.clear()
        self._shared.pausing = True
        await rung(self._shared.retry, seconds)
        self._shared.pausing = False

    async def _permission(self) -> None:
        if not self._shared.permitted.is_set():
            self._see(NO_CONSENT)
            await self._shared.permitted.wait()
            self._see(Session(ChannelState.STARTING))

    async def _follow(self) -> None:
        while True:
            async with self._shared.page_lock:
                reader = self._page.reader
                seen = await reader.ask("watch.count")
                self._see(await self._page.session())
                standby = self._standby()
                if self._shared.session.usable and not standby:
                    read = await self._intake.scan()
                    self._pulse.scanned()
                    if read:
                        self._shared.work.set()
            if self._shared.session.usable:
                self._shared.scanned.set()
            await reader.changed(seen, STANDBY_SECONDS if standby else RESCAN_SECONDS)

    def _failed(self, fault: PageError) -> None:
        self._pulse.page_answers = isinstance(fault, PageChanged)
        if isinstance(fault, PageChanged):
            self._pulse.landmarks_missing = [fault.landmark]
        self._shared.scanned.clear()
        self._see(Session(ChannelState.BROKEN, fault.detail[:300]))


class CodeKeeper:
    """Hands the linking code in while an owner looks at it, and not otherwise."""

    def __init__(self, shared: Shared, page: WebChatPage, client: ServerClient, epoch: Callable[[], int]) -> None:
        self._shared = shared
        self._page = page
        self._client = client
        self._epoch = epoch
        self._wanted = asyncio.Event()
        self._until = 0.0

    def want(self) -> None:
        """Note that an owner looks now."""
        self._until = asyncio.get_running_loop().time() + WANTED_SECONDS
        self._wanted.set()

    async def keep(self) -> None:
        """Wait for somebody to look, then follow the code until nobody does or it was scanned."""
        while True:
            await self._wanted.wait()
            try:
                await self._follow()
            except PageError as fault:
                log.info("code.not_read", code=fault.reason_code)
            except WaxosError as fault:
                log.info("code.not_taken", code=fault.reason_code)
            self._wanted.clear()

    async def _follow(self) -> None:
        loop = asyncio.get_running_loop()
        handed: tuple[str, float] | None = None
        while loop.time() < self._until and self._shared.session.state is ChannelState.QR:
            async with self._shared.page_lock:
                reader = self._page.reader
                seen = await reader.ask("watch.count")
                code = await linking.code_on(reader)
                if code.expired:
                    await linking.renew_code(reader)
            if code.data and (handed is None or handed[0] != code.data or loop.time() - handed[1] > CODE_AGAIN_SECONDS):
                taken = await self._client.hand_in_code(code.data, self._epoch())
                self._until = loop.time() + taken.wanted_seconds
                handed = (code.data, loop.time())
            await reader.changed(seen, min(CODE_AGAIN_SECONDS, max(self._until - loop.time(), 0.1)))


async def take_back(shared: Shared, page: WebChatPage, see: See) -> None:
    """Press “Use here” once, because the owner asked; whatever comes of it, it is not pressed again by itself."""
    if shared.session.state is not ChannelState.TAKEN_OVER:
        return
    try:
        async with shared.page_lock:
            back = await linking.use_here(page.reader)
            see(await page.linked() if back else await page.session())
    except PageError as fault:
        log.warning("use_here.failed", code=fault.reason_code)
        return
    log.info("use_here.pressed", back=back)
