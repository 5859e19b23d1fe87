"""Around every request: its id, its line in the log, the headers that browsers need, and the last net for a fault of ours."""

import re
import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import problem, too_large
from core.contracts.ids import new_id
from core.errors import WaxosError

_log = structlog.get_logger(__name__)
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_HSTS = "max-age=31536000; includeSubDomains"
_UPLOADS = ("/api/v1/knowledge/sources", "/api/v1/history/imports", "/api/v1/bridge/messages/")
_MOST_BYTES = 4 * 1024 * 1024
_FORM_BYTES = 64 * 1024
"""What a multipart form may add around its file."""


class RequestEdge:
    """The outermost layer. A caller's `X-Request-Id` is kept if it looks like one; else we make one."""

    def __init__(self, app: ASGIApp, *, over_tls: bool, upload_bytes: int) -> None:
        self.app = app
        self.upload_bytes = upload_bytes + _FORM_BYTES
        self.headers = {**_HEADERS, "Strict-Transport-Security": _HSTS} if over_tls else _HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or socket."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if _REQUEST_ID.fullmatch(given) else str(new_id())
        scope["request_id"] = request_id
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        if scope["type"] == "websocket":
            await self.app(scope, receive, send)
            return
        await self._http(scope, receive, send, request_id)

    async def _http(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        began = time.perf_counter()
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                for name, value in self.headers.items():
                    headers.setdefault(name, value)
            await send(message)

        most = self.upload_bytes if str(scope["path"]).startswith(_UPLOADS) else _MOST_BYTES
        length = Headers(scope=scope).get("content-length", "")
        try:
            if length.isdigit() and int(length) > most:
                await problem(too_large(), request_id)(scope, receive, sending)
            else:
                await self.app(scope, _bounded(receive, most), sending)
        except Exception:  # the edge of the process: the caller gets a plain problem, the log the traceback
            _log.exception("request.failed", method=scope["method"], path=scope["path"])
            if status:
                raise
            fault = WaxosError(
                "something went wrong on our side", hint="try again; name the request id when you report it"
            )
            await problem(fault, request_id)(scope, receive, sending)
        _log.info(
            "request.done",
            method=scope["method"],
            path=scope["path"],
            status=status,
            ms=round((time.perf_counter() - began) * 1000, 1),
        )


def _bounded(receive: Receive, most: int) -> Receive:
    """Count what is received: a length that was not announced, or announced falsely, is bounded too."""
    seen = 0

    async def counting() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise HTTPException(413)  # the kind of error that FastAPI lets through while it reads a body
        return message

    return counting
