"""The one browser of the bridge: a persistent profile, one page, one address."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import structlog
from playwright.async_api import BrowserContext, Page, Playwright, async_playwright
from playwright.async_api import Error as PlaywrightError

from core.errors import SetupError
from core.settings import BridgeSettings
from desktop_bridge import host
from desktop_bridge.errors import PageStuck
from desktop_bridge.page import pictures
from desktop_bridge.page.landmarks import Landmarks
from desktop_bridge.page.locate import Reader

_FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-backgrounding-occluded-windows",
)
_CLOSE_SECONDS = 3.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Viewport:
    """Size of the page in CSS pixels."""

    width: int = 1280
    height: int = 860


class Browser:
    """Starts, restarts and ends the browser; `reader` asks its page. Only the address of the settings is ever opened."""

    def __init__(self, settings: BridgeSettings, landmarks: Landmarks, viewport: Viewport | None = None) -> None:
        self._settings = settings
        self._landmarks = landmarks
        self._viewport = viewport or Viewport()
        home = host.private_folder(settings.home)
        self.profile = host.private_folder(home / "profile")
        self.screenshots = host.private_folder(home / "screenshots")
        self.downloads = host.private_folder(home / "downloads")
        self._playwright: Playwright | None = None
        self._context: BrowserContext | None = None
        self._reader: Reader | None = None

    @property
    def reader(self) -> Reader:
        """The reader of the open page.

        Raises:
            PageStuck: there is no page.
        """
        if self._reader is None:
            raise PageStuck("the browser is not open")
        return self._reader

    @property
    def page(self) -> Page:
        """The open page."""
        return self.reader.page

    async def open(self) -> None:
        """End what an earlier run left on the profile, start the browser and open the page.

        Raises:
            SetupError: no browser, or it does not start.
            PageStuck: the page's address does not answer.
        """
        await asyncio.to_thread(host.end_browser, self.profile)
        await asyncio.to_thread(pictures.prune, self.screenshots, self._settings.picture_days)
        self.wipe_downloads()
        if self._playwright is None:
            self._playwright = await async_playwright().start()
        channel = self._settings.browser_channel
        try:
            self._context = await self._playwright.chromium.launch_persistent_context(
                self.profile,
                channel=channel,
                executable_path=None if channel else host.find_browser(self._settings.browser_path),
                headless=self._settings.headless,
                args=flags(self._settings.page_url),
                env=dict(host.harmless_environment()),
                downloads_path=self.downloads,
                viewport={"width": self._viewport.width, "height": self._viewport.height},
                handle_sigint=False,
                handle_sigterm=False,
                handle_sighup=False,
            )
        except PlaywrightError as error:
            raise _not_started(error, channel) from None
        page = self._context.pages[0] if self._context.pages else await self._context.new_page()
        self._reader = Reader(page, self._landmarks, self.screenshot)
        await self._go(page)

    async def _go(self, page: Page) -> None:
        try:
            await page.goto(self._settings.page_url, wait_until="domcontentloaded")
        except PlaywrightError as error:
            raise PageStuck(
                f"the page at {_origin(self._settings.page_url)} does not open: {error.message.splitlines()[0]}",
                hint="start the sandbox (waxos bridge sandbox) or correct WAXOS_BRIDGE__PAGE_URL",
            ) from None

    async def restart(self) -> None:
        """End the browser for certain, so that nothing which was handed to it can still happen, and open it anew."""
        await self.close()
        await self.open()

    async def reload(self) -> None:
        """Load the page anew: what its scripts were about to do is gone.

        Raises:
            PageStuck: the page's address does not answer.
        """
        await self._go(self.page)

    async def close(self) -> None:
        """Close the browser; one that does not answer is killed."""
        context, self._context, self._reader = self._context, None, None
        if context is not None:
            with suppress(PlaywrightError, TimeoutError):
                await asyncio.wait_for(context.close(), _CLOSE_SECONDS)
        await asyncio.to_thread(host.end_browser, self.profile)

    async def stop(self) -> None:
        """Close the browser and the driver that speaks with it."""
        await self.close()
        playwright, self._playwright = self._playwright, None
        if playwright is not None:
            with suppress(PlaywrightError, TimeoutError):
                await asyncio.wait_for(playwright.stop(), _CLOSE_SECONDS)

    def wipe_downloads(self) -> None:
        """Remove every file that a page handed over; each bears a name of the browser's own making, never the sender's."""
        for left in self.downloads.iterdir():
            left.unlink(missing_ok=True)

    async def screenshot(self, name: str) -> Path | None:
        """Keep a picture of how the page is laid out, without its words; None where the browser cannot make one."""
        if self._reader is None:
            return None
        path = await pictures.of_bare_page(self.page, self.screenshots, name)
        await asyncio.to_thread(pictures.prune, self.screenshots, self._settings.picture_days)
        return path


def flags(page_url: str) -> list[str]:
    """Return what the browser is started with. With a page on this computer it reaches no other host, whatever the page asks for."""
    alone = []
    if host.on_loopback(page_url):
        name = urlsplit(page_url).hostname or "localhost"
        own = f"EXCLUDE {name}, EXCLUDE [{name}]" if ":" in name else f"EXCLUDE {name}"
        alone = [f"--host-resolver-rules=MAP * ~NOTFOUND, {own}"]
    return [*_FLAGS, *alone, *(["--no-sandbox"] if host.needs_no_sandbox() else [])]


def _not_started(error: PlaywrightError, channel: str | None) -> SetupError:
    reason = error.message.splitlines()[0]
    if channel:
        return SetupError(
            f"the browser of the channel {channel!r} does not start: {reason}",
            hint="install it (Chrome: `chrome`, Edge: `msedge`), or unset WAXOS_BRIDGE__BROWSER_CHANNEL",
        )
    return SetupError(
        f"the browser does not start: {reason}",
        hint="start it once by hand, or name another in WAXOS_BRIDGE__BROWSER_PATH",
    )


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
