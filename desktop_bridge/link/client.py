"""The server's API as the bridge uses it: plain calls that may be repeated, and the doorbell stream."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from typing import TypeVar
from uuid import UUID

import httpx
import structlog
from pydantic import BaseModel, SecretStr, ValidationError
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidStatus, WebSocketException

from core.contracts.base import Problem
from core.contracts.bridge import (
    Arm,
    Armed,
    BridgeHint,
    FileMissing,
    Lease,
    LeaseRequest,
    NextSend,
    Observations,
    ObservationsStored,
    SendOrder,
    SendReport,
    SendReported,
)
from core.contracts.byhand import HandMessage, HandMessageState
from core.contracts.byok import ByokUsage, ByokUsageTaken, OwnerCase, OwnerWork, OwnKey
from core.contracts.channels import PairDevice, PairedDevice
from core.contracts.chats import Accepted, Attachment
from core.contracts.knowledge import SearchQuery, SearchResult
from core.contracts.sessions import LinkCodeSeen, LinkCodeTaken
from core.errors import BY_STATUS, InvalidInput, NotAuthenticated, Unavailable, WaxosError

Shape = TypeVar("Shape", bound=BaseModel)

_PREFIX = "/api/v1"
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 15.0
FILE_SECONDS = 120.0
"""Longest wait for the server to take a file over a slow line."""

log = structlog.get_logger(__name__)


def pause(attempt: int) -> float:
    """Return how long to wait before try number `attempt` (from 1): doubling, at most 15 s, with full jitter."""
    return random.uniform(0.5, 1.0) * min(FIRST_PAUSE * 2.0 ** (attempt - 1), LONGEST_PAUSE)  # noqa: S311 - not a secret


class ServerClient:
    """Speaks for one paired device. `tries` counts repetitions of a call whose answer was lost."""

    def __init__(self, server_url: str, token: SecretStr | None, *, timeout: float = 10.0) -> None:
        headers = {"Authorization": f"Bearer {token.get_secret_value()}"} if token else {}
        self._http = httpx.AsyncClient(base_url=server_url + _PREFIX, headers=headers, timeout=timeout)
        self._stream_url = server_url.replace("http", "ws", 1) + _PREFIX + "/bridge/stream"
        self._headers = headers

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def pair(self, ask: PairDevice) -> PairedDevice:
        """Exchange a pairing code for a device token; not repeated, the code works once."""
        return _required(await self._post("/devices/pair", ask, PairedDevice, tries=1))

    async def lease(self, ask: LeaseRequest) -> Lease:
        """Take or keep the channel.

        Raises:
            Conflict: another bridge holds it.
        """
        return _required(await self._post("/bridge/lease", ask, Lease, tries=1))

    async def hand_in_code(self, data: str, epoch: int) -> LinkCodeTaken:
        """Hand in the linking code; not repeated, it is old in seconds.

        Raises:
            Conflict: the risk was not accepted, or the channel is not held.
            InvalidInput: it is too short or too long for a code that links.
        """
        try:
            seen = LinkCodeSeen(epoch=epoch, data=data)
        except ValidationError:  # which would repeat the code in its words
            raise InvalidInput("what the page shows is not a linking code") from None
        return _required(await self._post("/bridge/link-code", seen, LinkCodeTaken, tries=1))

    async def observe(self, seen: Observations) -> ObservationsStored:
        """Tell what is new on the page."""
        return _required(await self._post("/bridge/observations", seen, ObservationsStored))

    async def next_send(self, epoch: int) -> SendOrder | None:
        """Ask for the next send, if there is one."""
        return await self._post("/bridge/sends/next", NextSend(epoch=epoch), SendOrder)

    async def arm(self, send_id: UUID, ask: Arm, *, within: float) -> Armed:
        """Ask to click; a lost answer is asked again until `within` seconds are over.

        Raises:
            Conflict: the server says no.
            Unavailable: no answer in time.
        """
        try:
            async with asyncio.timeout(within):
                return _required(await self._post(f"/bridge/sends/{send_id}/arm", ask, Armed, tries=100))
        except TimeoutError:
            raise Unavailable("the server did not answer to the request to arm in time") from None

    async def report(self, send_id: UUID, said: SendReport) -> SendReported:
        """Tell the outcome of a send."""
        return _required(await self._post(f"/bridge/sends/{send_id}/report", said, SendReported))

    async def put_screenshot(self, send_id: UUID, picture: bytes) -> None:
        """Hand over the picture of the chat where a send stopped."""
        answer = await self._http.put(
            f"/bridge/sends/{send_id}/screenshot", content=picture, headers={"Content-Type": "image/png"}
        )
        if answer.is_error:
            raise _refusal(answer)

    async def write(self, message: HandMessage) -> Accepted:
        """Ask for a message by hand; a lost answer is asked again, the id makes it the same message."""
        return _required(await self._post("/bridge/messages", message, Accepted))

    async def written(self, draft_id: UUID, wait_ms: int) -> HandMessageState:
        """Return what became of a message by hand, after `wait_ms` at most.

        Raises:
            Unavailable: the server cannot be reached.
        """
        return await self._get(f"/bridge/messages/{draft_id}", HandMessageState, wait_ms=wait_ms)

    async def own_work(self) -> OwnerWork:
        """Return whose AI key drafts, and what waits on this computer."""
        return await self._get("/bridge/byok", OwnerWork)

    async def switch_own_key(self, ask: OwnKey) -> OwnerWork:
        """Say whose AI key drafts from now on."""
        return await self._put("/bridge/byok", ask.model_dump_json().encode(), "application/json", OwnerWork)

    async def own_case(self, draft_id: UUID) -> OwnerCase:
        """Return what a draft is to be made of.

        Raises:
            Conflict: the chat has moved on.
        """
        return await self._get(f"/bridge/byok/{draft_id}", OwnerCase)

    async def dismiss(self, draft_id: UUID) -> ByokUsageTaken:
        """Say that the owner wants nothing of a draft."""
        return _required(await self._post(f"/bridge/byok/{draft_id}/dismiss", None, ByokUsageTaken))

    async def tell_usage(self, used: ByokUsage) -> ByokUsageTaken:
        """Tell what a call with the owner's key took; the id makes it the same report."""
        return _required(await self._post("/ai/byok-usage", used, ByokUsageTaken))

    async def search(self, ask: SearchQuery) -> SearchResult:
        """Search the business's knowledge."""
        return _required(await self._post("/knowledge/search", ask, SearchResult))

    async def put_file(self, external_id: str, position: int, content: bytes) -> Attachment:
        """Hand over one file of a message; the answer says whether it was kept.

        Raises:
            NotFound: the server does not know the message yet. TooLarge: it takes no file of this size.
        """
        path = f"/bridge/messages/{external_id}/files/{position}"
        return await self._put(path, content, "application/octet-stream", Attachment)

    async def file_missing(self, external_id: str, position: int, said: FileMissing) -> Attachment:
        """Tell why a file is not to be had."""
        path = f"/bridge/messages/{external_id}/files/{position}/problem"
        return await self._put(path, said.model_dump_json().encode(), "application/json", Attachment)

    async def _put(self, path: str, content: bytes, mime: str, shape: type[Shape]) -> Shape:
        try:
            answer = await self._http.put(path, content=content, headers={"Content-Type": mime}, timeout=FILE_SECONDS)
        except httpx.TransportError as lost:
            raise Unavailable(f"the server took nothing ({type(lost).__name__})") from None
        return _required(_read(answer, shape))

    async def _get(self, path: str, shape: type[Shape], **parameters: int) -> Shape:
        try:
            answer = await self._http.get(path, params=parameters)
        except httpx.TransportError as lost:
            raise Unavailable(f"the server cannot be reached ({type(lost).__name__})") from None
        return _required(_read(answer, shape))

    async def hints(self) -> AsyncIterator[BridgeHint | None]:
        """Yield doorbells for ever, and None each time the stream is up again (something may have been missed).

        Raises:
            NotAuthenticated: the device's token is no longer good.
        """
        tries = 0
        while True:
            try:
                async with connect(self._stream_url, additional_headers=self._headers, open_timeout=10) as socket:
                    tries = 0
                    yield None
                    async for frame in socket:
                        hint = _hint(frame)
                        if hint is not None:
                            yield hint
            except InvalidStatus as refused:
                if refused.response.status_code in {401, 403}:
                    raise NotAuthenticated(
                        "the server does not accept this device any more", hint="pair it again: waxos bridge pair"
                    ) from None
            except (OSError, InvalidHandshake, WebSocketException) as lost:
                log.info("stream.lost", reason=type(lost).__name__)
            tries += 1
            await asyncio.sleep(pause(tries))  # house: sleep - a server that is away tells nobody when it is back

    async def _post(self, path: str, body: BaseModel | None, shape: type[Shape], *, tries: int = 4) -> Shape | None:
        sent = body.model_dump_json(by_alias=True) if body is not None else None
        for attempt in range(1, tries + 1):
            try:
                answer = await self._http.post(path, content=sent, headers={"Content-Type": "application/json"})
            except httpx.TransportError as lost:
                if attempt == tries:
                    raise Unavailable(
                        f"the server cannot be reached ({type(lost).__name__})",
                        hint="is it running, and the address right?",
                    ) from None
                await asyncio.sleep(pause(attempt))  # house: sleep - a server that is away tells nobody when it is back
                continue
            if answer.status_code >= 500 and attempt < tries:
                await asyncio.sleep(pause(attempt))  # house: sleep - a server that is away tells nobody when it is back
                continue
            return _read(answer, shape)
        raise Unavailable("the server was not asked")


