"""One Chromium for the whole folder, and a fresh sandbox for each test."""

import os
import shutil
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from desktop_bridge.sandbox.running import Sandbox, run_sandbox


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"] if os.getuid() == 0 else []
        )
        yield browser
        await browser.close()


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with run_sandbox() as running:
        yield running


@pytest.fixture
async def context(chromium: Browser, sandbox: Sandbox) -> AsyncIterator[BrowserContext]:  # noqa: ARG001 (closes before it)
    context = await chromium.new_context(viewport={"width": 1200, "height": 800})
    context.set_default_timeout(5000)
    yield context
    await context.close()


@pytest.fixture
async def page(context: BrowserContext, sandbox: Sandbox) -> Page:
    """The business's page, loaded."""
    page = await context.new_page()
    await page.goto(sandbox.url)
    await page.wait_for_selector("#pane-side")
    return page
