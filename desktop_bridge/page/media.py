"""The bytes behind bubbles: read from the page in slices, or downloaded into a private folder that is wiped. Nothing is opened."""

import asyncio
import base64
import re
from dataclasses import dataclass
from typing import Any

import structlog
from playwright.async_api import Download
from playwright.async_api import Error as PlaywrightError

from core.contracts.bridge import MOST_FILE_BYTES
from core.contracts.states import FileProblem, MessageKind
from core.errors import WaxosError
from desktop_bridge.page.awaited import Awaited, drop
from desktop_bridge.page.browser import Browser

FILE_KINDS = frozenset(
    {MessageKind.IMAGE, MessageKind.VOICE, MessageKind.VIDEO, MessageKind.DOCUMENT, MessageKind.STICKER}
)
"""Kinds with a file to fetch. A view-once message is none of them: it is never opened."""

SLICE = 768 * 1024
LOAD_SECONDS = 8.0
DOWNLOAD_SECONDS = 60.0
LATE_SECONDS = 60.0
"""How long a document that did not come in time may still come before its button counts as pressed for nothing."""

_WATCH_SECONDS = 0.2
_POINT_LOOKS = 10
_UNITS = {"b": 1, "kb": 1024, "mb": 1024**2, "gb": 1024**3}
_SIZE = re.compile(r"(?:^|[•·|–-]\s*)(\d{1,4}(?:[.,]\d{1,3})?)\s*(bytes|[kmg]?b)$", re.IGNORECASE | re.MULTILINE)
"""A piece that is a size or ends with one behind a dot; within a sentence or a name it is not the file's."""


log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class FileFacts:
    """What a bubble says of its file before a byte of it is fetched."""

    name: str | None
    size: int | None
    gone: bool


class FileNotHad(WaxosError):
    """The page does not give the bytes now; `final` says that asking again is of no use."""

    status, code, title = 500, "file_not_had", "The file is not to be had"

    def __init__(self, problem: FileProblem, *, final: bool = False) -> None:
        super().__init__(f"the file is not to be had ({problem.value})")
        self.problem = problem
        self.final = final


def labelled_size(words: str) -> int | None:
    """Return the size in bytes that stands on a card (the last one there), a piece a line; None where none does."""
    found = _SIZE.findall(words)
    if not found:
        return None
    number, unit = found[-1]
    return int(float(number.replace(",", ".")) * _UNITS["b" if unit.lower() == "bytes" else unit.lower()])


