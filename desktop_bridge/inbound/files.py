"""Files of messages, from the page to the server: the text goes first, the bytes follow from a work list that survives a crash.

The bytes are held in memory for as long as one file is on its way, and are in no journal. View-once messages are never touched.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

import structlog
from playwright.async_api import Download

from core.contracts.bridge import MOST_FILE_BYTES, FileMissing, FileSeen, MessageSeen
from core.contracts.chats import Attachment
from core.contracts.states import ChatKind, FileProblem, MessageKind
from core.errors import NotFound, TooLarge
from desktop_bridge.errors import SendStopped
from desktop_bridge.journal.files import WantedFile
from desktop_bridge.journal.journal import Journal
from desktop_bridge.page.bubbles import Bubble
from desktop_bridge.page.chat_page import WebChatPage
from desktop_bridge.page.media import FILE_KINDS, FileNotHad, PageFiles
from desktop_bridge.sends.ports import Target

PAUSES = (30.0, 120.0, 600.0, 3600.0, 6 * 3600.0)
"""Seconds until the next try after each that failed; after the last the file is given up."""

CHAT_PAGES = 10
_MIMES: Mapping[MessageKind, str] = {
    MessageKind.IMAGE: "image/jpeg",
    MessageKind.STICKER: "image/webp",
    MessageKind.VIDEO: "video/mp4",
    MessageKind.VOICE: "audio/ogg",
}

log = structlog.get_logger(__name__)


class FileServer(Protocol):
    """Who takes the files."""

    async def put_file(self, external_id: str, position: int, content: bytes) -> Attachment:
        """Take the bytes of a file; see `ServerClient.put_file`."""
        ...

    async def file_missing(self, external_id: str, position: int, said: FileMissing) -> Attachment:
        """Hear why a file is not to be had."""
        ...


class ChatFiles:
    """The files of one journal's messages. `wanted` rings when the list has got something."""

    def __init__(
        self, page: WebChatPage, files: PageFiles, journal: Journal, *, pauses: Sequence[float] = PAUSES
    ) -> None:
        self._page = page
        self._files = files
        self._journal = journal
        self._pauses = pauses
        self.wanted = asyncio.Event()

    async def describe(self, fresh: Iterable[Bubble]) -> dict[str, FileSeen]:
        """Return what new bubbles of the open chat say of their files, by external id; nothing is fetched for it."""
        found: dict[str, FileSeen] = {}
        for seen in fresh:
            if seen.kind not in FILE_KINDS or seen.deleted or seen.empty:
                continue
            facts = await self._files.facts(seen.raw_id, seen.kind)
            size = facts.size if facts else None
            problem = FileProblem.TOO_LARGE if (size or 0) > MOST_FILE_BYTES else None
            mime = _MIMES.get(seen.kind, "application/octet-stream")
            name = facts.name[:255] if facts and facts.name else None
            found[seen.external_id] = FileSeen(mime=mime, name=name, size=size, problem=problem)
        return found

    def note(self, messages: Iterable[MessageSeen]) -> None:
        """Put the files of new messages on the list; the caller holds the transaction in which the messages are kept."""
        for message in messages:
            for position, file in enumerate(message.files):
                if file.problem is None:
                    self._journal.files.want(message.external_id, position, message.chat_id, message.kind)
                    self.wanted.set()
            if message.deleted:
                self._journal.files.forget(message.external_id)

    async def bring_one(self, page_lock: asyncio.Lock, server: FileServer) -> bool:
        """Bring the next file that is due to the server, or tell it why not; tell whether there was one.

        Raises:
            WaxosError: the server cannot be reached, or the page cannot be used; the file stays on the list.
        """
        self.wanted.clear()
        file = self._journal.files.due()
        if file is None:
            return False
        if file.reason is not None:
            await self._tell(file, FileProblem(file.reason), server)
            return True
        try:
            async with page_lock:
                taken = await self._take(file)
            content = await self._files.finish(taken) if isinstance(taken, Download) else taken
        except FileNotHad as fault:
            await self._failed(file, fault, server)
            return True
        except SendStopped as fault:  # the chat is not to be found or proven now
            log.info("file.chat_not_open", code=fault.reason_code, tries=file.tries)
            await self._failed(file, FileNotHad(FileProblem.NOT_LOADED), server)
            return True
        if not content:
            await self._failed(file, FileNotHad(FileProblem.EMPTY, final=True), server)
            return True
        await self._hand_in(file, content, server)
        return True

    async def _hand_in(self, file: WantedFile, content: bytes, server: FileServer) -> None:
        try:
            kept = await server.put_file(file.external_id, file.position, content)
        except NotFound:
            self._later(file)  # its message is still owed
        except TooLarge:
            await self._failed(file, FileNotHad(FileProblem.TOO_LARGE, final=True), server)
        else:
            self._journal.files.done(file)
            log.info("file.brought", kind=file.kind, bytes=len(content), kept=kept.available)

    async def _failed(self, file: WantedFile, fault: FileNotHad, server: FileServer) -> None:
        if not fault.final and file.tries < len(self._pauses):
            self._later(file)
            return
        self._journal.files.give_up(file, fault.problem)
        await self._tell(file, fault.problem, server)

    async def _tell(self, file: WantedFile, problem: FileProblem, server: FileServer) -> None:
        try:
            await server.file_missing(file.external_id, file.position, FileMissing(problem=problem))
        except NotFound:
            self._later(file)
            return
        self._journal.files.done(file)
        log.info("file.given_up", kind=file.kind, problem=problem.value)

    def _later(self, file: WantedFile) -> None:
        """Put a file off; one that even the server knows nothing of after all tries is forgotten."""
        if file.tries >= len(self._pauses):
            self._journal.files.done(file)
        else:
            self._journal.files.later(file, self._pauses[file.tries])

    async def _take(self, file: WantedFile) -> bytes | Download:
        chat = self._journal.chats.chat(file.chat_id)
        if chat is None or chat.excluded or chat.title is None:
            raise FileNotHad(FileProblem.NOT_LOADED, final=True)
        proof = tuple(self._journal.chats.proving(file.chat_id))
        await self._page.open(Target(file.chat_id, chat.title, ChatKind.PERSON, proof))
        seen = await self._find(file.external_id)
        if seen is None:
            raise FileNotHad(FileProblem.NOT_LOADED)
        try:
            drawn = await self._page.whole(seen) if seen.empty else seen
            if drawn.deleted or drawn.kind is not file.kind:
                raise FileNotHad(FileProblem.NOT_LOADED, final=not drawn.empty)
            return await self._files.take(drawn.raw_id, file.kind)
        finally:
            await self._page.scroll_down()

    async def _find(self, external_id: str) -> Bubble | None:
        for _ in range(CHAT_PAGES):
            for seen in await self._page.bubbles():
                if seen.external_id == external_id:
                    return seen
            if not await self._page.scroll_up():
                break
        await self._page.scroll_down()
        return None
