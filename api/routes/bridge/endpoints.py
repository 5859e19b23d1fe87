"""What the desktop bridge calls, with its device token. Every call may be repeated: a lost answer is asked again."""

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request, Response, WebSocket

from api.deps import BridgeDevice, Db, ExternalIdPath, Res
from api.errors import problem, request_id_of
from api.linkcodes import LinkCodes
from api.refusals import problems
from api.resources import resources_of
from api.routes.bridge.byhand import state_after
from api.websocket import enter, pour
from core.contracts.bridge import (
    MOST_FILE_BYTES,
    Arm,
    Armed,
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
from core.contracts.chats import Accepted, Attachment
from core.contracts.principal import Scope
from core.contracts.sessions import LinkCodeSeen, LinkCodeTaken
from core.errors import Conflict, TooLarge
from domain.channels import codes
from domain.channels import service as channels
from domain.chats import files
from domain.chats.ingest import ingest_observations
from domain.devices import service as devices
from domain.sends import byhand, pictures, reports
from domain.sends import service as sends

router = APIRouter(prefix="/bridge", tags=["bridge"])
_REFUSALS = problems(401, 403, 404, 409, 422, 429, 503)
FilePosition = Annotated[int, Path(ge=0, le=99, description="place of the file in its message, from 0")]
_BYTES = {"type": "string", "format": "binary"}


@router.post("/lease", summary="Take or keep the channel", responses=_REFUSALS)
async def lease(caller: BridgeDevice, db: Db, res: Res, body: LeaseRequest) -> Lease:
    """Hold the channel for some seconds more. 409 while another bridge holds it or armed a send; Retry-After says when to ask again."""
    granted = await channels.lease(db, caller, body, res["settings"].desk)
    await devices.note_seen(db, caller, body.app_version, body.protocol)
    return granted


@router.post("/link-code", summary="Hand in the linking code", responses=_REFUSALS)
async def hand_in_code(caller: BridgeDevice, res: Res, body: LinkCodeSeen) -> LinkCodeTaken:
    """Keep the page's code for seconds, if an owner looks at it and has accepted the risk. It is kept in no table and no log."""
    db = res["db"]
    async with db.unit_of_work(caller.tenant_id) as session:
        channel_id = await codes.may_hand_in(session, caller, body.epoch)
    taken = await LinkCodes(res["redis"], caller.tenant_id).put(channel_id, body.data)
    if taken.kept:
        async with db.unit_of_work(caller.tenant_id) as session:
            await codes.handed_in(session, channel_id)
    return taken


@router.post("/observations", summary="Report what the page shows", responses=_REFUSALS)
async def observe(caller: BridgeDevice, db: Db, res: Res, body: Observations) -> ObservationsStored:
    """Store chats, messages and ticks, each once. Only the holder of the channel may report."""
    return await ingest_observations(db, caller, body, res["settings"].desk)


@router.post(
    "/sends/next",
    summary="Ask for the next send",
    response_model=SendOrder,
    responses={**_REFUSALS, 204: {"description": "nothing to send now"}},
)
async def next_send(caller: BridgeDevice, db: Db, res: Res, body: NextSend) -> SendOrder | Response:
    """Give the one send to work on now, the same one until it is settled; an armed one comes back only to be settled."""
    order = await sends.lease_next(db, caller, body, res["settings"].desk)
    return Response(status_code=204) if order is None else order


@router.post("/sends/{send_id}/arm", summary="Ask to click", response_model=Armed, responses=_REFUSALS)
async def arm(request: Request, caller: BridgeDevice, db: Db, res: Res, send_id: UUID, body: Arm) -> Armed | Response:
    """Compare what stands in the box with what was approved, and allow one click within three seconds."""
    answer = await sends.arm(db, caller, send_id, body, res["settings"].desk)
    if isinstance(answer, Conflict):  # returned, not raised: what it did to the send is to be committed
        return problem(answer, request_id_of(request))
    return answer


@router.post("/sends/{send_id}/report", summary="Report the outcome", responses=_REFUSALS)
async def report(caller: BridgeDevice, db: Db, send_id: UUID, body: SendReport) -> SendReported:
    """Store what was found out about a send and answer its status, the truth from then on. Accepted in every state.

    What is settled already, is about another arming, or is not this device's to say changes nothing.
    """
    return await reports.report(db, caller, send_id, body)


@router.post("/messages", summary="Write by hand", status_code=202, responses=_REFUSALS)
async def write(caller: BridgeDevice, db: Db, res: Res, body: HandMessage) -> Accepted:
    """Take text that a person typed on the computer of the bridge: checked like any other, sent if it passes, within every limit."""
    return await byhand.write(db, caller, body, res["settings"].desk)


@router.get("/messages/{draft_id}", summary="Read what became of it", responses=problems(401, 403, 404, 422, 429, 503))
async def written(
    caller: BridgeDevice,
    res: Res,
    draft_id: UUID,
    wait_ms: Annotated[int, Query(ge=0, le=2000, description="wait so long for its end")] = 0,
) -> HandMessageState:
    """Return how far a message by hand of this device has come."""
    return await state_after(res, caller, draft_id, wait_ms)


@router.put(
    "/sends/{send_id}/screenshot",
    summary="Hand in a picture of the chat where a send stopped",
    status_code=204,
    responses=problems(401, 403, 404, 409, 413, 422, 429, 503),
    openapi_extra={"requestBody": {"required": True, "content": {"image/png": {"schema": _BYTES}}}},
)
async def put_screenshot(request: Request, caller: BridgeDevice, res: Res, send_id: UUID) -> None:
    """Keep a PNG picture of at most 2 MB for some days, and show it to staff. The first one stays; repeats are harmless."""
    db = res["db"]
    async with db.unit_of_work(caller.tenant_id) as session:
        await pictures.require_picture_wanted(session, caller, send_id)
    content = await _at_most(request, pictures.MAX_BYTES)
    pictures.refuse_other_than_png(content)
    blob = await res["blobs"].put(caller.tenant_id, _once(content), limit=pictures.MAX_BYTES)
    async with db.unit_of_work(caller.tenant_id) as session:
        await pictures.keep_picture(session, caller, send_id, blob.key, res["settings"].desk.picture_days)


async def _at_most(request: Request, limit: int) -> bytes:
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > limit:
            raise TooLarge(f"the picture is larger than {limit // 1024 // 1024} MB", hint="send a smaller one")
    return bytes(content)


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


@router.put(
    "/messages/{external_id}/files/{position}",
    summary="Hand in the bytes of a file",
    responses=problems(401, 403, 404, 413, 422, 429, 503),
    openapi_extra={"requestBody": {"required": True, "content": {"application/octet-stream": {"schema": _BYTES}}}},
)
async def put_file(
    request: Request,
    caller: BridgeDevice,
    res: Res,
    external_id: ExternalIdPath,
    position: FilePosition,
) -> Attachment:
    """Store the bytes of a file of a message that was reported before, as what they are and not as what they are called.

    Repeats are harmless; what is stored is never replaced. A program or an empty file is not kept, and the answer says so.
    """
    db = res["db"]
    async with db.unit_of_work(caller.tenant_id) as session:
        known = await files.require_attachment(session, caller, external_id, position)
    head, whole = await files.peek(request.stream())
    problem = files.refusal(head)
    if known.available or problem is not None:
        async for _ in whole:  # read to its end: a caller that is cut off would try again
            pass
        if known.available or problem is None:
            return known
        async with db.unit_of_work(caller.tenant_id) as session:
            return await files.note_problem(session, caller, external_id, position, problem)
    limit = min(MOST_FILE_BYTES, res["settings"].api.max_upload_mb * 1024 * 1024)
    blob = await res["blobs"].put(caller.tenant_id, whole, limit=limit)
    async with db.unit_of_work(caller.tenant_id) as session:
        return await files.store_file(session, caller, external_id, position, blob, head)


@router.put(
    "/messages/{external_id}/files/{position}/problem",
    summary="Say why a file is not to be had",
    responses=problems(401, 403, 404, 422, 429, 503),
)
async def file_problem(
    caller: BridgeDevice, db: Db, external_id: ExternalIdPath, position: FilePosition, body: FileMissing
) -> Attachment:
    """Note why the bytes of a file will not come; staff see it in the chat. Bytes that are there already stay."""
    return await files.note_problem(db, caller, external_id, position, body.problem)


@router.websocket("/stream")
async def stream(socket: WebSocket) -> None:
    """Send doorbells to a bridge; each says only: ask. The first comes at once, so that nothing waits for the next."""
    caller = await enter(socket, Scope.BRIDGE)
    if caller is None:
        return
    resources = resources_of(socket)
    await pour(
        socket,
        resources["bus"].follow_device(caller.subject_id),
        lambda: devices.require_paired(resources["db"], caller),
    )
