"""Shows staff the chat where a send stopped: a picture of that conversation, handed to the server after the report."""

import asyncio
from uuid import UUID

import httpx
import structlog

from core.errors import WaxosError
from desktop_bridge.link.client import ServerClient
from desktop_bridge.page import pictures
from desktop_bridge.page.chat_page import WebChatPage
from desktop_bridge.sends.ports import Target

_SECONDS = 5.0
MAX_BYTES = 2 * 1024 * 1024

log = structlog.get_logger(__name__)


class PageWitness:
    """The witness of a bridge that has a page and a server. Nothing that fails here stops a send or its report."""

    def __init__(self, page: WebChatPage, client: ServerClient) -> None:
        self._page = page
        self._client = client

    async def look(self, target: Target) -> bytes | None:
        """See `Witness.look`."""
        try:
            return await pictures.of_conversation(self._page.reader, target.known)
        except WaxosError as fault:
            log.info("picture.none", code=fault.reason_code)
            return None

    async def tell(self, send_id: UUID, picture: bytes) -> None:
        """See `Witness.tell`."""
        if len(picture) > MAX_BYTES:
            return
        try:
            async with asyncio.timeout(_SECONDS):
                await self._client.put_screenshot(send_id, picture)
        except (WaxosError, httpx.HTTPError, TimeoutError) as fault:
            log.info("picture.not_told", send_id=str(send_id), reason=type(fault).__name__)
