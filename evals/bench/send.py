"""`waxos bench send`: what a send costs from the order in hand to the report, beside a bare script on the same page in the same run."""

import asyncio
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import typer
from playwright.async_api import Page, async_playwright

from core.errors import SetupError, WaxosError
from core.settings import load_settings
from evals.bench.rehearsal import Rehearsal, Sandbox, rehearsal, sandbox
from evals.crashtest.phones import Phones

LIMIT_P95_MS = 400.0
PACED_LIMIT_P95_MS = 5000.0
MEMORY_LIMIT_MB = 600.0
PACED_CHARS = 200
_CHATS = 12
_HISTORY = 20
_TEXT = "We are open from 9 to 13 on Saturday. See you then"


def send(
    rounds: Annotated[int, typer.Option(min=5, max=2000, help="How many texts to send without pacing.")] = 40,
    paced: Annotated[int, typer.Option(min=2, max=500, help="How many of 200 characters to send with pacing.")] = 8,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line: metric and value.")] = False,
) -> None:
    """Measure sends on a sandbox: the whole of one, its steps, the same with pacing, and the browser's memory."""
    with tempfile.TemporaryDirectory(prefix="waxos-bench-") as home:
        figures = asyncio.run(measure(rounds, paced, Path(home)))
    for metric, value in figures.items():
        typer.echo(json.dumps({"metric": metric, "value": value}) if as_json else f"{metric:<32}{value:>10.1f}")


async def measure(rounds: int, paced: int, home: Path) -> dict[str, float]:
    """Send on a sandbox and a bridge of its own in `home`, and return the figures.

    A send is timed from the order in hand to its report: opening, proving, typing, comparing, journal, the click and the read-back
    with its tick, which the sandbox gives at once. The bare script opens the chat, fills the box, clicks and waits for the tick.
    """
    async with sandbox(home) as stage:
        chats = await stage.phones.new_chats([f"Customer {number}" for number in range(_CHATS)])
        await stage.phones.configure(ticks={"sent_ms": 0, "delivered_ms": None})
        async with rehearsal(stage.url, home / "bridge", pacing=False) as (bridge, ready), _bare(stage) as reference:
            await _history(stage.phones, chats)
            done = [await _one(stage.phones, bridge, chats, number, _TEXT) for number in range(rounds)]
            bare = [await reference(f"Customer {n % _CHATS}", f"{_TEXT} bare {n}") for n in range(rounds)]
            memory = (await bridge.ask(do="memory"))["mb"]
        async with rehearsal(stage.url, home / "paced", pacing=True) as (bridge, _):
            long = ("x" * 9 + " ") * (PACED_CHARS // 10)
            slow = [await _one(stage.phones, bridge, chats, number, long) for number in range(paced)]
    walls = [one["ms"] for one in done]
    return {
        "send_ms_p50": round(statistics.median(walls), 1),
        "send_ms_p95": _p95(walls),
        "send_ms_p95_limit": LIMIT_P95_MS,
        "bare_script_ms_p50": round(statistics.median(bare), 1),
        "bare_script_ms_p95": _p95(bare),
        "send_to_bare_script_p50": round(statistics.median(walls) / statistics.median(bare), 2),
        **_steps(done),
        "paced_200_chars_ms_p95": _p95([one["ms"] for one in slow]),
        "paced_200_chars_ms_p95_limit": PACED_LIMIT_P95_MS,
        "browser_memory_mb": float(memory),
        "browser_memory_mb_limit": MEMORY_LIMIT_MB,
        "bridge_start_ms": float(ready["ms"]),
        "sends": float(rounds + paced),
    }


async def _history(phones: Phones, chats: list[str]) -> None:
    for chat in chats:
        for number in range(_HISTORY):
            await phones.say(chat, f"What I wanted to ask, part {number}")


async def _one(phones: Phones, bridge: Rehearsal, chats: list[str], number: int, text: str) -> dict[str, Any]:
    """Answer a chat that is read but not open: the one after it writes last."""
    chat = chats[number % len(chats)]
    message = await phones.say(chat, f"When do you open? {number}")
    await bridge.ask(do="read")
    await phones.say(chats[(number + 1) % len(chats)], f"And I ask too, {number}")
    await bridge.ask(do="read")
    done = await bridge.ask(do="answer", message=message, text=f"{text[: len(text) - 6]} {number:05}")
    if done.get("status") != "sent":
        raise WaxosError(f"a send of the benchmark ended as {done}")
    return done


def _steps(done: list[dict[str, Any]]) -> dict[str, float]:
    """Return how long each step took in the middle: from the end of the step before it."""
    names = list(done[0]["steps"])
    pairs = pairwise(names)
    return {
        f"step_{after}_ms_p50": round(statistics.median(one["steps"][after] - one["steps"][before] for one in done), 1)
        for before, after in pairs
    }


@asynccontextmanager
async def _bare(stage: Sandbox) -> AsyncIterator[Any]:
    """Yield a function that sends one text with nothing but Playwright and returns how long that took, in milliseconds."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=_browser(), args=["--no-sandbox"])
        page = await browser.new_page(viewport={"width": 1280, "height": 860})
        await page.goto(stage.url)
        await page.wait_for_selector("#pane-side [role=row]")

        async def send_one(title: str, text: str) -> float:
            return await _by_script(page, title, text)

        yield send_one
        await browser.close()


async def _by_script(page: Page, title: str, text: str) -> float:
    began = time.perf_counter()
    await page.click(f"#pane-side [data-testid=cell-frame-title] span[title='{title}']")
    await page.wait_for_selector(f"#main header >> text={title}")
    await page.fill("footer [role=textbox]", text)
    await page.click("footer button[aria-label=Send]")
    await page.wait_for_selector(f"[data-id]:has-text('{text}') [data-testid=wds-ic-delivered]")
    return (time.perf_counter() - began) * 1000


def _browser() -> str:
    chosen = load_settings().bridge.browser_path or shutil.which("chromium") or shutil.which("google-chrome")
    if chosen is None:
        raise SetupError("there is no browser", hint="name one in WAXOS_BRIDGE__BROWSER_PATH")
    return str(chosen)


def _p95(values: list[float]) -> float:
    return round(statistics.quantiles(values, n=20, method="inclusive")[-1], 1)
