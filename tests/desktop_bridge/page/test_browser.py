"""How the browser is started: which one, with what environment, and what it can reach."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from playwright.async_api import Error as PlaywrightError

from core.errors import SetupError
from desktop_bridge import host
from desktop_bridge.page.browser import Browser, flags
from desktop_bridge.page.landmarks import load_landmarks
from desktop_bridge.sandbox.running import Sandbox
from tests.desktop_bridge.stage import bridge_settings

SECRETS = {
    "WAXOS_BRIDGE__JOURNAL_PASSPHRASE": "a passphrase to nobody else",
    "WAXOS_AUTH__SIGNING_KEY": "a key to nobody else",
    "waxos_bridge__pairing_code": "a code to nobody else",
}


@pytest.fixture
async def browser(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Browser]:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    host.drop_secrets()
    browser = Browser(bridge_settings(sandbox, tmp_path / "home"), load_landmarks())
    for name, value in SECRETS.items():
        monkeypatch.setenv(
            name, value
        )  # set again: the driver is started without them, the browser must not get them either
    await browser.open()
    yield browser
    await browser.stop()


@pytest.mark.skipif(sys.platform == "win32", reason="reads the environment of processes")
async def test_no_setting_of_ours_reaches_the_browser(browser: Browser) -> None:
    processes = host.browser_processes(browser.profile)
    assert len(processes) > 2
    for process in processes:
        try:
            environ = process.environ()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        assert not [name for name in environ if name.upper().startswith("WAXOS_")], process.name()
    assert "PATH" in host.harmless_environment()


async def test_settings_are_dropped_once_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is started after that, such as the driver of the browser, inherits nothing."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    host.drop_secrets()
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "import os; print(dict(os.environ))", stdout=asyncio.subprocess.PIPE
    )
    shown = (await child.communicate())[0].decode()
    assert "PATH" in shown
    assert "to nobody else" not in shown


async def test_a_page_on_this_computer_reaches_nothing_else(browser: Browser, sandbox: Sandbox) -> None:
    """Not by name, not by number, not a name that means this computer, and not another loopback address."""
    with socket.create_server(("0.0.0.0", 0)) as listener:  # noqa: S104 - it is to be reachable, so that only the browser refuses
        port = listener.getsockname()[1]
        names = ("chat.example.com", "192.0.2.1", "127.0.0.2", socket.gethostname(), "localhost")
        for name in names:
            page = await browser.page.context.new_page()
            with pytest.raises(PlaywrightError, match="ERR_NAME_NOT_RESOLVED"):
                await page.goto(f"http://{name}:{port}/", timeout=5000)
            other = await browser.page.context.new_page()
            await other.set_content(f'<img src="http://{name}:{port}/x.png">', wait_until="load", timeout=5000)
        listener.settimeout(0)
        with pytest.raises(BlockingIOError):
            listener.accept()
    answer = await browser.page.goto(f"{sandbox.url}/")
    assert answer is not None
    assert answer.ok


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("http://127.0.0.1:8900/", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
        ("http://localhost/", "MAP * ~NOTFOUND, EXCLUDE localhost"),
        ("http://[::1]:8900/", "MAP * ~NOTFOUND, EXCLUDE ::1, EXCLUDE [::1]"),
        ("https://chat.example.com/", None),
    ],
)
def test_the_rule_follows_the_address(url: str, rule: str | None) -> None:
    rules = [flag.partition("=")[2] for flag in flags(url) if flag.startswith("--host-resolver-rules=")]
    assert rules == ([rule] if rule else [])


INSTALLED = any(Path(path).exists() for path in ("/opt/google/chrome/chrome", "/opt/microsoft/msedge/msedge"))


@pytest.mark.skipif(INSTALLED, reason="Chrome or Edge is installed here")
@pytest.mark.parametrize("channel", ["chrome", "msedge"])
async def test_a_channel_that_is_not_installed_says_so(sandbox: Sandbox, tmp_path: Path, channel: str) -> None:
    settings = bridge_settings(sandbox, tmp_path, browser_channel=channel, browser_path=Path(os.devnull))
    browser = Browser(settings, load_landmarks())
    try:
        with pytest.raises(SetupError, match=f"channel '{channel}' does not start") as caught:
            await browser.open()
        assert "WAXOS_BRIDGE__BROWSER_CHANNEL" in (caught.value.hint or "")
    finally:
        await browser.stop()
