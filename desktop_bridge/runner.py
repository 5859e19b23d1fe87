"""`waxos bridge run`: one asyncio program of a few parts that share one page by one lock.

lease keeper (holds the channel) · doorbell (the server's hints) · page keeper · sender (one send at a time) · mender (the breaker) ·
recycler (memory) · code keeper (linking) · status. A part that meets a fault which waiting may heal waits and goes on; anything else
ends the program with its reason.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from uuid import UUID

import structlog

from core.contracts.bridge import BridgeHint, BridgeHintType, Lease, SendOrder
from core.contracts.sessions import Breaker, ChannelAsk
from core.errors import NotAuthenticated, SetupError, WaxosError
from core.settings import BridgeSettings
from desktop_bridge import __version__, host
from desktop_bridge.byok.owner import OwnerDesk
from desktop_bridge.byok.web import open_page
from desktop_bridge.errors import Withdrawn
from desktop_bridge.failpoints import Failpoint, no_failpoint
from desktop_bridge.inbound.files import ChatFiles
from desktop_bridge.inbound.intake import PageIntake
from desktop_bridge.inbound.telling import observations
from desktop_bridge.journal.chats import News
from desktop_bridge.journal.journal import Journal, open_journal
from desktop_bridge.link.authority import ServerAuthority
from desktop_bridge.link.client import ServerClient
from desktop_bridge.link.lease import LeaseKeeper
from desktop_bridge.page.browser import Browser
from desktop_bridge.page.chat_page import WebChatPage
from desktop_bridge.page.landmarks import load_landmarks
from desktop_bridge.page.media import PageFiles
from desktop_bridge.page.session import Session
from desktop_bridge.running.bringing import FileBringer
from desktop_bridge.running.holding import while_held
from desktop_bridge.running.mending import Mender, Recycler
from desktop_bridge.running.notes import NoteKeeper
from desktop_bridge.running.pages import CodeKeeper, PageKeeper, take_back
from desktop_bridge.running.pulse import Pulse
from desktop_bridge.running.sender import Sender
from desktop_bridge.running.state import RESCAN_SECONDS, Shared
from desktop_bridge.sends.budget import Budget
from desktop_bridge.sends.machine import Parts, SendMachine
from desktop_bridge.sends.pacing import Timing
from desktop_bridge.status import BridgeStatus, status_now, write_status
from desktop_bridge.witness import PageWitness

log = structlog.get_logger(__name__)


class Bridge:
    """The wired parts of one bridge. `run` returns when `shared.stop` is set."""

    def __init__(
        self,
        settings: BridgeSettings,
        journal: Journal,
        client: ServerClient,
        *,
        failpoint: Failpoint = no_failpoint,
        timing: Timing | None = None,
        on_ready: Callable[[BridgeStatus], None] = lambda _: None,
    ) -> None:
        self._settings = settings
        self._journal = journal
        self._client = client
        self._on_ready = on_ready
        self._started = time.monotonic()
        self._ready_after: float | None = None
        shared = self.shared = Shared()
        if host.on_loopback(settings.page_url):
            shared.permitted.set()
        landmarks = load_landmarks()
        self._browser = Browser(settings, landmarks)
        self._page = WebChatPage(self._browser, landmarks)
        files = ChatFiles(self._page, PageFiles(self._browser), journal)
        self._intake = PageIntake(self._page, journal, self._post, files)
        self._pulse = Pulse(journal)
        self._lease = LeaseKeeper(
            client,
            journal.installation_id,
            __version__,
            shared.told,
            health=lambda: self._pulse.document(shared.breaker),
            given=self._given,
            reading=self._intake.scope,
        )
        pages = self._browser, self._page
        self._notes = NoteKeeper(shared, journal, settings, self._see)
        self._pages = PageKeeper(shared, *pages, self._intake, self._pulse, self._notes, self._see, self._standby)
        self.own = OwnerDesk(journal, client)
        self._codes = CodeKeeper(shared, self._page, client, self._lease.epoch)
        self._mender = Mender(shared, journal, *pages, self._lease, self._pulse, self._see)
        self._recycler = Recycler(shared, *pages, self._pulse, self._see, settings.browser_memory_mb)
        self._bringer = FileBringer(shared, journal, client, self._lease, self._intake, files)
        machine = self._machine(failpoint, timing)
        self._sender = Sender(shared, journal, client, self._lease, self._page, machine, self._notes, self._see)

    def _machine(self, failpoint: Failpoint, timing: Timing | None) -> SendMachine:
        settings, journal = self._settings, self._journal
        return SendMachine(
            Parts(
                authority=ServerAuthority(self._client, journal.installation_id, self._lease.epoch),
                page=self._page,
                intake=self._intake,
                journal=journal.sends,
                budget=Budget(
                    journal.chats,
                    journal.sends,
                    per_hour=settings.sends_per_hour,
                    per_chat_hour=settings.sends_per_chat_hour,
                ),
                epoch=self._lease.epoch,
                witness=PageWitness(self._page, self._client),
            ),
            pacing=settings.pacing,
            timing=timing,
            failpoint=failpoint,
            go_on=self._go_on,
        )

    async def run(self) -> None:
        """Start the browser, keep all parts going, and end them in order when `shared.stop` is set.

        Raises:
            SetupError, NotAuthenticated: it cannot go on as it is set up.
        """
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(part) for part in self._parts()]
                await self.shared.stop.wait()
                for task in tasks:
                    task.cancel()
        except* WaxosError as several:
            raise several.exceptions[0] from None
        finally:
            await self._browser.stop()
            self._write_status(ready=False)

    def _parts(self) -> list[Coroutine[None, None, None]]:
        kept = (
            self._lease,
            self._pages,
            self._codes,
            self._sender,
            self._mender,
            self._recycler,
            self._notes,
            self._bringer,
        )
        own = (
            self._pages.shut(),
            self._listen(),
            self._obey(),
            self._hand_over(),
            self._announce(),
            self.own.keep(self._lease),
        )
        return [*(part.keep() for part in kept), *own]

    # -- doorbell -----------------------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        async for hint in self._client.hints():
            if hint is None or hint.type is BridgeHintType.DRAFT_WANTED:
                self.own.bell.set()
            if hint is not None:
                self._hear(hint)
            self.shared.work.set()

    def _hear(self, hint: BridgeHint) -> None:
        match hint.type:
            case BridgeHintType.REVOKED:
                raise NotAuthenticated("this device was revoked in the panel", hint="pair it again: waxos bridge pair")
            case BridgeHintType.SEND_CANCELLED if "send_id" in hint.ids:
                self.shared.cancelled.add(hint.ids["send_id"])
            case BridgeHintType.CHANNEL_ASKED:
                self._lease.tell()
            case BridgeHintType.CODE_WANTED:
                self._codes.want()

    def _go_on(self, order: SendOrder) -> None:
        if order.send_id in self.shared.cancelled:
            raise Withdrawn("the send was cancelled while it was typed")

    # -- the page -----------------------------------------------------------------------------------------------------

    def _given(self, lease: Lease) -> None:
        """Take in what the server says with a lease."""
        shared = self.shared
        if lease.risk_accepted or host.on_loopback(self._settings.page_url):
            shared.permitted.set()
            shared.forbidden.clear()
        else:
            shared.permitted.clear()
            shared.forbidden.set()
        if shared.breaker is None:
            shared.breaker = lease.breaker or Breaker()
            shared.broke.set()
        if lease.stopped != shared.stopped:
            log.warning("channel.stopped" if lease.stopped else "channel.resumed", reason=lease.stopped)
            shared.stopped = lease.stopped
            shared.work.set()
        if lease.asked is not None:
            shared.asks.put_nowait(lease.asked)

    async def _obey(self) -> None:
        """Do what a person asked for in the panel, each once."""
        while True:
            match await self.shared.asks.get():
                case ChannelAsk.USE_HERE:
                    await take_back(self.shared, self._page, self._see)
                case ChannelAsk.TRY_AGAIN:
                    await self._mender.ask()

    def _see(self, session: Session) -> None:
        if session != self.shared.session:
            log.info("session.changed", state=session.state, detail=session.detail)
            self.shared.session = session
            self.shared.work.set()
            self.shared.broke.set()
            self._lease.tell()
            self._write_status(ready=self._ready_after is not None)

    async def _announce(self) -> None:
        """Say once that messages are read and sends are taken from now on."""
        await self.shared.scanned.wait()
        await self._lease.held.wait()
        self._ready_after = round(time.monotonic() - self._started, 3)
        log.info("bridge.ready", seconds=self._ready_after)
        self._on_ready(self._write_status(ready=True))

    # -- news for the server ------------------------------------------------------------------------------------------

    async def _hand_over(self) -> None:
        """Hand over what is owed whenever there is something; the journal keeps it until the server has taken it."""

        def kept(fault: WaxosError) -> None:
            log.info("news.kept", code=fault.reason_code)

        await while_held(self._lease, self._flush, self._intake.owed, kept)

    async def _flush(self) -> float:
        await self._intake.flush()
        self._write_status(ready=self._ready_after is not None)
        return RESCAN_SECONDS

    async def _post(self, news: list[News]) -> dict[UUID, UUID]:
        stored = await self._client.observe(observations(news, self._lease.epoch()))
        return {one.reported: one.chat_id for one in stored.chats}

    def _standby(self) -> bool:
        """Tell whether another bridge reads the page: we would only open its chats a second time."""
        return self._lease.elsewhere and self._journal.chats.linked

    def _write_status(self, *, ready: bool) -> BridgeStatus:
        status = status_now(
            ready=ready,
            state=self.shared.session.state,
            detail=self.shared.session.detail,
            lease_held=ready and self._lease.held.is_set(),
            page_url=self._settings.page_url,
            started_seconds=self._ready_after,
            news_put_aside=self._journal.chats.put_aside_count,
            files_waiting=self._journal.files.waiting,
        )
        write_status(self._settings.home, status)
        return status


async def run_bridge(
    settings: BridgeSettings,
    *,
    failpoint: Failpoint = no_failpoint,
    on_ready: Callable[[BridgeStatus], None] = lambda _: None,
) -> None:
    """Run one bridge until it is told to stop.

    Raises:
        SetupError: not paired, no browser, a journal that does not open, another bridge on the same home.
    """
    home = host.private_folder(settings.home)
    async with AsyncExitStack() as stack:
        stack.enter_context(host.single_instance(home))
        journal = open_journal(settings)
        stack.callback(journal.close)
        token = journal.token(settings.server_url)
        if token is None:
            raise SetupError(
                f"this bridge is not paired with {settings.server_url}",
                hint="make a code in the panel (Channels, Pair a device), then: waxos bridge pair CODE",
            )
        client = ServerClient(settings.server_url, token)
        stack.push_async_callback(client.close)
        bridge = Bridge(settings, journal, client, failpoint=failpoint, on_ready=on_ready)
        await stack.enter_async_context(open_page(bridge.own, home))
        host.on_stop_signal(bridge.shared.stop.set)
        await bridge.run()
