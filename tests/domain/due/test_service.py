"""Due work on a real Postgres, found by the sweep."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from core.contracts.ids import new_id
from core.db.session import Database, Effects, Ring
from core.jobs.sweep import sweep
from domain.due import service as due

TASKS = {"run.execute", "source.index"}


async def test_the_sweep_rings_for_what_is_due_of_every_tenant_until_it_is_cleared(
    db: Database, effects: Effects, tenant: UUID, other_tenant: UUID
) -> None:
    now, mine, later, theirs = datetime.now(UTC), new_id(), new_id(), new_id()
    async with db.unit_of_work(tenant) as session:
        await due.schedule(session, tenant, "run.execute", mine, now + timedelta(hours=1))
        await due.schedule(session, tenant, "run.execute", mine, now - timedelta(seconds=2))
        await due.schedule(session, tenant, "run.execute", later, now + timedelta(hours=1))
    async with db.unit_of_work(other_tenant) as session:
        await due.schedule(session, other_tenant, "source.index", theirs, now - timedelta(seconds=5))
        await due.schedule(session, other_tenant, "source.index", theirs, now - timedelta(seconds=5))
    async with db.unit_of_work(tenant) as session:
        await due.clear(session, tenant, "nothing.of.that.name", mine)
    await sweep(db, TASKS)
    rings = {(ring.task, ring.tenant_id, ring.id) for ring in effects.seen if isinstance(ring, Ring)}
    assert rings == {("source.index", other_tenant, theirs), ("run.execute", tenant, mine)}

    effects.seen.clear()
    async with db.unit_of_work(tenant) as session:
        await due.clear(session, tenant, "run.execute", mine)
        await due.schedule(session, tenant, "run.execute", later, now)
    await sweep(db, TASKS)
    assert [ring.id for ring in effects.seen if isinstance(ring, Ring)] == [later]
