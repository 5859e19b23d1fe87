"""One question to a worker and its answer, over Redis: for what needs a model or a parser while a caller waits (design section 1).

A question is a JSON object on the list `waxos:ask`; the answer comes on a list of its own that expires. No answer in time is a 503.
"""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.exceptions import RedisError

from core import errors
from core.contracts.ids import new_id
from core.errors import InvalidInput, Unavailable, WaxosError
from core.jobs.registry import Registry, Resources

_log = structlog.get_logger(__name__)
QUESTIONS = "waxos:ask"
PING = "worker.ping"
_KEEP_S = 30
_WAIT_S = 1.0
_WITHDRAW_S = 0.5
_CONCURRENT = 8
_RETRY_AFTER_S = 2.0
_MOST_WAITING = 200


@dataclass(slots=True)
class Asker:
    """The asking side: one for each process, on its event loop."""

    url: str
    _redis: Redis = field(init=False)

    def __post_init__(self) -> None:
        pool = BlockingConnectionPool.from_url(
            self.url,
            max_connections=64,
            timeout=1,
            socket_timeout=None,
            socket_connect_timeout=0.5,
            health_check_interval=30,
        )
        self._redis = Redis(connection_pool=pool)

    async def ask(self, kind: str, payload: Mapping[str, Any], timeout_s: float = 5.0) -> dict[str, Any]:
        """Return a worker's answer to `kind`.

        Raises:
            Unavailable: no worker answered within `timeout_s` seconds, too many wait already, or Redis does not answer.
            WaxosError: whatever the answering side raised.
        """
        question_id = str(new_id())
        question = json.dumps(
            {"id": question_id, "kind": kind, "payload": payload, "until": time.time() + timeout_s}, ensure_ascii=False
        )
        try:
            async with asyncio.timeout(timeout_s):
                answer = await self._exchange(question_id, question, timeout_s)
        except TimeoutError:
            await self._withdraw(question)
            raise Unavailable(
                f"no worker answered within {timeout_s:g} s", hint="try again in a moment", retry_after=_RETRY_AFTER_S
            ) from None
        except (RedisError, OSError) as error:
            raise Unavailable(
                f"Redis does not answer ({type(error).__name__})", hint="try again", retry_after=_RETRY_AFTER_S
            ) from None
        if "error" in answer:
            raise _revived(answer["error"])
        result: dict[str, Any] = answer["answer"]
        return result

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _exchange(self, question_id: str, question: str, timeout_s: float) -> dict[str, Any]:
        waiting = await self._redis.lpush(QUESTIONS, question)
        if waiting > _MOST_WAITING:
            await self._redis.lrem(QUESTIONS, 1, question)
            raise Unavailable("the workers are behind with their answers", hint="try again", retry_after=_RETRY_AFTER_S)
        found = await self._redis.blpop([_reply_key(question_id)], timeout=timeout_s + 1)
        if found is None:
            raise TimeoutError
        answer: dict[str, Any] = json.loads(found[1])
        return answer

    async def _withdraw(self, question: str) -> None:
        try:
            async with asyncio.timeout(_WITHDRAW_S):
                await self._redis.lrem(QUESTIONS, 1, question)
        except (RedisError, OSError, TimeoutError):
            return


async def serve_answers(url: str, registry: Registry, resources: Resources) -> None:
    """Answer questions until cancelled; survives Redis going away and coming back."""
    redis = Redis.from_url(url, socket_timeout=5, socket_connect_timeout=2, health_check_interval=10)
    slots = asyncio.Semaphore(_CONCURRENT)
    try:
        async with asyncio.TaskGroup() as group:
            while True:
                await slots.acquire()
                found = await _next_question(redis)
                if found is None:
                    slots.release()
                    continue
                task = group.create_task(_answer(redis, registry, resources, found))
                task.add_done_callback(lambda _task: slots.release())
    finally:
        await redis.aclose()


async def _next_question(redis: Redis) -> dict[str, Any] | None:
    try:
        found = await redis.brpop([QUESTIONS], timeout=_WAIT_S)
    except (RedisError, OSError) as error:
        _log.warning("answers.redis_gone", error=type(error).__name__)
        await asyncio.sleep(_WAIT_S)  # house: sleep - a Redis that is gone tells nobody when it is back
        return None
    if found is None:
        return None
    question: dict[str, Any] = json.loads(found[1])
    return question if question["until"] > time.time() else None


async def _answer(redis: Redis, registry: Registry, resources: Resources, question: Mapping[str, Any]) -> None:
    reply: dict[str, Any]
    try:
        reply = {"answer": dict(await _call(registry, resources, question))}
    except WaxosError as error:
        reply = {"error": _packed(error)}
    except Exception:  # noqa: BLE001 - the edge of the process: the asker gets a plain error, the log the traceback
        _log.exception("answers.failed", kind=question["kind"])
        reply = {"error": _packed(WaxosError("the worker failed on this", hint="try again; the log has the reason"))}
    key = _reply_key(question["id"])
    try:
        async with redis.pipeline(transaction=True) as pipe:
            pipe.lpush(key, json.dumps(reply, ensure_ascii=False))
            pipe.expire(key, _KEEP_S)
            await pipe.execute()
    except (RedisError, OSError) as error:
        _log.warning("answers.not_delivered", kind=question["kind"], error=type(error).__name__)


async def _call(registry: Registry, resources: Resources, question: Mapping[str, Any]) -> Mapping[str, Any]:
    kind = question["kind"]
    if kind == PING:
        return {"pong": True}
    answer = registry.answers.get(kind)
    if answer is None:
        raise InvalidInput(f"no worker knows how to answer {kind}")
    try:
        async with asyncio.timeout(answer.timeout_s):
            return await answer.handler(resources, question["payload"])
    except TimeoutError:
        raise Unavailable(f"{kind} took longer than {answer.timeout_s:g} s", retry_after=_RETRY_AFTER_S) from None


def _packed(error: WaxosError) -> dict[str, Any]:
    return {
        "type": type(error).__name__,
        "detail": error.detail,
        "hint": error.hint,
        "code": error.reason_code,
        "current": error.current,
        "retry_after": error.retry_after,
    }


def _revived(packed: Mapping[str, Any]) -> WaxosError:
    kind = getattr(errors, str(packed["type"]), WaxosError)
    if not (isinstance(kind, type) and issubclass(kind, WaxosError)):
        kind = WaxosError
    return kind(
        packed["detail"],
        hint=packed["hint"],
        code=packed["code"],
        current=packed["current"],
        retry_after=packed["retry_after"],
    )


def _reply_key(question_id: str) -> str:
    return f"waxos:answer:{question_id}"
