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
from desktop_bridge.errors import JournalDamaged, JournalUnwritable, NotLinked, PageChanged, PageError, Withdrawn
from desktop_bridge.failpoints import Failpoint, no_failpoint
from desktop_bridge.inbound.intake import PageIntake, observations
from desktop_bridge.journal.chats import News
from desktop_bridge.journal.journal import Journal, open_journal
from desktop_bridge.link.authority import ServerAuthority
from desktop_bridge.link.client import ServerClient, pause
from desktop_bridge.link.lease import LeaseKeeper
from desktop_bridge.page.browser import Browser
from desktop_bridge.page.chat_page import WebChatPage
from desktop_bridge.page.landmarks import load_landmarks
from desktop_bridge.page.session import Session
from desktop_bridge.running.mending import Mender, Recycler
from desktop_bridge.running.pages import CodeKeeper, PageKeeper, take_back
from desktop_bridge.running.pulse import Pulse
from desktop_bridge.running.sender import Sender
from desktop_bridge.running.state import RESCAN_SECONDS, Shared, rung
from desktop_bridge.sends.budget import Budget
from desktop_bridge.sends.machine import Parts, SendMachine
from desktop_bridge.sends.pacing import Timing
from desktop_bridge.status import BridgeStatus, status_now, write_status
from desktop_bridge.witness import PageWitness

PRUNE_SECONDS = 86_400.0
"""How often the journal drops what is old."""

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
        if on_loopback(settings.page_url):
            shared.permitted.set()
        landmarks = load_landmarks()
        self._browser = Browser(settings, landmarks)
        self._page = WebChatPage(self._browser, landmarks)
        self._pulse = Pulse(journal)
        self._lease = LeaseKeeper(
            client,
            journal.installation_id,
            __version__,
            shared.told,
            health=lambda: self._pulse.document(shared.breaker),
            given=self._given,
        )
        self._intake = PageIntake(self._page, journal, self._post)
        pages = self._browser, self._page
        self._pages = PageKeeper(shared, *pages, self._intake, self._pulse, self._see, self._standby)
        self._codes = CodeKeeper(shared, self._page, client, self._lease.epoch)
        self._mender = Mender(shared, journal, *pages, self._lease, self._pulse, self._see)
        self._recycler = Recycler(shared, *pages, self._pulse, self._see, settings.browser_memory_mb)
        machine = self._machine(failpoint, timing)
        self._sender = Sender(shared, journal, client, self._lease, self._page, machine, self._see)

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
        return [
            self._lease.keep(),
            self._listen(),
            self._watch(),
            self._send(),
            self._hand_over(),
            self._announce(),
            self._keep_small(),
        ]

    # -- doorbell -----------------------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        async for hint in self._client.hints():
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

    async def _watch(self) -> None:
        """Start the page, and look it over after each change; a page that fails is started again, ever more calmly."""
        tries, running = 0, False
        while True:
            began = self._page.started_at
            try:
                async with self.shared.page_lock:
                    if not running:
                        await self._page.start()
                    self._see(await self._page.linked())
                    began, running = self._page.started_at, True
                await self._follow()
            except JournalUnwritable as fault:
                await self._until_writable(fault)
            except PageError as fault:
                running = self._page.started_at != began  # the sender has restarted it, to settle a send
                if running:
                    continue
                tries += 1
                self.shared.scanned.clear()
                self._see(Session(ChannelState.BROKEN, fault.detail[:300]))
                log.warning("page.failed", code=fault.reason_code, reason=fault.detail, tries=tries)
                # house: sleep - a broken page is opened again after a pause that grows
                await asyncio.sleep(pause(tries + 2))

    async def _obey(self) -> None:
        """Do what a person asked for in the panel, each once."""
        while True:
            match await self.shared.asks.get():
                case ChannelAsk.USE_HERE:
                    await take_back(self.shared, self._page, self._see)
                case ChannelAsk.TRY_AGAIN:
                    await self._mender.ask()

    async def _until_writable(self, fault: JournalUnwritable) -> None:
        """Say that nothing can be noted, and wait until it can; until then nothing is read and nothing is sent."""
        tries, before, now = 0, self.shared.session, Session(ChannelState.BROKEN, fault.detail[:300])
        self._see(now)
        while True:
            tries += 1
            # house: sleep - a disk tells nobody when it has room again
            await asyncio.sleep(pause(tries))
            try:
                self._journal.store.prove_writable()
            except JournalUnwritable:
                continue
            log.info("journal.writable", tries=tries)
            if before.usable and self.shared.session == now:
                self._see(before)
            return

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

    # -- sends --------------------------------------------------------------------------------------------------------

    async def _send(self) -> None:
        """Take sends one by one while the channel is held; after a crash what was armed is settled before anything is read."""
        tries = 0
        while True:
            await self._lease.held.wait()
            self.shared.work.clear()
            try:
                worked = self.shared.session.usable and await self._send_one()
                tries = 0
            except (NotAuthenticated, JournalDamaged):
                raise
            except JournalUnwritable as fault:
                log.warning("send.postponed", code=fault.reason_code, reason=fault.detail)
                await self._until_writable(fault)
                continue
            except WaxosError as fault:
                tries += 1
                log.warning("send.postponed", code=fault.reason_code, reason=fault.detail)
                await asyncio.sleep(pause(tries))  # house: sleep - a server that is away tells nobody when it is back
                continue
            if not worked:
                await _rung(self.shared.work, RESCAN_SECONDS)

    async def _send_one(self) -> bool:
        await self._machine.report_owed()
        order = await self._client.next_send(self._lease.epoch())
        if order is None:
            return False
        if not order.settle_only:
            await self.shared.scanned.wait()
        async with self.shared.page_lock:
            try:
                status = await self._machine.run(order)
            except (NotLinked, PageChanged) as fault:
                self._see(await self._page.session())
                raise fault from None
            keep_sent(self._journal, order)
        self.shared.cancelled.discard(order.send_id)
        log.info("send.reported", send_id=str(order.send_id), status=status)
        return True

    # -- news for the server ------------------------------------------------------------------------------------------

    async def _hand_over(self) -> None:
        """Hand over what is owed whenever there is something; the journal keeps it until the server has taken it."""
        tries = 0
        while True:
            await self._lease.held.wait()
            try:
                await self._intake.flush()
                tries = 0
            except (NotAuthenticated, JournalDamaged):
                raise
            except WaxosError as fault:
                tries += 1
                log.info("news.kept", code=fault.reason_code)
                await asyncio.sleep(pause(tries))  # house: sleep - a server that is away tells nobody when it is back
                continue
            await rung(self._intake.owed, RESCAN_SECONDS)

    async def _keep_small(self) -> None:
        """Let the journal drop what is old, at the start and once a day."""
        while True:
            try:
                gone = self._journal.prune(self._settings)
                log.info("journal.pruned", rows=gone)
            except JournalUnwritable as fault:
                log.info("journal.not_pruned", code=fault.reason_code)
            await asyncio.sleep(PRUNE_SECONDS)  # house: sleep - once a day is a matter of time alone

    async def _post(self, news: list[News]) -> None:
        await self._client.observe(observations(news, self._lease.epoch()))

    def _write_status(self, *, ready: bool) -> BridgeStatus:
        status = status_now(
            ready=ready,
            state=self.shared.session.state,
            detail=self.shared.session.detail,
            lease_held=ready and self._lease.held.is_set(),
            page_url=self._settings.page_url,
            started_seconds=self._ready_after,
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
        host.on_stop_signal(bridge.shared.stop.set)
        await bridge.run()
