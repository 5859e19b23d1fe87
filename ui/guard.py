"""The outer door of the panel, around every route that Gradio has or may grow.

Gradio's own `auth_dependency` once failed open, so nothing behind `/panel` is reached without a session that was checked here,
and of Gradio's routes only those that the panel needs are reached at all.
"""

import re
import secrets
from collections.abc import Iterable, Mapping
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.session import COOKIE, SessionStore

PANEL = "/panel"
SESSION_KEY = "waxos_session"
_PUBLIC = re.compile(r"/(login|logout|health|favicon\.ico|static/[\w.-]+)")
_ID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_OURS = re.compile(rf"/(events|pictures/{_ID}|files/{_ID}/{_ID})?")
_GRADIO = re.compile(
    rf"{PANEL}(/|/config/?|/theme\.css|/(static|assets|svelte)/.+"
    r"|/gradio_api/(info|app_id|startup-events|theme\.css|run/\w+|queue/(join|data)|reset|cancel|component_server"
    r"|heartbeat/\w+|upload|upload_progress)/?)"
)
_SAFE = {"GET", "HEAD", "OPTIONS"}

# Gradio compiles its templates with Function() and sets inline styles; inline scripts and handlers stay forbidden.
_PANEL_CSP = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; media-src 'self' blob:; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
_PLAIN_CSP = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# What a customer sent is no page: opened by itself it has no origin, runs nothing and loads nothing.
_FILE_CSP = "sandbox; default-src 'none'; frame-ancestors 'none'"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
_TLS_HEADERS = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}


class Guard:
    """ASGI middleware: session, origin, allow-list of paths, security headers. Must be the outermost one."""

    def __init__(self, app: ASGIApp, sessions: SessionStore, *, secure: bool) -> None:
        self._app = app
        self._sessions = sessions
        self._headers = _HEADERS | _TLS_HEADERS if secure else _HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it here."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        refusal = self._check(scope)
        if scope["type"] == "websocket":
            if refusal is not None:
                await send({"type": "websocket.close", "code": 4401, "reason": "sign in first"})
            else:
                await self._app(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(16)
        app = refusal or self._app
        send = _with_headers(send, scope["path"], nonce, self._headers)
        await app(scope, receive, _with_nonce(send, nonce) if _is_index(scope) else send)

    def _check(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        path: str = scope["path"]
        if not _same_origin(scope, headers):
            return _refuse(403, "wrong_origin", "This request does not come from the panel.")
        session = self._sessions.get(cookie_parser(headers.get("cookie", "")).get(COOKIE))
        scope[SESSION_KEY] = session
        if scope["type"] == "http" and _PUBLIC.fullmatch(path):
            return None
        if session is None:
            if scope["type"] == "http" and scope["method"] == "GET" and "text/html" in headers.get("accept", ""):
                return RedirectResponse(f"/login?next={quote(_next_of(path))}", status_code=303)
            return _refuse(401, "not_authenticated", "Sign in first.")
        if path == PANEL or _OURS.fullmatch(path) or _GRADIO.fullmatch(path):
            return None
        return _refuse(404, "not_found", "There is nothing here.")


def _next_of(path: str) -> str:
    return path if path.startswith(PANEL) else PANEL + "/"


def _refuse(status: int, code: str, detail: str) -> Response:
    body = {"type": "about:blank", "title": detail, "status": status, "code": code, "detail": detail}
    return JSONResponse(body, status_code=status, media_type="application/problem+json")


def _same_origin(scope: Scope, headers: Headers) -> bool:
    """Every write and every socket must name our own origin; browsers always do, other sites cannot."""
    if scope["type"] == "http" and scope["method"] in _SAFE:
        return True
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == headers.get("host")


def _is_index(scope: Scope) -> bool:
    return bool(scope["path"] == PANEL + "/" and scope["method"] == "GET")


def _with_headers(send: Send, path: str, nonce: str, fixed: Mapping[str, str]) -> Send:
    csp = _PANEL_CSP.format(nonce=nonce) if path.startswith(PANEL) else _PLAIN_CSP
    if path.startswith("/files/"):
        csp = _FILE_CSP

    async def sender(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in fixed.items():
                headers[name] = value
            headers["Content-Security-Policy"] = csp
            if "cache-control" not in headers:
                headers["Cache-Control"] = "no-cache" if path.startswith("/static/") else "no-store"
        await send(message)

    return sender


def _with_nonce(send: Send, nonce: str) -> Send:
    """Give Gradio's start page our style sheet, and its own inline scripts the nonce that lets them run."""
    start: Message = {}
    chunks: list[bytes] = []

    async def sender(message: Message) -> None:
        nonlocal start
        if message["type"] == "http.response.start":
            start = message
            return
        chunks.append(message.get("body", b""))
        if message.get("more_body"):
            return
        headers = MutableHeaders(scope=start)
        body = b"".join(chunks)
        if headers.get("content-type", "").startswith("text/html"):
            body = _page(body, nonce)
            headers["content-length"] = str(len(body))
        await send(start)
        await send({"type": "http.response.body", "body": body})

    return sender


_DROPPED: Iterable[re.Pattern[bytes]] = (
    re.compile(rb'<meta\s+(?:property|name)="(?:og|twitter):[^>]*>'),
    re.compile(rb'<link rel="manifest"[^>]*>'),
)


def _page(body: bytes, nonce: str) -> bytes:
    # The configuration inside is data of ours with every "<" escaped, so the tags found here are the page's own.
    for pattern in _DROPPED:
        body = pattern.sub(b"", body)
    body = re.sub(rb"<script(?=[\s>])", b'<script nonce="' + nonce.encode() + b'"', body)
    links = b'<link rel="icon" href="/static/mark.svg"><link rel="stylesheet" href="/static/panel.css">'
    return body.replace(b"</head>", links + b"</head>", 1)