class PageFiles:
    """Fetches files of the chat that is open. `take` needs the page; `finish` does not, so that others may have it meanwhile."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._awaited = Awaited()

    async def facts(self, raw_id: str, kind: MessageKind) -> FileFacts | None:
        """Return what the bubble says of its file; None where it is not on the page."""
        seen = await self._look(raw_id, kind)
        if seen is None:
            return None
        return FileFacts(name=seen["name"], size=labelled_size(seen["words"]), gone=seen["gone"])

    async def take(self, raw_id: str, kind: MessageKind) -> bytes | Download:
        """Return the bytes that a bubble shows; of a document the download that its click began, for `finish`.

        Raises:
            FileNotHad: with the reason.
            PageError: the page cannot be used.
        """
        seen = await self._look(raw_id, kind)
        if seen is None:
            raise FileNotHad(FileProblem.NOT_LOADED)
        if (labelled_size(seen["words"]) or 0) > MOST_FILE_BYTES:
            raise FileNotHad(FileProblem.TOO_LARGE, final=True)
        if seen["source"]:
            return await self._held(raw_id, kind)
        if seen["gone"]:
            raise FileNotHad(FileProblem.EXPIRED, final=True)
        if not seen["control"]:
            raise FileNotHad(FileProblem.NOT_LOADED)
        if kind is MessageKind.DOCUMENT:
            return await self._download(raw_id, seen["address"], seen["said"])
        await self._load(raw_id, kind)
        return await self._held(raw_id, kind)

    async def finish(self, download: Download) -> bytes:
        """Wait for a download, return its bytes, and remove it from the disk, whatever happens.

        Raises:
            FileNotHad: it is larger than it may be, or failed.
        """
        done = asyncio.ensure_future(download.path())
        try:
            async with asyncio.timeout(DOWNLOAD_SECONDS):
                while not (await asyncio.wait({done}, timeout=_WATCH_SECONDS))[0]:
                    if self._on_disk() > MOST_FILE_BYTES:  # where others are on their way, it may be one of them
                        raise FileNotHad(FileProblem.TOO_LARGE, final=not self._awaited.some)
            path = await done
            if path.stat().st_size > MOST_FILE_BYTES:
                raise FileNotHad(FileProblem.TOO_LARGE, final=True)
            return await asyncio.to_thread(path.read_bytes)
        except (TimeoutError, PlaywrightError, OSError):
            raise FileNotHad(FileProblem.NOT_LOADED) from None
        finally:
            if not done.done():
                await download.cancel()
            await asyncio.gather(done, return_exceptions=True)
            if self._awaited.some:
                await drop(download)
            else:
                self._browser.wipe_downloads()

    async def _look(self, raw_id: str, kind: MessageKind) -> dict[str, Any] | None:
        seen: dict[str, Any] | None = await self._browser.reader.ask("media.look", {"id": raw_id, "kind": kind})
        return seen

    async def _download(self, raw_id: str, address: str | None, name: str | None) -> Download:
        """Click what hands a document over, once, and wait for it. One that comes late is there at the next try.

        What a button hands over does not say whose it is. So one button at a time is pressed, and what might still come of it is ended
        with a reload before the next one.
        """
        reader, what = self._browser.reader, {"id": raw_id, "kind": MessageKind.DOCUMENT}
        self._awaited.listen(reader.page)
        coming = self._awaited.of(raw_id)
        if coming is None:
            if address is None and self._awaited.button_pressed:
                await self._end_late_ones()
                raise FileNotHad(FileProblem.NOT_LOADED)
            point = await self._still(what)
            coming = self._awaited.add(raw_id, address, name)
            await reader.click(point)
        shown = asyncio.ensure_future(self._shown(raw_id, MessageKind.DOCUMENT))
        try:
            either: set[asyncio.Future[Any]] = {coming, shown}
            await asyncio.wait(either, timeout=LOAD_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            shown.cancel()
            await asyncio.gather(shown, return_exceptions=True)
        if coming.done():
            self._awaited.forget(raw_id)
            return coming.result()
        if not shown.cancelled() and not shown.result():
            self._awaited.forget(raw_id)
            raise FileNotHad(FileProblem.EXPIRED, final=True)
        await self._end_late_ones()
        raise FileNotHad(FileProblem.NOT_LOADED)

    async def _end_late_ones(self) -> None:
        if self._awaited.give_up(LATE_SECONDS):
            log.info("file.page_reloaded")
            await self._browser.reload()
            self._awaited.clear()

    async def _load(self, raw_id: str, kind: MessageKind) -> None:
        """Click the control that fetches a file, once, until the page shows it."""
        await self._browser.reader.click(await self._still({"id": raw_id, "kind": kind}))
        try:
            async with asyncio.timeout(LOAD_SECONDS):
                shown = await self._shown(raw_id, kind)
        except TimeoutError:
            raise FileNotHad(FileProblem.NOT_LOADED) from None
        if not shown:
            raise FileNotHad(FileProblem.EXPIRED, final=True)

    async def _still(self, what: dict[str, Any]) -> dict[str, float]:
        """Return where to click, once what was scrolled to is drawn and stands still."""
        reader, before = self._browser.reader, None
        for _ in range(_POINT_LOOKS):
            count = await reader.ask("watch.count")
            point: dict[str, float] | None = await reader.ask("media.point", what)
            if point is not None and point == before:
                return point
            before = point
            await reader.changed(count, _WATCH_SECONDS)
        raise FileNotHad(FileProblem.NOT_LOADED)

    async def _shown(self, raw_id: str, kind: MessageKind) -> bool:
        """Wait until the page shows the file, and tell whether it does or says that it is gone."""
        reader = self._browser.reader
        while True:
            count = await reader.ask("watch.count")
            seen = await self._look(raw_id, kind)
            if seen is not None and seen["source"]:
                return True
            if seen is not None and seen["gone"]:
                return False
            await reader.changed(count, LOAD_SECONDS)

    async def _held(self, raw_id: str, kind: MessageKind) -> bytes:
        reader = self._browser.reader
        held = await reader.ask("media.hold", {"id": raw_id, "kind": kind})
        if held is None:
            raise FileNotHad(FileProblem.NOT_LOADED)
        try:
            if held["size"] > MOST_FILE_BYTES:
                raise FileNotHad(FileProblem.TOO_LARGE, final=True)
            content = bytearray()
            while len(content) < held["size"]:
                part = await reader.ask("media.slice", {"from": len(content), "length": SLICE}, again=False)
                if not part:
                    raise FileNotHad(FileProblem.NOT_LOADED)
                content += base64.b64decode(part)
            return bytes(content)
        finally:
            await reader.ask("media.drop")

    def _on_disk(self) -> int:
        return sum(one.stat().st_size for one in self._browser.downloads.iterdir())
