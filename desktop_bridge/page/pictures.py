"""Pictures of the page: of one proven conversation for staff, and of the bare page, without a word on it, for the folder at home."""

import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import structlog
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import Page

from desktop_bridge.errors import PageError
from desktop_bridge.page.locate import Reader

_SHOT_SECONDS = 5.0
_MOST_KEPT = 200
_MOST_OF_A_KIND = 50
"""What goes wrong again and again must not push out what went wrong once."""

_WORDLESS = """
* { color: transparent !important; text-shadow: none !important; background-image: none !important;
    caret-color: transparent !important; transition: none !important; animation: none !important; }
text, tspan { fill: transparent !important; stroke: transparent !important; }
*::before, *::after, *::placeholder { color: transparent !important; background-image: none !important; }
img, video, canvas, image { visibility: hidden !important; }
"""
_NOTHING_ABOVE = "[role=dialog], [role=menu], [role=tooltip], [role=application] { visibility: hidden !important; }"

log = structlog.get_logger(__name__)


async def of_conversation(reader: Reader, known: Sequence[str]) -> bytes | None:
    """Return a PNG of the open conversation and nothing beside it, None unless a message among `known` proves whose it is.

    The proof is asked for before and after, so that a chat which came to the front in between is not shown.
    """
    try:
        frame = await reader.ask("picture.frame", list(known))
        if frame is None:
            return None
        async with _dressed(reader.page, _NOTHING_ABOVE):
            content = await reader.page.screenshot(clip=frame, timeout=_SHOT_SECONDS * 1000)
        still = await reader.ask("picture.frame", list(known))
    except (PageError, PlaywrightError) as error:
        log.warning("picture.failed", reason=str(error).splitlines()[0])
        return None
    return content if still == frame else None


async def of_bare_page(page: Page, folder: Path, name: str) -> Path | None:
    """Keep a picture of how the page is laid out: it may show chats that the owner left out, so no word or face is on it (law 12).

    Its file is its own, called by `name` and the moment: a send keeps the picture that was taken of it.
    """
    kind = re.sub(r"[^a-z0-9-]+", "-", name.lower())[:100]
    path = folder / f"{kind}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.png"
    try:
        async with _dressed(page, _WORDLESS):
            await page.screenshot(path=path, timeout=_SHOT_SECONDS * 1000)
    except PlaywrightError as error:
        log.warning("screenshot.failed", name=name, reason=str(error).splitlines()[0])
        return None
    return path


@asynccontextmanager
async def _dressed(page: Page, css: str) -> AsyncIterator[None]:
    """Let a style hold for as long as this lasts. A sheet of the object model, since the page's own policy forbids style elements."""
    sheet = await page.evaluate_handle(
        """(css) => { const sheet = new CSSStyleSheet(); sheet.replaceSync(css);
                      document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet]; return sheet; }""",
        css,
    )
    try:
        yield
    finally:
        with suppress(PlaywrightError):
            await sheet.evaluate(
                "(mine) => { document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== mine); }"
            )


def prune(folder: Path, days: float) -> int:
    """Delete pictures older than `days`, and all but the newest fifty of a name and two hundred of all; returns how many."""
    oldest = time.time() - days * 86_400
    newest_first = sorted(((path.stat().st_mtime, path) for path in folder.glob("*.png")), reverse=True)
    kept: Counter[str] = Counter()
    gone = []
    for at, path in newest_first:
        kind = path.stem.rpartition("-")[0]
        if at < oldest or kept[kind] >= _MOST_OF_A_KIND or kept.total() >= _MOST_KEPT:
            gone.append(path)
        else:
            kept[kind] += 1
    for path in gone:
        path.unlink(missing_ok=True)
    return len(gone)
