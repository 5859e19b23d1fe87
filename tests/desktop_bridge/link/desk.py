"""A small desk on loopback that speaks the bridge's protocol: keeps what it is told, gives out sends, and can lose answers."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from uuid import UUID

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from core.contracts.bridge import (
    Arm,
    Armed,
    BridgeHint,
    BridgeHintType,
    Lease,
    LeaseRequest,
    MessageSeen,
    Observations,
    ObservationsStored,
    SendOrder,
    SendOutcome,
    SendReport,
    SendReported,
    TickSeen,
)
from core.contracts.channels import PairDevice, PairedDevice
from core.contracts.chats import Attachment
from core.contracts.ids import new_id
from core.contracts.sessions import Breaker, BreakerState, ChannelAsk, LinkCodeSeen, LinkCodeTaken, Stop
from core.contracts.states import ChatKind
from core.contracts.texts import text_sha256

TOKEN = "wxd_" + "t" * 32


class Desk:
    """The state of the small desk. `lose[path end]` answers of that path are lost after they took effect."""

    def __init__(self) -> None:
        self.url = ""
        self.epoch = 0
        self.held_by_other = False
        self.risk_accepted = True
        self.stopped: Stop | None = None
        self.asked: ChannelAsk | None = None
        self.breaker: Breaker | None = None
        self.looking = True
        self.codes: list[str] = []
        self.lose: dict[str, int] = {}
        self.slow_lease = 0.0
        """How many seconds a lease request is on its way before it takes effect."""
        self.leases: list[LeaseRequest] = []
        self.titles: dict[UUID, str] = {}
        self.messages: list[MessageSeen] = []
        self.ticks: list[TickSeen] = []
        self.files: dict[str, bytes] = {}
        self.queue: list[SendOrder] = []
        self.armed: dict[UUID, Arm] = {}
        self.reports: dict[UUID, list[SendReport]] = {}
        self.heard: list[bytes] = []
        """Everything that came in over the wire: addresses, headers, bodies, frames."""
        self.changed = asyncio.Condition()
        self._sockets: list[WebSocket] = []

    # -- for tests ----------------------------------------------------------------------------------------------------

    async def until(self, holds: Callable[[], bool], seconds: float = 10.0) -> None:
        """Wait until `holds()` is true."""
        async with asyncio.timeout(seconds), self.changed:
            await self.changed.wait_for(holds)

    def has(self, text: str) -> Callable[[], bool]:
        """Return whether a message of this text has come in, as something to wait for."""
        return lambda: any(message.text == text for message in self.messages)

    async def send(self, title: str, text: str) -> UUID:
        """Queue a send to the chat of this title and ring the doorbell."""
        chat_id = next(one for one, called in self.titles.items() if called == title)
        known = [m.external_id for m in reversed(self.messages) if m.chat_id == chat_id]
        order = SendOrder(
            send_id=new_id(), epoch=self.epoch, chat_id=chat_id, title=title, kind=ChatKind.PERSON, text=text,
            text_sha256=text_sha256([text]), part=0, parts_total=1, known_external_ids=known[:8],
            previous_part_external_id=None,
        )  # fmt: skip
        self.queue.append(order)
        await self.ring(BridgeHintType.SEND_QUEUED, send_id=order.send_id)
        return order.send_id

    async def ring(self, kind: BridgeHintType, **ids: UUID) -> None:
        """Ring the doorbell of every connected bridge."""
        for stream in self._sockets:
            await stream.send_text(BridgeHint(type=kind, ids=ids).model_dump_json())

    async def drop_streams(self) -> None:
        """Cut every stream."""
        for stream in self._sockets:
            await stream.close()

    # -- the API ------------------------------------------------------------------------------------------------------

    def app(self) -> Starlette:
        """Return the routes."""
        post = ["POST"]
        return Starlette(
            routes=[
                Route("/api/v1/devices/pair", self._pair, methods=post),
                Route("/api/v1/bridge/lease", self._lease, methods=post),
                Route("/api/v1/bridge/link-code", self._code, methods=post),
                Route("/api/v1/bridge/observations", self._observe, methods=post),
                Route("/api/v1/bridge/sends/next", self._next, methods=post),
                Route("/api/v1/bridge/sends/{id:uuid}/arm", self._arm, methods=post),
                Route("/api/v1/bridge/sends/{id:uuid}/report", self._report, methods=post),
                Route("/api/v1/bridge/messages/{id}/files/{position:int}", self._file, methods=["PUT"]),
                Route("/api/v1/bridge/messages/{id}/files/{position:int}/problem", self._file, methods=["PUT"]),
                WebSocketRoute("/api/v1/bridge/stream", self._stream),
            ]
        )

    async def _pair(self, request: Request) -> Response:
        asked = PairDevice.model_validate_json(await request.body())
        if asked.code != "123456":
            return _problem(410, "gone", "the code is unknown or used")
        device = PairedDevice(device_id=new_id(), tenant_id=new_id(), channel_id=new_id(), token=TOKEN)
        return Response(device.model_dump_json(), media_type="application/json")

    async def _lease(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _problem(401, "not_authenticated", "unknown device")
        asked = LeaseRequest.model_validate_json(await request.body())
        await asyncio.sleep(self.slow_lease)  # house: sleep - the way to a distant server
        if self.held_by_other:
            held = _problem(409, "channel_held", "another bridge holds this channel")
            held.headers["Retry-After"] = "1"
            return held
        if asked.epoch != self.epoch or self.epoch == 0:
            self.epoch += 1
        await self._note(lambda: self.leases.append(asked))
        if asked.health is not None and asked.health.breaker is not None:
            self.breaker = asked.health.breaker
        lease = Lease(
            channel_id=new_id(), epoch=self.epoch, lease_seconds=2.0, risk_accepted=self.risk_accepted,
            stopped=self.stopped, asked=self.asked, breaker=self.breaker,
        )  # fmt: skip
        self.asked = None
        return self._answer("lease", lease.model_dump_json())

    async def _code(self, request: Request) -> Response:
        seen = LinkCodeSeen.model_validate_json(await request.body())
        if self.looking:
            await self._note(lambda: self.codes.append(seen.data))
        taken = LinkCodeTaken(kept=self.looking, wanted_seconds=30 if self.looking else 0)
        return self._answer("code", taken.model_dump_json())

    async def look(self) -> None:
        """Let an owner look at the code."""
        await self.ring(BridgeHintType.CODE_WANTED)

    async def ask(self, what: ChannelAsk) -> None:
        """Let a person ask for something."""
        self.asked = what
        await self.ring(BridgeHintType.CHANNEL_ASKED)

    async def _observe(self, request: Request) -> Response:
        seen = Observations.model_validate_json(await request.body())
        known = {m.external_id for m in self.messages}
        fresh = [m for m in seen.messages if m.external_id not in known or m.edited or m.deleted]

        def store() -> None:
            self.titles.update({chat.id: chat.title for chat in seen.chats})
            self.messages.extend(fresh)
            self.ticks.extend(seen.ticks)

        await self._note(store)
        stored = ObservationsStored(new_messages=len(fresh), updated=0, duplicates=0, ignored=0)
        return self._answer("observations", stored.model_dump_json())

    async def _file(self, request: Request) -> Response:
        content = await request.body()
        external_id = request.path_params["id"]
        if external_id not in {m.external_id for m in self.messages}:
            return _problem(404, "not_found", "report the message with its files first")
        await self._note(lambda: self.files.__setitem__(external_id, content))
        kept = Attachment(id=new_id(), mime="application/octet-stream", name=None, size=len(content), available=True)
        return self._answer("file", kept.model_dump_json())

    async def _next(self, request: Request) -> Response:
        await request.body()
        kept_back = self.stopped or (self.breaker and self.breaker.state is not BreakerState.CLOSED)
        if not self.queue or (kept_back and self.queue[0].send_id not in self.armed):
            return Response(status_code=204)
        order = self.queue[0]
        if order.send_id in self.armed:
            arm = self.armed[order.send_id]
            order = order.model_copy(
                update={"settle_only": True, "armed_tail_external_id": arm.tail_external_id,
                        "armed_by_installation": arm.installation_id}
            )  # fmt: skip
        return self._answer("next", order.model_dump_json())

    async def _arm(self, request: Request) -> Response:
        asked = Arm.model_validate_json(await request.body())
        send_id = request.path_params["id"]
        order = next((one for one in self.queue if one.send_id == send_id), None)
        newest = [m.external_id for m in self.messages if order and m.chat_id == order.chat_id]
        if order is None or asked.text_sha256 != order.text_sha256 or asked.tail_external_id not in newest[-1:]:
            return _problem(409, "chat_moved", "the chat changed")
        await self._note(lambda: self.armed.__setitem__(send_id, asked))
        until = datetime.now(UTC) + timedelta(seconds=3)
        return self._answer("arm", Armed(send_id=send_id, click_within_ms=3000, deadline_at=until).model_dump_json())

    async def _report(self, request: Request) -> Response:
        said = SendReport.model_validate_json(await request.body())
        send_id = request.path_params["id"]

        def store() -> None:
            self.reports.setdefault(send_id, []).append(said)
            self.armed.pop(send_id, None)
            if said.outcome is not SendOutcome.ABSENT:
                self.queue = [one for one in self.queue if one.send_id != send_id]

        await self._note(store)
        return self._answer("report", SendReported(send_id=send_id, status=said.outcome).model_dump_json())

    async def _stream(self, stream: WebSocket) -> None:
        if stream.headers.get("authorization") != f"Bearer {TOKEN}":
            await stream.close()
            return
        await stream.accept()
        self._sockets.append(stream)
        await self._note(lambda: None)
        try:
            while True:
                await stream.receive_text()
        except WebSocketDisconnect:
            self._sockets.remove(stream)

    def _answer(self, name: str, body: str) -> Response:
        if self.lose.get(name, 0) > 0:
            self.lose[name] -= 1
            return Response("lost", status_code=502)
        return Response(body, media_type="application/json")

    async def _note(self, change: Callable[[], object]) -> None:
        async with self.changed:
            change()
            self.changed.notify_all()


class _Listening:
    """An ASGI layer that notes whatever comes in."""

    def __init__(self, app: ASGIApp, heard: list[bytes]) -> None:
        self._app = app
        self._heard = heard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._heard.append(repr((scope.get("path"), scope.get("query_string"), scope.get("headers"))).encode())

        async def listen() -> Message:
            message = await receive()
            self._heard.append(message.get("body") or message.get("bytes") or (message.get("text") or "").encode())
            return message

        await self._app(scope, listen, send)


def _problem(status: int, code: str, detail: str) -> JSONResponse:
    return JSONResponse({"title": code, "status": status, "code": code, "detail": detail}, status_code=status)


class _Quiet(uvicorn.Server):
    def install_signal_handlers(self) -> None:
        """The test process keeps its own."""


@asynccontextmanager
async def run_desk() -> AsyncIterator[Desk]:
    """Serve a desk on a free port of loopback."""
    desk = Desk()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        desk.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(
            _Listening(desk.app(), desk.heard),
            log_config=None,
            access_log=False,
            ws="websockets-sansio",
            timeout_graceful_shutdown=1,
        )
        server = _Quiet(config)
        running = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield desk
        finally:
            server.should_exit = True
            await running
