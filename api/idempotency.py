"""`Idempotency-Key`: a repeated act gets the answer of the first one, for a day. With Redis away acts go on: their compare-and-set
in Postgres protects by itself; the key only makes the answers alike.
"""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.deps import identify
from api.errors import DATABASE_AWAY, database_away, problem, too_large
from api.resources import resources_of
from core.contracts.principal import Principal
from core.errors import Conflict, InvalidInput, WaxosError

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
ACTS = (
    "/api/v1/chats/",
    "/api/v1/drafts/",
    "/api/v1/sends/",
    "/api/v1/channels",
    "/api/v1/devices/pairings",
    "/api/v1/knowledge/texts",
    "/api/v1/knowledge/answers",
    "/api/v1/knowledge/pages",
    "/api/v1/proposals/",
    "/api/v1/history/proposals/",
)
"""POSTs under these take the header. Bridge calls and uploads repeat harmlessly without it; a sign-in must not be kept."""

_KEEP_S = 24 * 3600
_IN_HAND_S = 60
_WAIT_S = 10
_REDIS_S = 1.0
_LATE_S = 2
"""How long an act that Redis could not tell from a repeated one waits, after a conflict, for the answer of the first."""

_NOT_KEPT = {401, 403, 429}
_LONGEST_KEY = 255
_MOST_BYTES = 256 * 1024
_log = structlog.get_logger(__name__)
T = TypeVar("T")


class IdempotentActs:
    """Middleware that keeps the answers of acts by caller, address and key."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        key = Headers(scope=scope).get(HEADER) if _is_act(scope) else None
        if key is None:
            await self.app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        try:
            if not 1 <= len(key) <= _LONGEST_KEY:
                raise InvalidInput(f"{HEADER} is longer than {_LONGEST_KEY} characters", hint="use a UUID")
            caller = await identify(resources_of(connection), _bearer(connection))
            body = await _read(receive)
            act = _Act(resources_of(connection)["redis"], _name(caller, scope, key), hashlib.sha256(body).hexdigest())
            kept = await act.begin()
        except (WaxosError, HTTPException) as error:
            refusal = error if isinstance(error, WaxosError) else too_large()  # reading raises nothing else
            await problem(refusal, scope.get("request_id"))(scope, receive, send)
            return
        except DATABASE_AWAY:
            await problem(database_away(), scope.get("request_id"))(scope, receive, send)
            return
        if kept is not None:
            await kept(scope, receive, send)
            return
        await self._run(act, body, scope, receive, send)

    async def _run(self, act: "_Act", body: bytes, scope: Scope, receive: Receive, send: Send) -> None:
        answer = _Answer()
        given = False

        async def again() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        async def sending(message: Message) -> None:
            answer.take(message)
            await send(message)

        held: list[Message] = []

        async def holding(message: Message) -> None:
            answer.take(message)
            if answer.status == Conflict.status:
                held.append(message)
            else:
                await send(message)

        try:
            await self.app(scope, again, sending if act.reachable else holding)
            kept = await act.winner() if held else None
            if kept is not None:
                await kept(scope, receive, send)
            else:
                for message in held:
                    await send(message)
        finally:
            await act.end(answer)


@dataclass(slots=True)
class _Answer:
    status: int = 0
    media_type: str = "application/json"
    body: bytearray = field(default_factory=bytearray)
    whole: bool = False

    def take(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.media_type = Headers(raw=list(message["headers"])).get("content-type", self.media_type)
        elif message["type"] == "http.response.body":
            self.body += message.get("body", b"")
            self.whole = not message.get("more_body", False)

    @property
    def worth_keeping(self) -> bool:
        return (
            self.whole and 200 <= self.status < 500 and self.status not in _NOT_KEPT and len(self.body) <= _MOST_BYTES
        )


@dataclass(slots=True)
class _Act:
    """One act of one caller under one key. `{name}` holds the answer, or who is at it; `{name}:bell` wakes those who wait."""

    redis: Redis
    name: str
    fingerprint: str
    reachable: bool = True

    async def begin(self) -> Response | None:
        """Return the kept answer, or None if the caller is to act now.

        Raises:
            InvalidInput: the key was used with another body. Conflict: the first request is still at it.
        """
        mine = json.dumps({"fingerprint": self.fingerprint})
        found = await self._try(self.redis.set(self.name, mine, nx=True, get=True, ex=_IN_HAND_S))
        if found is None:
            return None
        kept = self._checked(str(found))
        if "status" not in kept:
            kept = await self._awaited(_WAIT_S)
        if "status" not in kept:
            raise Conflict(
                "the first request with this key is not done yet",
                hint="ask again in a moment",
                code="in_progress",
                retry_after=1,
            )
        return _replayed(kept)

    async def winner(self) -> Response | None:
        """Return the answer of the act that was first while Redis was too slow to say so; None where it still does not."""
        kept: dict[str, Any] = {}
        with suppress(InvalidInput):  # used with another body: the conflict is its answer
            kept = await self._awaited(_LATE_S)
        return _replayed(kept) if "status" in kept else None

    async def _awaited(self, seconds: int) -> dict[str, Any]:
        await self._try(self.redis.blmove(f"{self.name}:bell", f"{self.name}:bell", timeout=seconds), seconds + 1)
        found = await self._try(self.redis.get(self.name))
        return self._checked(str(found)) if found is not None else {}

    async def end(self, answer: _Answer) -> None:
        """Keep the answer if it is final; else let the key be used again."""
        if not self.reachable and answer.status == Conflict.status:
            return  # another one was first, and its answer is kept
        if not answer.worth_keeping:
            await self._try(self.redis.delete(self.name))
        else:
            kept = {
                "fingerprint": self.fingerprint,
                "status": answer.status,
                "media_type": answer.media_type,
                "body": answer.body.decode(),
            }
            await self._try(self.redis.set(self.name, json.dumps(kept), ex=_KEEP_S))
        async with self.redis.pipeline(transaction=True) as pipe:
            pipe.lpush(f"{self.name}:bell", "done")
            pipe.expire(f"{self.name}:bell", _IN_HAND_S)
            await self._try(pipe.execute())

    def _checked(self, found: str) -> dict[str, Any]:
        kept: dict[str, Any] = json.loads(found)
        if kept["fingerprint"] != self.fingerprint:
            raise InvalidInput(
                f"this {HEADER} was used with another body", hint="make a new key for a new act", code="key_reused"
            )
        return kept

    async def _try(self, command: Awaitable[T], seconds: float = _REDIS_S) -> T | None:
        try:
            async with asyncio.timeout(seconds):
                return await command
        except (RedisError, OSError, TimeoutError) as error:
            self.reachable = False
            _log.warning("idempotency.redis_gone", error=type(error).__name__)
            return None


def _replayed(kept: Mapping[str, Any]) -> Response:
    return Response(kept["body"], status_code=kept["status"], media_type=kept["media_type"], headers={REPLAYED: "true"})


def _is_act(scope: Scope) -> bool:
    return scope["type"] == "http" and scope["method"] == "POST" and str(scope["path"]).startswith(ACTS)


def _bearer(connection: HTTPConnection) -> str:
    kind, _, token = connection.headers.get("authorization", "").partition(" ")
    return token if kind.lower() == "bearer" else ""


def _name(caller: Principal, scope: Scope, key: str) -> str:
    what = hashlib.sha256(f"{scope['path']}\n{key}".encode()).hexdigest()
    return f"waxos:idempotency:{caller.tenant_id}:{caller.subject_id}:{what}"


async def _read(receive: Receive) -> bytes:
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return bytes(body)
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body)
