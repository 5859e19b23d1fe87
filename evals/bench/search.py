"""`waxos bench search`: how fast and how exact the search over one tenant's knowledge is, among other tenants, under their policies."""

import asyncio
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import psycopg
import typer
from sqlalchemy import text

from core.db.session import Database, Effects, create_engine
from core.embedded.postgres import DATABASE
from core.errors import WaxosError
from domain.knowledge.nearness import NearnessRepository
from domain.knowledge.search import CANDIDATES, LOOKED_AT
from domain.knowledge.spaces import SpaceRepository
from evals.bench.chunkfield import Field, TenantField, fill, sizes
from evals.database import fresh_database

LIMITS = {"p95_ms": 10.0, "p95_largest_ms": 40.0, "recall_at_10_min_tenant": 0.97}
_SEED = 20261124
_NEAREST = 10
_CLASSES = (1_000, 10_000, 20_000)
_WARM_UP = 3


def search(
    chunks: Annotated[
        int, typer.Option(min=1000, max=2_000_000, help="How many chunks all tenants have together.")
    ] = 200_000,
    tenants: Annotated[int, typer.Option(min=3, max=1000, help="How many tenants; the largest has two fifths.")] = 50,
    questions: Annotated[
        int, typer.Option(min=5, max=1000, help="How many questions a tenant; ten times as many of the two largest.")
    ] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line: metric and value.")] = False,
) -> None:
    """Measure hybrid search as the app's role on a Postgres of its own: its time, and the vector part against the exact result."""
    for metric, value in measure(chunks, tenants, questions).items():
        typer.echo(json.dumps({"metric": metric, "value": value}) if as_json else f"{metric:<32}{value:>12.3f}")


def measure(chunks: int, tenants: int, questions: int) -> dict[str, float]:
    """Return the figures by name.

    Raises:
        WaxosError: a search found fewer chunks than the tenant has.
    """
    maker = Field.seeded(_SEED)
    began = time.perf_counter()
    field_ = [maker.tenant(size) for size in sizes(chunks, tenants)]
    with fresh_database() as server:
        app_url, superuser_url = server.app_url, server.superuser_url(DATABASE)
        with psycopg.connect(superuser_url, autocommit=True) as connection:
            fill(connection, field_)
        filled = time.perf_counter() - began
        seen = asyncio.run(_ask(app_url, maker, field_, questions))
    return figures(seen) | {
        "chunks": float(sum(tenant.size for tenant in field_)),
        "tenants": float(len(field_)),
        "fill_seconds": round(filled, 1),
    }


@dataclass(slots=True)
class Seen:
    """What was measured for one tenant; milliseconds on the clock and of the backend's own work."""

    size: int
    largest: bool
    recalls: list[float] = field(default_factory=list)
    walls: list[float] = field(default_factory=list)
    cpus: list[float] = field(default_factory=list)


def figures(seen: Sequence[Seen]) -> dict[str, float]:
    """Return the figures: of the tenants up to 20,000 chunks the P95 of the slowest class of sizes."""
    bounds = zip((0, *_CLASSES), _CLASSES, strict=False)
    small = [[one for one in seen if low < one.size <= high and not one.largest] for low, high in bounds]
    largest = [one for one in seen if one.largest]
    found = {
        "recall_at_10_min_tenant": round(min(statistics.fmean(one.recalls) for one in seen), 4),
        "p95_ms": max(_p95([wall for one in group for wall in one.walls]) for group in small if group),
        "p95_largest_ms": _p95(largest[0].walls),
    }
    if all(one.cpus for one in seen):
        found["p95_cpu_ms"] = max(_p95([cpu for one in group for cpu in one.cpus]) for group in small if group)
        found["p95_largest_cpu_ms"] = _p95(largest[0].cpus)
    return found | {f"{name}_limit": limit for name, limit in LIMITS.items()}


async def _ask(app_url: str, maker: Field, tenants: Sequence[TenantField], questions: int) -> list[Seen]:
    db = Database(create_engine(app_url, pool_size=1), Effects())
    try:
        return [
            await _ask_one(db, maker, tenant, questions * (10 if place < 2 else 1), largest=place == 0)
            for place, tenant in enumerate(tenants)
        ]
    finally:
        await db.close()


async def _ask_one(db: Database, maker: Field, tenant: TenantField, questions: int, *, largest: bool) -> Seen:
    seen = Seen(tenant.size, largest)
    for turn in range(_WARM_UP + questions):
        asked = maker.question(tenant)
        async with db.unit_of_work(tenant.tenant_id) as session:
            space = await SpaceRepository(session).active()
            repository = NearnessRepository(session, tenant.tenant_id, space)
            total = await repository.total()
            pid = (await session.execute(text("select pg_backend_pid()"))).scalar_one()
            vector = [float(number) for number in asked.vector]
            wall, cpu = time.perf_counter(), _cpu_ms(pid)
            rows = await repository.find(asked.text, vector, None, total, CANDIDATES, LOOKED_AT)
            took, worked = (time.perf_counter() - wall) * 1000, _cpu_ms(pid)
        # Of what is kept by fusion, the ten nearest are all there: at most nine by words come before the tenth.
        near = sorted((row.near_rank, row.id) for row in rows if row.near_rank is not None)[:_NEAREST]
        if len(rows) < min(LOOKED_AT, tenant.size) or [rank for rank, _ in near] != list(
            range(1, min(_NEAREST, tenant.size) + 1)
        ):
            raise WaxosError(f"a search among {tenant.size} chunks found {len(rows)}, of the nearest {len(near)}")
        if turn < _WARM_UP:
            continue
        wanted = tenant.nearest(asked.vector, _NEAREST)
        seen.recalls.append(len(wanted & {key for _, key in near}) / len(wanted))
        seen.walls.append(took)
        if cpu is not None and worked is not None:
            seen.cpus.append(worked - cpu)
    return seen


def _cpu_ms(pid: int) -> float | None:
    """Return how long a process has worked, none where the system does not say: on a busy machine the clock counts others' work too."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e6
    except (OSError, ValueError):
        return None


def _p95(values: Sequence[float]) -> float:
    return round(statistics.quantiles(values, n=20, method="inclusive")[-1], 2)
