"""One Chromium for the whole folder, a stage for a module, and a fresh sandbox and desk for each test."""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from core.settings import BridgeSettings
from desktop_bridge.sandbox.running import Sandbox, run_sandbox
from tests.desktop_bridge.link.desk import Desk, run_desk
from tests.desktop_bridge.stage import Stage, bridge_settings, calm, set_stage


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
    context.set_default_timeout(20_000)
    yield context
    await context.close()


@pytest.fixture
async def page(context: BrowserContext, sandbox: Sandbox) -> Page:
    """The business's page, loaded."""
    page = await context.new_page()
    await page.goto(sandbox.url)
    await page.wait_for_selector("#pane-side")
    return page


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    """The desk that a whole bridge speaks with."""
    async with run_desk() as running:
        yield running


@pytest.fixture
def settings(sandbox: Sandbox, desk: Desk, tmp_path: Path) -> BridgeSettings:
    """Of a whole bridge between this sandbox and this desk."""
    return bridge_settings(sandbox, tmp_path / "home", server_url=desk.url, pacing=False)


@pytest.fixture(scope="module")
async def module_stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """The bridge's browser on a sandbox, for a module."""
    async with set_stage(tmp_path_factory.mktemp("bridge")) as stage:
        yield stage


@pytest.fixture
async def stage(module_stage: Stage) -> AsyncIterator[Stage]:
    """The module's stage; what a test did to the sandbox's manners is taken back after it."""
    yield module_stage
    await calm(module_stage.sandbox)
