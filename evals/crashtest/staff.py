"""Staff at the public API of a desk that is being killed: every call is repeated until it was answered, as a careful client does."""

import time
from types import TracebackType
from typing import Any, Self

import httpx

from core.errors import WaxosError
from evals.crashtest.waiting import ticks

PATIENCE_S = 120.0
Json = dict[str, Any]
OUT_OF_HAND = frozenset(
    {"sent", "delivered", "read", "returned", "unknown", "failed", "cancelled", "expired", "abandoned"}
)


class DeskSilent(WaxosError):
    """The desk did not answer for minutes, or refused what it must not refuse."""

    code, title = "desk_silent", "The desk does not answer"


class Staff:
    """A signed-in admin. `sends` is what the API last said of every send, by id."""

    def __init__(self, api_url: str) -> None:
        self._http = httpx.AsyncClient(base_url=f"{api_url.rstrip('/')}/api/v1", timeout=5, trust_env=False)
        self.sends: dict[str, Json] = {}
        self.chats: dict[str, Json] = {}
        self.looked_at = 0.0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def sign_in(self, login: dict[str, str]) -> None:
        """Sign in; the token is good for the whole run by a setting."""
        body = {"email": login["email"], "password": login["password"]}
        tokens = await self.call("POST", "/auth/login", json=body)
        self._http.headers["Authorization"] = f"Bearer {tokens['access_token']}"

    async def call(self, method: str, path: str, *, allow: tuple[int, ...] = (), **more: Any) -> Json:
        """Call until there is an answer. A refusal in `allow` is returned as `{"refused": status, …problem}`.

        Raises:
            DeskSilent: no answer for minutes, or another refusal.
        """
        async for _ in ticks(PATIENCE_S, 0.3):
            try:
                answer = await self._http.request(method, path, **more)
            except httpx.TransportError:
                continue
            if answer.status_code >= 500 or answer.status_code == 429:
                continue
            if answer.is_error and answer.status_code not in allow:
                raise DeskSilent(f"{method} {path} answered {answer.status_code}: {answer.text[:300]}")
            found: Json = answer.json() if answer.content else {}
            return {**found, "refused": answer.status_code} if answer.is_error else found
        raise DeskSilent(f"{method} {path} was not answered for {PATIENCE_S:.0f} s", hint="see the desk's logs")

    async def look(self) -> bool:
        """Look once at the newest sends and chats; False where the desk does not answer now."""
        began = time.time()
        try:
            sends = await self._http.get("/sends", params={"limit": 200})
            chats = await self._http.get("/chats", params={"limit": 100})
        except httpx.TransportError:
            return False
        if sends.is_error or chats.is_error:
            return False
        self.sends |= {send["id"]: send for send in sends.json()["items"]}
        self.chats |= {chat["id"]: chat for chat in chats.json()["items"]}
        self.looked_at = began
        return True

    async def sends_of(self, chat_id: str) -> list[Json]:
        """Return every send of a chat, oldest first."""
        found = (await self.call("GET", "/sends", params={"chat_id": chat_id, "limit": 200}))["items"]
        self.sends |= {send["id"]: send for send in found}
        return list(reversed(found))

    def in_hand(self) -> set[str]:
        """Return the sends that a bridge holds, as last seen."""
        return {key for key, send in self.sends.items() if send["status"] in ("leased", "armed")}

    def of_draft(self, draft_id: str) -> list[Json]:
        """Return the sends of a draft in order, as last seen; those sent again come after what they repeat."""
        found = [send for send in self.sends.values() if send["draft_id"] == draft_id]
        return sorted(found, key=lambda send: (send["part"], send["queued_at"]))
