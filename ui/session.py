"""Sessions of the panel: tokens stay here, the browser holds one random id in an HttpOnly cookie."""

import asyncio
import contextlib
import secrets
import time
from dataclasses import dataclass, field

import httpx

from core.contracts.accounts import Me, TokenPair
from core.errors import NotAuthenticated, WaxosError
from ui import client
from ui.stream import EventHub

COOKIE = "waxos_session"
_IDLE_SECONDS = 12 * 3600.0
_MAX_SESSIONS = 2000
_REFRESH_EARLY_SECONDS = 30.0


class SessionEnded(NotAuthenticated):
    """The API takes neither token of this session any more: sign in again."""

    code = "session_ended"


@dataclass(slots=True)
class Credentials:
    """The tokens of one session; one lock sees to it that only one task refreshes (a refresh token works once)."""

    http: httpx.AsyncClient
    tokens: TokenPair
    _expires: float = field(init=False)
    _ended: bool = field(default=False, init=False)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    def __post_init__(self) -> None:
        self._expires = time.monotonic() + self.tokens.expires_in

    async def bearer(self, stale: str | None = None) -> str:
        """Return an access token, refreshed when it is about to expire or equals `stale`.

        Raises:
            SessionEnded: the refresh token was refused.
            Unavailable: the API does not answer; the session goes on.
        """
        if self._fresh(stale):
            return self.tokens.access_token
        async with self._lock:
            if not self._fresh(stale):
                await self._refresh()
            return self.tokens.access_token

    async def revoke(self) -> None:
        """Sign out at the API; a server that is away forgets the tokens when they expire."""
        async with self._lock:
            self._ended = True
            with contextlib.suppress(WaxosError):
                await client.logout(self.http, self.tokens.refresh_token, self.tokens.access_token)

    def _fresh(self, stale: str | None) -> bool:
        if self._ended:
            raise SessionEnded("You were signed out.", hint="Sign in again.")
        if stale is not None:
            return self.tokens.access_token != stale
        return time.monotonic() < self._expires - min(_REFRESH_EARLY_SECONDS, self.tokens.expires_in / 4)

    async def _refresh(self) -> None:
        try:
            self.tokens = await client.refresh(self.http, self.tokens.refresh_token)
        except NotAuthenticated:
            self._ended = True
            raise SessionEnded("Your session has ended.", hint="Sign in again.") from None
        self._expires = time.monotonic() + self.tokens.expires_in


@dataclass(slots=True)
class PanelSession:
    """One sign-in: who, the API as they may use it, and the one event connection that all their tabs share."""

    me: Me
    credentials: Credentials
    api: client.ApiClient
    events: EventHub
    used_at: float

    async def close(self) -> None:
        """End it here and at the API; open tabs are told."""
        await self.events.close()
        await self.credentials.revoke()


class SessionStore:
    """All sessions of this process, by cookie value."""

    def __init__(self, http: httpx.AsyncClient, events_url: str) -> None:
        self._http = http
        self._events_url = events_url
        self._sessions: dict[str, PanelSession] = {}

    async def open(self, tokens: TokenPair) -> str:
        """Begin a session with fresh tokens and return the value of its cookie."""
        credentials = Credentials(self._http, tokens)
        api = client.ApiClient(self._http, credentials)
        session = PanelSession(
            me=await api.me(),
            credentials=credentials,
            api=api,
            events=EventHub(self._events_url, credentials),
            used_at=time.monotonic(),
        )
        await self._make_room()
        cookie = secrets.token_urlsafe(32)
        self._sessions[cookie] = session
        return cookie

    def get(self, cookie: str | None) -> PanelSession | None:
        """Return the session of a cookie, or none when there is none or it was idle for too long."""
        session = self._sessions.get(cookie) if cookie else None
        if session is None:
            return None
        now = time.monotonic()
        if now - session.used_at > _IDLE_SECONDS:
            return None
        session.used_at = now
        return session

    async def end(self, cookie: str | None) -> None:
        """Sign out."""
        session = self._sessions.pop(cookie, None) if cookie else None
        if session is not None:
            await session.close()

    async def close(self) -> None:
        """Stop every event connection; tokens are left to expire, so that a restart signs nobody out at the API."""
        for session in self._sessions.values():
            await session.events.close()
        self._sessions.clear()

    async def _make_room(self) -> None:
        limit = time.monotonic() - _IDLE_SECONDS
        for cookie in [c for c, s in self._sessions.items() if s.used_at < limit]:
            await self.end(cookie)
        while len(self._sessions) >= _MAX_SESSIONS:
            await self.end(min(self._sessions, key=lambda c: self._sessions[c].used_at))
