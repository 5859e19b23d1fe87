"""Sending by hand on a page that is not on this computer: an ordinary message of a person, asked of the server by the paired device.

The server checks and queues it like any other; the bridge that holds the channel sends it. Where none runs on this home, one runs here
until the message is settled.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any
from uuid import UUID

from pydantic import SecretStr, TypeAdapter, ValidationError

from core.contracts.byhand import HandMessage, HandMessageState
from core.contracts.ids import new_id
from core.contracts.texts import PartText
from core.errors import Conflict, InvalidInput, NotAllowed, NotFound, SetupError, Unavailable
from core.settings import BridgeSettings
from desktop_bridge import host
from desktop_bridge.errors import ColdMessage
from desktop_bridge.failpoints import Failpoint, no_failpoint
from desktop_bridge.journal.journal import Journal, open_journal, read_journal
from desktop_bridge.link.client import ServerClient
from desktop_bridge.page.bubbles import clean_title
from desktop_bridge.runner import Bridge
from desktop_bridge.status import BridgeStatus

PATIENCE = 180.0
"""Seconds for a bridge to be ready and for a message to be settled; what is not settled by then goes on without us."""

_LOOK_MS = 2000


async def send_as_device(
    settings: BridgeSettings,
    title: str,
    text: str,
    *,
    patience: float = PATIENCE,
    failpoint: Failpoint = no_failpoint,
) -> dict[str, Any]:
    """Let the server send one message to the chat of this title and return what became of it.

    Raises:
        NotAllowed: this computer is not paired. InvalidInput: a text that cannot be sent. ColdMessage: nobody wrote first.
        NotFound: no chat, or several, of this title. StaleDecision: the chat has something newer. Unavailable: no server, or no page.
    """
    try:
        text = TypeAdapter(PartText).validate_python(text)
    except ValidationError as error:
        raise InvalidInput(error.errors()[0]["msg"]) from None
    token = _token(settings)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(_served(settings, token, patience, failpoint))
        client = ServerClient(settings.server_url, token)
        stack.push_async_callback(client.close)
        accepted = await client.write(_message(settings, clean_title(title), text))
        return _told(await _outcome(client, accepted.id, patience))


def _token(settings: BridgeSettings) -> SecretStr:
    unpaired = NotAllowed(
        "sending on a page that is not on this computer needs a paired device",
        hint="make a code in the panel (Channels, Pair a device), then: waxos bridge pair CODE",
        code="not_paired",
    )
    if not settings.home.exists():
        raise unpaired
    try:
        journal = read_journal(settings)
    except SetupError as fault:
        raise (fault if any(settings.home.glob("journal.*")) else unpaired) from None
    try:
        token = journal.token(settings.server_url)
    finally:
        journal.close()
    if token is None:
        raise unpaired
    return token


def _message(settings: BridgeSettings, title: str, text: str) -> HandMessage:
    journal = read_journal(settings)
    try:
        return _addressed(journal, title, text)
    finally:
        journal.close()


def _addressed(journal: Journal, title: str, text: str) -> HandMessage:
    chats = [chat for chat in journal.chats.with_title(title) if not chat.excluded]
    if len(chats) != 1:
        raise NotFound(
            f"{len(chats)} chats of the journal carry this title",
            hint="see `waxos bridge recent` for the titles; a chat is known once its customer wrote",
        )
    chat = chats[0]
    newest = journal.chats.newest(chat.id, 1)
    if not newest or not journal.chats.customer_wrote(chat.id):
        raise ColdMessage(
            "nobody wrote to us in this chat", hint="WAXOS answers people who wrote first; write from the phone"
        )
    return HandMessage(id=new_id(), chat_id=chat.id, newest_external_id=newest[0].external_id, parts=[text])


@asynccontextmanager
async def _served(
    settings: BridgeSettings, token: SecretStr, patience: float, failpoint: Failpoint
) -> AsyncIterator[None]:
    """See that a bridge works with this home: the one that does, or else one of our own for as long as the block lasts."""
    async with AsyncExitStack() as stack:
        try:
            stack.enter_context(host.single_instance(host.private_folder(settings.home)))
        except SetupError:
            yield  # another process serves this home
            return
        journal = open_journal(settings)
        stack.callback(journal.close)
        client = ServerClient(settings.server_url, token)
        stack.push_async_callback(client.close)
        ready: asyncio.Future[BridgeStatus] = asyncio.get_running_loop().create_future()
        bridge = Bridge(settings, journal, client, failpoint=failpoint, on_ready=ready.set_result)
        running = asyncio.create_task(bridge.run())
        either: set[asyncio.Future[Any]] = {running, ready}
        try:
            await asyncio.wait(either, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                await running
            if not ready.done():
                raise Unavailable(
                    f"the bridge is not ready: the page is {bridge.shared.session.state}",
                    hint="see `waxos bridge probe --json`; another computer may hold the channel",
                )
            yield
        finally:
            bridge.shared.stop.set()
            with suppress(Conflict):
                await running


async def _outcome(client: ServerClient, draft_id: UUID, patience: float) -> HandMessageState:
    found = await client.written(draft_id, 0)
    with suppress(TimeoutError):
        async with asyncio.timeout(patience):
            while not found.final:
                found = await client.written(draft_id, _LOOK_MS)
    return found


def _told(found: HandMessageState) -> dict[str, Any]:
    """Return what the command prints. A text that the check did not pass lies before staff in the panel."""
    part = found.parts[0] if found.parts else None
    return {
        "status": part.status if part else found.status,
        "final": found.final,
        "draft_id": found.draft_id,
        "send_id": part.send_id if part else None,
        "code": part.error_code if part else None,
        "detail": part.error_detail if part else found.reason,
        "waits_for": part.wait_code if part else None,
    }