def _read(answer: httpx.Response, shape: type[Shape]) -> Shape | None:
    if answer.status_code == 204:
        return None
    if answer.is_error:
        raise _refusal(answer)
    try:
        return shape.model_validate_json(answer.content)
    except ValidationError:
        raise Unavailable(
            f"the server's answer is no {shape.__name__}", hint="do server and bridge have the same version?"
        ) from None


def _refusal(answer: httpx.Response) -> WaxosError:
    kind = BY_STATUS.get(answer.status_code, Unavailable)
    try:
        problem = Problem.model_validate_json(answer.content)
    except ValidationError:
        return kind(f"the server answered {answer.status_code}")
    return kind(
        problem.detail, hint=problem.hint, code=problem.code, current=problem.current, retry_after=_retry_after(answer)
    )


def _retry_after(answer: httpx.Response) -> float | None:
    """Return the seconds after which the server wants to be asked again, where it says so in seconds."""
    said = answer.headers.get("Retry-After", "")
    return float(said) if said.isdecimal() else None


def _required(answer: Shape | None) -> Shape:
    if answer is None:
        raise Unavailable("the server answered nothing where something was due")
    return answer


def _hint(frame: str | bytes) -> BridgeHint | None:
    """Return the hint of a frame; kinds that a newer server knows are passed over (decision 9)."""
    try:
        return BridgeHint.model_validate(json.loads(frame))
    except (ValidationError, ValueError):
        return None
