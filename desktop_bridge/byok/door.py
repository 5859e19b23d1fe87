"""Who may come in: the owner of this computer, by a link that works once.

A link is exchanged for two halves. One is a cookie that no script can read; since a cookie of 127.0.0.1 goes to every port of it, the
other half stays with this origin, in the page's own storage, and comes as a header. Neither is worth anything alone. The name in the
address must be ours, which no other name that is pointed at this computer is, and what changes something must come from our own page.
"""

import hmac
import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from desktop_bridge import host

HALF = "X-Waxos-Half"
"""The header with the half of the page."""

LINK_FILE = "own-key.json"
"""Where the next link lies in the bridge's home, for the command line; only its owner may read it."""

OPENING_FILE = "own-key.html"
"""What the command line lets the browser open, so that the link is in no argument; gone once it is used."""

MOST_SESSIONS = 8
_SAFE = ("GET", "HEAD")
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _CSP,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}


@dataclass
class Door:
    """The link that is good now, and who has come in by an earlier one. All of it ends with the process."""

    home: Path
    port: int
    _link: str = ""
    _sessions: dict[str, str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        """The address of the page, by number: a name could be pointed elsewhere."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def cookie(self) -> str:
        """The cookie's name; with the port in it, bridges beside each other do not put each other out."""
        return f"waxos_own_{self.port}"

    def renew(self) -> None:
        """Make the next link, and lay it where the command line finds it."""
        self._link = secrets.token_urlsafe(32)
        (self.home / OPENING_FILE).unlink(missing_ok=True)
        host.write_private(
            self.home / LINK_FILE, json.dumps({"origin": self.origin, "link": f"{self.origin}/enter/{self._link}"})
        )

    def close(self) -> None:
        """Take the link away."""
        for name in (LINK_FILE, OPENING_FILE):
            (self.home / name).unlink(missing_ok=True)

    def exchange(self, token: str) -> tuple[str, str] | None:
        """Return the two halves of a session for the link's token, none where it is not the one that is good now."""
        if not self._link or not hmac.compare_digest(token.encode(), self._link.encode()):
            return None
        self.renew()
        session, half = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        self._sessions[session] = half
        for oldest in list(self._sessions)[:-MOST_SESSIONS]:
            del self._sessions[oldest]
        return session, half

    def knows(self, headers: Headers) -> bool:
        """Tell whether a request brings both halves of one session."""
        session = cookie_parser(headers.get("cookie", "")).get(self.cookie, "")
        half = self._sessions.get(session)
        return half is not None and hmac.compare_digest(half.encode(), headers.get(HALF, "").encode())


class Guard:
    """Around every route: host, origin, session, strict headers."""

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or say why not."""
        if scope["type"] != "http":
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
            await send(message)

        refusal = self._refusal(scope)
        inner = JSONResponse({"detail": refusal[1]}, status_code=refusal[0]) if refusal else self._app
        await inner(scope, receive, with_headers)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        headers = Headers(scope=scope)
        if headers.get("host") != self._door.origin.removeprefix("http://"):
            return 421, "this page is reached by its own address only"
        origin = headers.get("origin")
        if origin is not None and origin != self._door.origin:
            return 403, "this comes from another page"
        if scope["method"] not in _SAFE and origin is None:
            return 403, "this does not come from the page"
        if scope["path"].startswith("/api/") and not self._door.knows(headers):
            return 401, "open the page by a fresh link: waxos bridge key page"
        return None
