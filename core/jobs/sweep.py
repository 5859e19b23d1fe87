"""The sweep: finds in `due` what a lost ring, a crash or an emptied Redis left undone, and rings for it again (decision 2).

A row that was rung is moved a little into the future, so that work in hand is not rung for at every sweep; the service that finishes
the work deletes the row, or moves it to where it wants it next.
"""

from collections.abc import Container
from dataclasses import dataclass

import structlog
from sqlalchemy import text

from core.db.session import Database, Ring, after_commit

_log = structlog.get_logger(__name__)
_BATCH = 500
_AGAIN_SECONDS = 10.0
_TAKE = text(
    """
    update due set due_at = now() + make_interval(secs => :again)
    from (select tenant_id, kind, id from due where due_at <= now() order by due_at limit :batch for update skip locked) as ripe
    where due.tenant_id = ripe.tenant_id and due.kind = ripe.kind and due.id = ripe.id
    returning due.kind, due.tenant_id, due.id
    """
)


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep found; `unknown` kinds are ones that no installed folder announces."""

    rung: int
    unknown: int


async def sweep(db: Database, tasks: Container[str]) -> Swept:
    """Ring for everything that is due, 500 rows at most, and return the counts. Several sweeps at once share the rows."""
    rung = unknown = 0
    async with db.without_tenant() as session:
        for kind, tenant_id, row_id in (await session.execute(_TAKE, {"again": _AGAIN_SECONDS, "batch": _BATCH})).all():
            if kind in tasks:
                after_commit(session, Ring(kind, tenant_id, row_id))
                rung += 1
            else:
                unknown += 1
    if unknown:
        _log.warning("sweep.unknown_kinds", count=unknown)
    return Swept(rung, unknown)
