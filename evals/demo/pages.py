"""What people see: a customer's phone, the chat window of the business, and the panel, each in a page of one Chromium."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self
from urllib.parse import quote

from playwright.async_api import Browser, Page, async_playwright

_QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]


class Pages:
    """One Chromium with a context a person, so that nobody shares a session."""

    def __init__(self, browser: Browser, pictures: Path) -> None:
        self._browser = browser
        self._pictures = pictures

    @classmethod
    @asynccontextmanager
    async def opened(cls, browser_path: str, pictures: Path) -> AsyncIterator[Self]:
        """Start a Chromium and close it at the end."""
        args = [*_QUIET, "--no-sandbox"] if os.name == "posix" and os.getuid() == 0 else _QUIET
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=browser_path, args=args)
            try:
                yield cls(browser, pictures)
            finally:
                await browser.close()

    async def open(self, url: str, *, width: int = 1280, height: int = 860, dark: bool = False) -> Page:
        """Open an address in a context of its own."""
        context = await self._browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        context.set_default_timeout(15_000)
        page = await context.new_page()
        await page.goto(url)
        return page

    async def customer(self, sandbox_url: str, name: str) -> Page:
        """Open a customer's phone."""
        return await self.open(f"{sandbox_url.rstrip('/')}/customer/{quote(name)}", width=420, height=760)

    async def panel(self, panel_url: str, email: str, password: str) -> Page:
        """Open the panel and sign in as a member of staff would."""
        page = await self.open(panel_url)
        await page.fill("#email", email)
        await page.fill("#password", password)
        await page.click("button[type=submit]")
        await page.locator('.link-state[data-state="live"]').wait_for()
        return page

    async def picture(self, page: Page, name: str) -> str:
        """Keep a picture of what a page shows now; returns the file's name."""
        file = self._pictures / f"{name}.png"
        await page.screenshot(path=file)
        return file.name


async def write(page: Page, text: str) -> None:
    """Type a message on a customer's phone and send it."""
    await page.fill("#text", text)
    await page.press("#text", "Enter")
    await page.wait_for_selector("li.mine >> nth=-1")


async def received(page: Page, count: int, seconds: float = 20) -> list[str]:
    """Wait until a customer's phone shows `count` messages of the business and return their texts."""
    bubbles = page.locator("li.theirs")
    await bubbles.nth(count - 1).wait_for(timeout=seconds * 1000)
    return [text.strip() for text in await bubbles.all_inner_texts()]
