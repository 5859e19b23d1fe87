"""Rings, questions and the sweep against a real worker, a real Valkey and a real Postgres."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from uuid import UUID

import pytest
import redis
from pydantic import SecretStr
from sqlalchemy import text

from core.contracts.ids import new_id
from core.db.session import Database, Effects, Ring, after_commit
from core.embedded.processes import die_with_parent
from core.embedded.valkey import EmbeddedValkey
from core.errors import Conflict, InvalidInput, SetupError, Unavailable
from core.jobs.ask import PING, Asker
from core.jobs.broker import refuse_evicting_redis
from core.jobs.dispatch import Dispatcher, celery_ring
from core.jobs.sweep import sweep
from core.settings import Settings

WORKER = textwrap.dedent(
    """
    import asyncio, json, os, sys
    from core.db.session import Database, Effects, create_engine
    from core.errors import Conflict
    from core.jobs.registry import Registry
    from core.jobs.worker import Worker
    from core.settings import load_settings

    given = json.loads(sys.stdin.readline())
    settings = load_settings({}, **given["settings"])
    registry = Registry()

    def note(line):
        with open(given["notes"], "a") as out:
            out.write(line + "\\n")

    async def remember(resources, tenant_id, row_id):
        note(f"{tenant_id} {row_id}")

    async def slow(resources, tenant_id, row_id):
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            note(f"cut {row_id}")
            raise

    async def broken(resources, tenant_id, row_id):
        raise RuntimeError("on purpose")

    async def double(resources, payload):
        return {"twice": payload["n"] * 2}

    async def refuse(resources, payload):
        raise Conflict("taken", current={"by": "me"})

    async def sleepy(resources, payload):
        await asyncio.sleep(60)

    registry.task("test.remember", remember)
    registry.task("test.slow", slow, timeout_s=0.3)
    registry.task("test.endless", slow, timeout_s=60)
    registry.task("test.broken", broken)
    registry.task("test.heavy", remember, queue="cpu")
    registry.answer("test.double", double)
    registry.answer("test.refuse", refuse)
    registry.answer("test.sleepy", sleepy)
    registry.preload(lambda: note("preloaded"))
    opened = lambda s, sink: Database(create_engine(s.database_url.get_secret_value()), sink)
    Worker(settings, registry, opened, Effects(), "0001", given["queues"]).serve()
    """
)


class RunningWorker:
    def __init__(self, settings: Settings, notes: Path, *queues: str) -> None:
        self.notes = notes
        given = {
            "queues": queues or ("default", "cpu"),
            "notes": str(notes),
            "settings": {
                "database_url": settings.database_url.get_secret_value() if settings.database_url else None,
                "redis_url": settings.redis_url.get_secret_value() if settings.redis_url else None,
            },
        }
        self.process = subprocess.Popen(
            [sys.executable, "-c", WORKER], stdin=subprocess.PIPE, text=True, preexec_fn=die_with_parent()
        )
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(given) + "\n")
        self.process.stdin.close()

    def lines(self) -> list[str]:
        return self.notes.read_text().splitlines() if self.notes.exists() else []

    async def until(self, true: Callable[[list[str]], bool], seconds: float = 30) -> list[str]:
        deadline = time.monotonic() + seconds
        while not true(self.lines()):
            assert time.monotonic() < deadline, self.lines()
            await asyncio.sleep(0.02)
        return self.lines()

    def stop(self) -> float:
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(15)
        return time.monotonic() - began


@pytest.fixture
async def asker(settings: Settings) -> AsyncIterator[Asker]:
    assert settings.redis_url is not None
    made = Asker(settings.redis_url.get_secret_value())
    yield made
    await made.close()


@pytest.fixture
async def worker(settings: Settings, asker: Asker, tmp_path: Path) -> AsyncIterator[RunningWorker]:
    running = RunningWorker(settings, tmp_path / "notes")
    try:
        await asker.ask(PING, {}, timeout_s=60)
        yield running
    finally:
        if running.process.poll() is None:
            running.stop()


@pytest.fixture
def dispatcher(settings: Settings) -> Iterator[Dispatcher]:
    made = Dispatcher(celery_ring(settings), lambda _effect: None)
    yield made
    made.stop()


async def test_a_ring_after_commit_runs_the_task_once_and_a_rollback_rings_nothing(
    worker: RunningWorker, dispatcher: Dispatcher, db: Database, tenant: UUID
) -> None:
    ringing = Database(db.engine, dispatcher)
    kept, dropped = new_id(), new_id()
    async with ringing.unit_of_work(tenant) as session:
        after_commit(session, Ring("test.remember", tenant, kept))
    with suppress(RuntimeError):
        async with ringing.unit_of_work(tenant) as session:
            after_commit(session, Ring("test.remember", tenant, dropped))
            raise RuntimeError
    later = new_id()
    dispatcher([Ring("test.remember", tenant, later, delay_s=0.5)])
    lines = await worker.until(lambda seen: any(str(later) in line for line in seen))
    assert lines == ["preloaded", f"{tenant} {kept}", f"{tenant} {later}"]


async def test_a_task_over_its_time_is_cut_and_a_broken_one_hurts_nobody(
    worker: RunningWorker, dispatcher: Dispatcher, tenant: UUID
) -> None:
    slow, after = new_id(), new_id()
    dispatcher(
        [Ring("test.slow", tenant, slow), Ring("test.broken", tenant, new_id()), Ring("test.remember", tenant, after)]
    )
    await worker.until(lambda seen: f"cut {slow}" in seen and f"{tenant} {after}" in seen)


async def test_a_warm_stop_does_not_wait_for_endless_work(
    worker: RunningWorker, dispatcher: Dispatcher, tenant: UUID
) -> None:
    endless, probe = new_id(), new_id()
    dispatcher([Ring("test.endless", tenant, endless), Ring("test.remember", tenant, probe)])
    await worker.until(lambda seen: f"{tenant} {probe}" in seen)
    assert await asyncio.to_thread(worker.stop) < 12
    assert f"cut {endless}" in worker.lines()


async def test_heavy_work_goes_on_to_a_worker_of_processes(
    settings: Settings, asker: Asker, dispatcher: Dispatcher, tmp_path: Path, tenant: UUID
) -> None:
    light = RunningWorker(settings, tmp_path / "light", "default")
    heavy = RunningWorker(settings, tmp_path / "heavy", "cpu")
    row = new_id()
    try:
        await asker.ask(PING, {}, timeout_s=60)
        dispatcher([Ring("test.heavy", tenant, row)])
        await heavy.until(lambda seen: f"{tenant} {row}" in seen, 60)
    finally:
        light.stop()
        heavy.stop()
    assert light.lines() == ["preloaded"]


async def test_questions_are_answered_and_errors_come_back_as_themselves(worker: RunningWorker, asker: Asker) -> None:
    assert worker.process.poll() is None
    answers = await asyncio.gather(*(asker.ask("test.double", {"n": n}) for n in range(40)))
    assert [answer["twice"] for answer in answers] == [n * 2 for n in range(40)]
    with pytest.raises(Conflict) as caught:
        await asker.ask("test.refuse", {})
    assert caught.value.current == {"by": "me"}
    with pytest.raises(InvalidInput):
        await asker.ask("test.nobody_knows", {})
    with pytest.raises(Unavailable) as late:
        await asker.ask("test.sleepy", {}, timeout_s=0.3)
    assert late.value.retry_after is not None


async def test_without_a_worker_the_question_is_withdrawn(asker: Asker) -> None:
    with pytest.raises(Unavailable):
        await asker.ask("test.double", {"n": 1}, timeout_s=1.0)
    assert await asker._redis.llen("waxos:ask") == 0


async def test_the_sweep_finds_what_a_lost_ring_left(db: Database, effects: Effects, tenant: UUID) -> None:
    due, later, unknown = new_id(), new_id(), new_id()
    insert = text(
        "insert into due (tenant_id, kind, id, due_at) values (:t, :kind, :id, now() + make_interval(secs => :s))"
    )
    async with db.without_tenant() as session:
        await session.execute(text("delete from due"))
        for kind, row, seconds in (("test.a", due, -1), ("test.a", later, 60), ("test.gone", unknown, -1)):
            await session.execute(insert, {"t": tenant, "kind": kind, "id": row, "s": seconds})
    swept = await asyncio.gather(*(sweep(db, {"test.a"}) for _ in range(3)))
    assert sum(one.rung for one in swept) == 1
    assert sum(one.unknown for one in swept) == 1
    assert effects.seen == [Ring("test.a", tenant, due)]


@pytest.mark.parametrize("state", ["refused", "hung"])
async def test_the_doorbell_never_waits_for_redis(settings: Settings, tmp_path: Path, tenant: UUID, state: str) -> None:
    server = EmbeddedValkey(tmp_path / "data", "a-password", tmp_path / "log")
    server.start()
    assert server.pid is not None
    if state == "hung":
        os.kill(server.pid, signal.SIGSTOP)
    else:
        server.stop()
    elsewhere = settings.model_copy(update={"redis_url": SecretStr(server.url)})
    dispatcher = Dispatcher(celery_ring(elsewhere), lambda _effect: None, capacity=50)
    slowest = 0.0
    for _ in range(200):
        began = time.monotonic()
        dispatcher([Ring("test.remember", tenant, new_id())])
        slowest = max(slowest, time.monotonic() - began)
        await asyncio.sleep(0.01)
    assert slowest < 0.1
    assert dispatcher.dropped > 0
    if state == "hung":
        os.kill(server.pid, signal.SIGCONT)
    else:
        server.start()
    before = dispatcher.dropped
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        dispatcher([Ring("test.remember", tenant, new_id())])
        await asyncio.sleep(0.2)
        if dispatcher._queue.empty() and dispatcher.dropped == before:
            break
        before = dispatcher.dropped
    assert time.monotonic() < deadline
    dispatcher.stop()
    server.stop()


def test_a_redis_that_evicts_is_refused(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path / "data", "a-password", tmp_path / "log")
    server.start()
    refuse_evicting_redis(server.url)
    redis.Redis.from_url(server.url).config_set("maxmemory-policy", "allkeys-lru")
    with pytest.raises(SetupError, match="allkeys-lru"):
        refuse_evicting_redis(server.url)
    server.stop()
    with pytest.raises(SetupError, match="does not answer"):
        refuse_evicting_redis(server.url)
