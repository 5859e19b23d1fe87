"""The panel on a real port before the stand-in API, and one Chromium for all tests."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from core.settings import load_settings
from tests.ui.standin_api import PASSWORD, Standin
from ui.app import create_app

CHROMIUM = next((p for p in ("/usr/bin/chromium", "/usr/bin/chromium-browser") if Path(p).exists()), None)


@contextlib.asynccontextmanager
async def serving(app: Any) -> AsyncIterator[str]:
    """Serve an application on a free loopback port."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_config=None, access_log=False, ws="websockets-sansio", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


@dataclass
class Panel:
    """A running panel with the API behind it."""

    url: str
    api: "Switch"


@dataclass
class Switch:
    """Lets each test bring its own stand-in while the servers stay up."""

    story: Standin = field(default_factory=Standin)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.story.app()(scope, receive, send)


@pytest.fixture(scope="session")
async def panel() -> AsyncIterator[Panel]:
    switch = Switch()
    async with serving(switch) as api_url:
        settings = load_settings({}, ui={"api_url": api_url})
        async with serving(create_app(settings)) as url:
            yield Panel(url, switch)


@pytest.fixture
def story(panel: Panel) -> Standin:
    """A fresh story for this test."""
    panel.api.story = Standin()
    return panel.api.story


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
async def profile(browser: Browser) -> AsyncIterator[BrowserContext]:
    """One browser profile for all tests: Gradio's files are cached, a sign-in lasts."""
    profile = await browser.new_context(viewport={"width": 1280, "height": 800})
    yield profile
    await profile.close()


@pytest.fixture
async def context(profile: BrowserContext) -> AsyncIterator[BrowserContext]:
    yield profile
    for page in profile.pages:
        await page.close()


SignIn = Callable[[], Awaitable[Page]]


@pytest.fixture
def sign_in(panel: Panel, story: Standin, context: BrowserContext) -> SignIn:
    """Open a tab and sign in, where this browser context has not done so yet; the story may be told before."""

    async def go() -> Page:
        page = await context.new_page()
        await page.goto(panel.url + "/")
        if "/login" in page.url:
            await page.fill("#email", "ana@shop.example")
            await page.fill("#password", PASSWORD)
            await page.click("button[type=submit]")
        await page.wait_for_selector(".desk .chats .chat-row, .desk .chats .empty")
        return page

    assert story is panel.api.story
    return go
