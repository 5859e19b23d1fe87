"""Brings the page back in order: probes it while the breaker is open, and starts the browser anew before it holds too much memory."""

import asyncio
from datetime import UTC, datetime, timedelta

import structlog

from core.contracts.sessions import Breaker, BreakerState
from core.contracts.states import ChannelState
from desktop_bridge import host
from desktop_bridge.errors import PageChanged, PageError
from desktop_bridge.journal.journal import Journal
from desktop_bridge.link.lease import LeaseKeeper
from desktop_bridge.page.browser import Browser
from desktop_bridge.page.chat_page import WebChatPage
from desktop_bridge.page.probe import missing_on
from desktop_bridge.running.pulse import Pulse
from desktop_bridge.running.state import See, Shared, rung
from desktop_bridge.sends import breaker as rules

MEASURE_SECONDS = 30.0
RECYCLE_AT = 0.85
"""Share of the limit at which the browser is started anew: what it gains between two measures fits into the rest."""

REST = timedelta(minutes=10)
"""Where even a fresh browser holds that much, the limit is too low; starting it again and again helps nobody."""

log = structlog.get_logger(__name__)


class Mender:
    """The part that closes the breaker again."""

    def __init__(
        self,
        shared: Shared,
        journal: Journal,
        browser: Browser,
        page: WebChatPage,
        lease: LeaseKeeper,
        pulse: Pulse,
        see: See,
    ) -> None:
        self._shared = shared
        self._journal = journal
        self._browser = browser
        self._page = page
        self._lease = lease
        self._pulse = pulse
        self._see = see

    async def keep(self) -> None:
        """Probe the page whenever it is due, as long as the channel is ours."""
        while True:
            await self._lease.held.wait()
            breaker = self._shared.breaker or Breaker()
            now = datetime.now(UTC)
            self._shared.broke.clear()
            due = rules.is_due(breaker, now)
            if (
                due and self._shared.session.usable
            ):  # else a start anew would only disturb whoever links or looks into it
                await self._probe(breaker)
                continue
            open_until = breaker.retry_at if breaker.state is BreakerState.OPEN and not due else None
            wait = (open_until - now).total_seconds() if open_until is not None else rules.LONGEST_WAIT.total_seconds()
            await rung(self._shared.broke, max(wait, 0.1))

    async def ask(self) -> None:
        """Try at once, because a person asked: probe for the breaker, or open a page anew that was not understood."""
        self._shared.breaker = rules.asked(self._shared.breaker or Breaker(), datetime.now(UTC))
        self._shared.broke.set()
        if self._shared.pausing:
            self._shared.retry.set()
        elif self._shared.session.state is ChannelState.BROKEN:
            await self._reopen()

    async def _reopen(self) -> None:
        async with self._shared.page_lock:
            try:
                await self._page.restart()
                self._see(await self._page.linked())
            except PageError as fault:  # whoever keeps the page finds it so too, and goes on from there
                log.warning("page.not_reopened", code=fault.reason_code)

    async def _probe(self, breaker: Breaker) -> None:
        breaker = self._shared.breaker = rules.trying(breaker)
        self._lease.tell()
        fault: PageError | None = None
        async with self._shared.page_lock:
            try:
                await self._page.restart()
                session = await self._page.linked()
                self._see(session)
                fault = await missing_on(self._page, self._is_ours) if session.usable else None
                reason = fault.detail if fault else None if session.usable else f"the page is {session.state.value}"
            except PageError as stuck:
                fault, reason = stuck, stuck.detail
            picture = await self._picture(fault)
        self._pulse.landmarks_missing = [fault.landmark] if isinstance(fault, PageChanged) else []
        self._shared.breaker = rules.tried(
            breaker, datetime.now(UTC), fault=reason[:300] if reason else None, screenshot=picture
        )
        log.info("breaker.tried", state=self._shared.breaker.state, tries=breaker.tries, reason=reason)
        self._lease.tell()
        self._shared.work.set()

    async def _picture(self, fault: PageError | None) -> str | None:
        if fault is None:
            return None
        path = fault.screenshot or await self._browser.screenshot("probe-failed")
        return path.name if path else None

    def _is_ours(self, title: str) -> bool:
        known = self._journal.chats.with_title(title)
        return bool(known) and not any(chat.excluded for chat in known)


class Recycler:
    """The part that keeps the browser small. Never with a send in hand: whoever sends holds the page."""

    def __init__(
        self, shared: Shared, browser: Browser, page: WebChatPage, pulse: Pulse, see: See, limit_mb: int
    ) -> None:
        self._shared = shared
        self._browser = browser
        self._page = page
        self._pulse = pulse
        self._see = see
        self._limit_mb = limit_mb
        self._not_before = datetime.min.replace(tzinfo=UTC)

    async def keep(self) -> None:
        """Measure on a schedule and after sends."""
        while True:
            await rung(self._shared.sent, MEASURE_SECONDS)
            self._shared.sent.clear()
            if await self._measure() >= self._limit_mb * RECYCLE_AT and self._may():
                await self._recycle()

    async def _measure(self) -> int:
        used = await asyncio.to_thread(host.browser_memory, self._browser.profile)
        self._pulse.memory_mb = used // 2**20
        return self._pulse.memory_mb

    def _may(self) -> bool:
        return self._shared.session.usable and datetime.now(UTC) >= self._not_before

    async def _recycle(self) -> None:
        before = self._pulse.memory_mb
        async with self._shared.page_lock:
            if not self._may():
                return
            try:
                await self._page.restart()
                self._see(await self._page.linked())
            except PageError as fault:  # whoever keeps the page finds it so too, and goes on from there
                log.warning("browser.not_recycled", code=fault.reason_code)
                return
            after = await self._measure()
        if after >= self._limit_mb * RECYCLE_AT:
            self._not_before = datetime.now(UTC) + REST
        log.info("browser.recycled", before_mb=before, after_mb=after, limit_mb=self._limit_mb)
