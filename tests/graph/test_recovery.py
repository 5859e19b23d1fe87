"""Workers that die, stall or meet on one run: each run ends once, and finished steps are not paid for again."""

import asyncio
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import UUID

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import empty_checkpoint
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from core.contracts.ids import new_id
from core.contracts.states import DraftStatus, RunState
from core.db.session import Database, Effects, create_engine
from core.settings import DeskSettings
from domain.drafts.results import RunResult
from domain.drafts.runs import ClaimedRun
from graph.checkpoint import TenantSaver, thread_of
from graph.runner import Runner
from graph.runs import DomainRuns
from tests.conftest import DatabaseUrls
from tests.graph.conftest import runner_of
from tests.graph.desk import Desk, checkpoint_rows
from tests.graph.scripted import ScriptedAgents

ROOT = Path(__file__).parents[2]


async def until(done: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not happen in time"
        await asyncio.sleep(0.02)


async def take_over(runner: Runner, desk: Desk, run_id: UUID) -> str:
    """Ring the run until the dead worker's lease is over, as the sweep does."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        if (outcome := await runner.run(desk.tenant, run_id)) is not None:
            return outcome
        await asyncio.sleep(0.05)
    raise AssertionError("nobody could take the run over")


@pytest.mark.parametrize(
    ("dies_in", "done_before"), [("humanize", ["retrieve", "draft"]), ("check", ["retrieve", "draft", "humanize"])]
)
async def test_killed_worker_is_followed_at_its_last_checkpoint(
    desk: Desk, runner: Runner, agents: ScriptedAgents, database_urls: DatabaseUrls, admin: AsyncEngine,
    tmp_path: Path, dies_in: str, done_before: list[str],
) -> None:  # fmt: skip
    run_id, journal = await desk.asks(), tmp_path / "turns"
    journal.touch()
    command = ["-m", "tests.graph.worker", database_urls.app, str(desk.tenant), str(run_id), str(journal), dies_in]
    worker = subprocess.Popen([sys.executable, *command], cwd=ROOT)  # noqa: ASYNC220 - a real process, to be killed
    try:
        await until(lambda: dies_in in journal.read_text())
    finally:
        worker.kill()
        worker.wait()
    assert (await desk.run(run_id)).state == RunState.RUNNING
    assert await checkpoint_rows(admin, desk.tenant) > 0

    agents.journal, agents.provider_ms = journal, 1
    assert await take_over(runner, desk, run_id) == DraftStatus.PENDING

    turns = Counter(journal.read_text().split())
    assert {name: turns[name] for name in done_before} == dict.fromkeys(done_before, 1)
    assert turns[dies_in] == 2
    assert (await desk.draft()).parts == ["Hello! On Saturday we are open from 9 to 13."]
    assert (await desk.run(run_id)).attempt == 2
    assert sorted(call.purpose for call in await desk.ai_calls()) == ["draft", "humanize"]
    assert await checkpoint_rows(admin, desk.tenant) == 0


@pytest.fixture
async def second_engine(database_urls: DatabaseUrls) -> AsyncIterator[AsyncEngine]:
    """The engine of another worker."""
    engine = create_engine(database_urls.app, pool_size=5)
    yield engine
    await engine.dispose()


async def test_of_two_workers_one_wins(
    desk: Desk, runner: Runner, agents: ScriptedAgents, second_engine: AsyncEngine, rules: DeskSettings
) -> None:
    other = runner_of(second_engine, Database(second_engine, Effects()), rules, agents.agents_for)
    for _ in range(5):
        chat = await desk.another_chat()
        run_id = await chat.asks()
        outcomes = await asyncio.gather(runner.run(desk.tenant, run_id), other.run(desk.tenant, run_id))
        assert sorted(map(str, outcomes)) == ["None", DraftStatus.PENDING]
        assert len(await chat.drafts()) == 1
    assert agents.turns["draft"] == 5


async def test_worker_that_lost_its_claim_stops_and_writes_nothing(
    desk: Desk, runner: Runner, agents: ScriptedAgents, admin: AsyncEngine
) -> None:
    agents.provider_ms = 1
    agents.wait, agents.reached = {"humanize": asyncio.Event()}, {"humanize": asyncio.Event()}
    run_id = await desk.asks()
    working = asyncio.create_task(runner.run(desk.tenant, run_id))
    await agents.reached["humanize"].wait()
    async with admin.begin() as connection:
        taken = {"id": run_id, "claim": new_id()}
        await connection.execute(text("update draft_runs set claim_id = :claim where id = :id"), taken)

    assert await working is None
    assert agents.turns["check"] == 0
    assert await desk.drafts() == []
    assert [call.purpose for call in await desk.ai_calls()] == ["draft"], "it was paid for all the same"
    assert await checkpoint_rows(admin, desk.tenant) > 0, "the checkpoints belong to the new worker"


async def test_long_run_keeps_its_claim(desk: Desk, runner: Runner, agents: ScriptedAgents) -> None:
    agents.provider_ms = 1500  # longer than the lease of one second
    run_id = await desk.asks()
    working = asyncio.create_task(runner.run(desk.tenant, run_id))
    await asyncio.sleep(1.3)
    assert await runner.run(desk.tenant, run_id) is None
    assert await working == DraftStatus.PENDING
    assert (await desk.run(run_id)).attempt == 1


async def test_heartbeat_that_meets_its_own_finished_run_is_no_lost_claim(
    app_engine: AsyncEngine, db: Database, desk: Desk, agents: ScriptedAgents, admin: AsyncEngine
) -> None:
    class SlowStore(DomainRuns):
        """Comes back from storing only when several heartbeats would have been due."""

        async def store(self, run: ClaimedRun, result: RunResult) -> DraftStatus | None:
            status = await super().store(run, result)
            await asyncio.sleep(1)
            return status

    rules = DeskSettings(quiet_seconds=0, run_lease_seconds=1)
    runner = Runner(app_engine, SlowStore(db, rules), agents.agents_for, rules)
    assert await runner.run(desk.tenant, await desk.asks()) == DraftStatus.PENDING
    assert await checkpoint_rows(admin, desk.tenant) == 0


@pytest.mark.parametrize(("version", "drafted"), [(None, 1), ("another", 2)], ids=["same graph", "another graph"])
async def test_run_of_another_graph_starts_again(
    desk: Desk, runner: Runner, agents: ScriptedAgents, version: str | None, drafted: int
) -> None:
    agents.provider_ms = 1
    agents.wait, agents.reached = {"check": asyncio.Event()}, {"check": asyncio.Event()}
    run_id = await desk.asks()
    working = asyncio.create_task(runner.run(desk.tenant, run_id))
    await agents.reached["check"].wait()
    working.cancel()
    with pytest.raises(asyncio.CancelledError):
        await working

    agents.wait = {}
    runner._version = version or runner._version
    assert await take_over(runner, desk, run_id) == DraftStatus.PENDING
    assert agents.turns["draft"] == drafted
    assert len(await desk.drafts()) == 1


async def test_leftovers_of_a_finished_run_are_swept_and_those_of_a_live_one_stay(
    desk: Desk, runner: Runner, app_engine: AsyncEngine, agents: ScriptedAgents, admin: AsyncEngine
) -> None:
    finished = await desk.asks()
    await runner.run(desk.tenant, finished)
    left_behind = empty_checkpoint()
    left_behind["channel_values"], left_behind["channel_versions"] = {"calls": [{}]}, {"calls": "1"}
    config: RunnableConfig = {"configurable": {"thread_id": thread_of(desk.tenant, finished), "checkpoint_ns": ""}}
    await TenantSaver(app_engine, desk.tenant).aput(config, left_behind, {"source": "loop", "step": 5}, {})
    assert await checkpoint_rows(admin, desk.tenant) > 0

    await runner.run(desk.tenant, finished)
    assert await checkpoint_rows(admin, desk.tenant) == 0

    agents.provider_ms = 1
    agents.wait, agents.reached = {"check": asyncio.Event()}, {"check": asyncio.Event()}
    live = await (await desk.another_chat()).asks()
    working = asyncio.create_task(runner.run(desk.tenant, live))
    await agents.reached["check"].wait()
    await runner.run(desk.tenant, finished)
    assert await checkpoint_rows(admin, desk.tenant) > 0
    agents.wait["check"].set()
    await working


async def test_no_transaction_is_open_while_an_agent_works(
    app_engine: AsyncEngine, db: Database, desk: Desk, agents: ScriptedAgents, admin: AsyncEngine
) -> None:
    rules = DeskSettings(quiet_seconds=0, run_lease_seconds=60)  # no heartbeat in between
    runner = runner_of(app_engine, db, rules, agents.agents_for)
    open_now = text(
        "select count(*) from pg_stat_activity where datname = current_database()"
        " and usename = 'waxos_app' and state like 'idle in transaction%'"
    )
    run_id = await desk.asks()
    for agent in ("retrieve", "draft", "humanize", "check"):
        agents.wait[agent], agents.reached[agent] = asyncio.Event(), asyncio.Event()
    working = asyncio.create_task(runner.run(desk.tenant, run_id))
    for agent in ("retrieve", "draft", "humanize", "check"):
        await agents.reached[agent].wait()
        async with admin.connect() as connection:
            assert (await connection.execute(open_now)).scalar_one() == 0, agent
        agents.wait[agent].set()
    await working
