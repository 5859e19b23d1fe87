"""One server that plays every vendor, each under a path of its own, with a journal and a script for each."""

import asyncio
import json
import random
import socket
import struct
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from tests.standins.provider import scribe, wire
from tests.standins.provider.faults import Answering, Asked, Fault, Mix, Reply, Scripted

_PATHS = {
    "bytez": "/models/v2/openai/v1",
    "openrouter": "/api/v1",
    "groq": "/openai/v1",
    "gemini": "/v1beta",
    "openai": "/v1",
    "local": "/local/v1",
}
VENDORS = tuple(_PATHS)
_WITHOUT_EMBEDDINGS = frozenset({"groq", "gemini"})
_NEEDS_NO_KEY = frozenset({"local"})
_TRICKLE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Recorded:
    """One request as it arrived; `at` is of the monotonic clock."""

    vendor: str
    path: str
    headers: Mapping[str, str]
    body: Mapping[str, Any]
    at: float


@dataclass(slots=True)
class ProviderStandin:
    """The running stand-in: where it is, what it was asked, what it answers."""

    origin: str
    refused_origin: str
    journal: list[Recorded] = field(default_factory=list)
    _answer: Answering = scribe.answer
    _scripts: dict[str, deque[Scripted]] = field(default_factory=dict)
    _mixes: dict[str, Mix] = field(default_factory=dict)
    _chance: random.Random = field(default_factory=lambda: random.Random(20261122))
    _closing: asyncio.Event = field(default_factory=asyncio.Event)
    _transports: dict[tuple[str, int], asyncio.Transport] = field(default_factory=dict)

    def base_url(self, vendor: str) -> str:
        """Return the address to configure for a vendor."""
        return self.origin + _PATHS[vendor]

    def refused_url(self, vendor: str) -> str:
        """Return the vendor's address on a port that refuses every connection."""
        return self.refused_origin + _PATHS[vendor]

    def script(self, vendor: str, *steps: Scripted) -> None:
        """Let the next requests to a vendor meet these, one each; then it answers as always."""
        self._scripts.setdefault(vendor, deque()).extend(steps)

    def answer_with(self, answering: Answering) -> None:
        """Answer every unscripted request by this function."""
        self._answer = answering

    def behave(self, vendor: str, mix: Mix) -> None:
        """Let every unscripted request to a vendor meet what a mix says."""
        self._mixes[vendor] = mix

    def asked(self, vendor: str) -> list[Recorded]:
        """Return what a vendor was asked, oldest first."""
        return [request for request in self.journal if request.vendor == vendor]

    def clear(self) -> None:
        """Forget journal, scripts and answers, as between two tests."""
        self.journal.clear()
        self._scripts.clear()
        self._mixes.clear()
        self._answer = scribe.answer

    async def serve(self, vendor: str, request: Request) -> Response:
        """Answer one request."""
        body = json.loads(await request.body())
        headers = dict(request.headers)
        self.journal.append(Recorded(vendor, request.url.path, headers, body, time.monotonic()))
        waiting = self._scripts.get(vendor)
        mix = self._mixes.get(vendor, Mix())
        step = waiting.popleft() if waiting else mix.draw(self._chance)
        if mix.seconds:
            await self._pause(mix.seconds)
        fault = step if isinstance(step, Fault) else None
        key = headers.get("authorization", headers.get("x-goog-api-key", ""))
        if not key and vendor not in _NEEDS_NO_KEY:
            return JSONResponse(wire.error_body(vendor, 401, "no API key was given"), 401)
        if fault is not None:
            met = await self._meet(fault, vendor, key, request)
            if met is not None:
                return met
        if "mbed" in request.url.path.rpartition("/")[2]:
            sent = wire.gemini_embeddings(body) if vendor == "gemini" else wire.embeddings_reply(body, fault)
            return JSONResponse(sent)
        return JSONResponse(self._reply(vendor, request, body, step))

    async def _meet(self, fault: Fault, vendor: str, key: str, request: Request) -> Response | None:
        """Return what the fault sends in place of an answer, none where the answer itself is spoilt."""
        if fault.kind == "status":
            headers = {"retry-after": fault.retry_after} if fault.retry_after else None
            body = wire.error_body(vendor, fault.code, f"refused for {key}")
            return JSONResponse(body, fault.code, headers)
        if fault.kind == "hang":
            await self._closing.wait()
            return Response(status_code=503)
        if fault.kind == "reset":
            self._reset(request)
            return Response(status_code=503)
        if fault.kind == "trickle":
            return StreamingResponse(self._drops(), media_type="application/json")
        if fault.kind == "bad_json":
            return Response('{"choices": [{"mess', media_type="application/json")
        if fault.kind == "slow":
            await self._pause(fault.seconds)
        return None

    def _reset(self, request: Request) -> None:
        assert request.client is not None
        transport = self._transports.get((request.client.host, request.client.port))
        if transport is None:  # whoever asked has gone meanwhile
            return
        # A linger time of zero turns the close into a reset.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()

    async def _drops(self) -> AsyncIterator[bytes]:
        while not self._closing.is_set():
            yield b" "
            await self._pause(_TRICKLE_SECONDS)

    async def _pause(self, seconds: float) -> None:
        """Wait so long, or until the stand-in closes."""
        waiting = asyncio.ensure_future(self._closing.wait())
        await asyncio.wait({waiting}, timeout=seconds)
        waiting.cancel()

    def _reply(self, vendor: str, request: Request, body: Mapping[str, Any], step: Scripted | None) -> dict[str, Any]:
        if vendor == "gemini":
            asked = wire.read_gemini(request.path_params["model"].partition(":")[0], body)
        else:
            asked = wire.read_chat(vendor, body)
        fault = step if isinstance(step, Fault) else None
        reply = self._said(asked, None if fault else step)
        if fault is not None and fault.kind == "wrong_language":
            reply = wire.in_german(reply)
        return (wire.gemini_reply if vendor == "gemini" else wire.chat_reply)(asked, reply, fault)

    def _said(self, asked: Asked, step: Scripted | None) -> Reply:
        if step is None:
            return self._answer(asked)
        assert not isinstance(step, Fault)
        return step(asked) if callable(step) else step


