"""The worker's task: what a ring does in a worker that has started."""

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from core.contracts.states import DraftStatus, RunState
from core.db.session import Database
from core.errors import Unavailable
from core.jobs.registry import Registry, Resources
from core.settings import Settings
from graph.tasks import register
from tests.graph.desk import Desk, checkpoint_rows


async def test_ring_makes_a_draft_with_the_agents_of_the_worker(
    db: Database, desk: Desk, settings: Settings, admin: AsyncEngine
) -> None:
    registry, resources = Registry(), Resources(settings, db)
    register(registry)
    for load in registry.preloads:
        load()
    for hook in registry.start_hooks:
        await hook(resources)
    run_id = await desk.asks("Do you repair violins?")
    task = registry.tasks["draft.run"]
    for _ in range(2):
        await task.handler(resources, desk.tenant, run_id)

    run = await desk.run(run_id)
    assert (run.state, run.error, run.attempt) == (RunState.DONE, None, 1)
    draft = await desk.draft()
    assert (draft.status, draft.parts) == (DraftStatus.PENDING, [])
    assert draft.missing
    assert task.timeout_s > settings.desk.run_seconds
    assert await checkpoint_rows(admin, desk.tenant) == 0


async def test_ring_before_the_start_is_put_off(db: Database, desk: Desk, settings: Settings) -> None:
    registry, resources = Registry(), Resources(settings, db)
    register(registry)
    run_id = await desk.asks()
    with pytest.raises(Unavailable):
        await registry.tasks["draft.run"].handler(resources, desk.tenant, run_id)
    assert (await desk.run(run_id)).state == RunState.DUE