Endpoint = Callable[[Request], Awaitable[Response]]


def _application(provider: ProviderStandin) -> Starlette:
    def endpoint(vendor: str) -> Endpoint:
        async def serve(request: Request) -> Response:
            return await provider.serve(vendor, request)

        return serve

    async def behave(request: Request) -> Response:
        said = await request.json()
        provider.behave(said["vendor"], Mix(said.get("seconds", 0.0), said.get("shares", {})))
        asked = {vendor: len(provider.asked(vendor)) for vendor in VENDORS}
        provider.journal.clear()
        return JSONResponse({"asked": asked})

    routes = [Route("/behave", behave, methods=["POST"])]
    for vendor, path in _PATHS.items():
        if vendor == "gemini":
            routes.append(Route(f"{path}/models/{{model:path}}", endpoint(vendor), methods=["POST"]))
            continue
        routes.append(Route(f"{path}/chat/completions", endpoint(vendor), methods=["POST"]))
        if vendor not in _WITHOUT_EMBEDDINGS:
            routes.append(Route(f"{path}/embeddings", endpoint(vendor), methods=["POST"]))
    return Starlette(routes=routes)


def _protocol(transports: dict[tuple[str, int], asyncio.Transport]) -> type[H11Protocol]:
    """Return uvicorn's protocol with the open connections in reach, so that one can be reset."""

    class Reachable(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._peer = transport.get_extra_info("peername")
            transports[self._peer] = transport

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            transports.pop(self._peer, None)

    return Reachable


@asynccontextmanager
async def run_provider(port: int = 0) -> AsyncIterator[ProviderStandin]:
    """Run the stand-in on loopback while the block runs; port 0 takes a free one."""
    # Bound and never listened on: it stays ours, and whoever connects is refused.
    with socket.create_server(("127.0.0.1", port)) as listener, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        # asyncio does this only where the protocol was named; without it every answer waits 40 ms for the receipt of its headers.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        provider = ProviderStandin(_origin(listener), _origin(closed))
        config = uvicorn.Config(
            _application(provider),
            http=_protocol(provider._transports),
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        server = _Quiet(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield provider
        finally:
            provider._closing.set()
            server.should_exit = True
            await task


def _origin(bound: socket.socket) -> str:
    return f"http://127.0.0.1:{bound.getsockname()[1]}"


class _Quiet(uvicorn.Server):
    """A server that leaves the process's signals alone."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none."""
        yield
