"""Moving the knowledge to another embedding model: no search ever finds less, whoever writes or dies meanwhile."""

import asyncio
import itertools
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from core.aal.embedding import EmbeddingModel, build_embedder
from core.contracts.ids import new_id
from core.contracts.knowledge import Source
from core.contracts.states import SourceState
from core.db.session import Database, create_engine
from core.errors import Conflict
from core.storage.blobs import LocalBlobs
from domain.knowledge import service
from domain.knowledge.ingest import Ingester
from domain.knowledge.likeness import usual_cosine
from domain.knowledge.reindex import Reindexer, adopt
from domain.knowledge.search import KnowledgeSearch
from domain.knowledge.spaces import (
    BUNDLED_USUAL_COSINE,
    SpaceRepository,
    SpaceState,
    VectorSpace,
    new_space,
    table_statements,
)
from tests.conftest import DatabaseUrls, make_tenant
from tests.domain.knowledge.conftest import Upload, admin_of
from tests.domain.knowledge.other_model import OTHER, BothModels, OtherEmbedder

ROOT = Path(__file__).parents[3]
ADA = EmbeddingModel("openai/text-embedding-ada-002", 1536)


@pytest.fixture
async def other(database_urls: DatabaseUrls, admin: AsyncEngine, db: Database) -> AsyncIterator[VectorSpace]:
    """A table for the other model, made as the command makes it; afterwards the bundled model is the one in use."""
    space = new_space(OTHER)
    owner = create_engine(database_urls.admin, pool_size=1)
    async with owner.begin() as connection:
        for statement in table_statements(space):
            await connection.execute(text(statement))
    await owner.dispose()
    async with db.without_tenant() as session:
        await SpaceRepository(session).add(space)
    yield space
    async with admin.begin() as connection:
        await connection.execute(text("update embedding_models set state = 'empty', claim_id = null"))
        await connection.execute(text("update embedding_models set state = 'active' where model = 'usem3'"))
        await connection.execute(text(f"drop table {space.table}"))
        await connection.execute(text("delete from embedding_models where name = :name"), {"name": space.name})


@pytest.fixture
async def business(db: Database) -> UUID:
    """A tenant that the directory knows, as every real one."""
    tenant_id = await make_tenant(db, "Moved")
    async with db.without_tenant() as session:
        await session.execute(
            text(
                "insert into directory (kind, key_hash, tenant_id, subject_id) values ('email', :key, :tenant, :key2)"
            ),
            {"key": new_id().hex, "tenant": tenant_id, "key2": new_id()},
        )
    return tenant_id


Teach = Callable[[UUID, str, int], Awaitable[Source]]


@pytest.fixture
def teach(db: Database, blobs: LocalBlobs, upload: Upload) -> Teach:
    """Add a source of so many chunks, read by a worker that speaks both models."""

    async def add(tenant_id: UUID, name: str, count: int) -> Source:
        body = "\n\n".join(f"# {name} {n}\n\nBox {n} of {name} holds {n * 7} screws." for n in range(count))
        source = await upload(body.encode(), f"{name}.md", None, admin_of(tenant_id))
        await Ingester(db, blobs, BothModels()).ingest(tenant_id, source.id)
        async with db.unit_of_work(tenant_id) as session:
            read = await service.get_source(session, source.id)
        assert (read.state, read.chunks_done) == (SourceState.READY, count)
        return read

    return add


async def found_of(db: Database, tenant_id: UUID, embedders: BothModels) -> dict[UUID, int]:
    """Return how many chunks of each source the vector part of a search finds."""
    found = await KnowledgeSearch(db, tenant_id, embedders).found("how many screws are in the box?", 2000)
    counts: dict[UUID, int] = {}
    for row in found:
        if row.near_rank is not None:
            counts[row.source_id] = counts.get(row.source_id, 0) + 1
    return counts


async def lacking(admin: AsyncEngine, space: VectorSpace) -> tuple[int, int]:
    """Return how many chunks have no vector in a space, and how many vectors no chunk."""
    async with admin.connect() as connection:
        held = f"knowledge_chunks c full join {space.table} v using (tenant_id, id)"
        counts = "count(*) filter (where v.source_id is null), count(*) filter (where c.source_id is null)"
        row = await connection.execute(text(f"select {counts} from {held}"))  # noqa: S608 - names of ours
        without, orphans = row.one()
        return without, orphans


class Reader:
    """Searches over and over, and holds each answer against what was ready before and still there after."""

    def __init__(self, db: Database, tenant_id: UUID) -> None:
        self.embedders = BothModels()
        self.ready: dict[UUID, int] = {}
        self.rounds = 0
        self.look_again = asyncio.Event()
        self._db, self._tenant_id = db, tenant_id

    async def read(self) -> None:
        while True:
            before, asked_for = dict(self.ready), not self.look_again.is_set()
            found = await found_of(self._db, self._tenant_id, self.embedders)
            still = {source_id: count for source_id, count in before.items() if source_id in self.ready}
            assert {source_id: found.get(source_id, 0) for source_id in still} == still
            self.rounds += 1
            if asked_for:
                self.look_again.set()


async def test_searches_find_all_while_the_knowledge_moves_under_writes_and_a_kill(
    db: Database, admin: AsyncEngine, business: UUID, other: VectorSpace, teach: Teach, database_urls: DatabaseUrls
) -> None:
    reader = Reader(db, business)
    for name, count in (("screws", 400), ("nails", 200)):
        reader.ready[(await teach(business, name, count)).id] = count
    other_business = await make_tenant(db, "Neighbour")
    async with db.without_tenant() as session:
        await session.execute(
            text("insert into directory (kind, key_hash, tenant_id, subject_id) values ('email', :key, :tenant, :who)"),
            {"key": new_id().hex, "tenant": other_business, "who": new_id()},
        )
    await teach(other_business, "bolts", 70)

    async def write() -> None:
        for turn in itertools.count():
            source = await teach(business, f"new {turn}", 20)
            reader.ready[source.id] = 20
            if turn % 2:
                del reader.ready[source.id]
                async with db.unit_of_work(business) as session:
                    await service.remove_source(session, admin_of(business), source.id)

    busy = [asyncio.create_task(reader.read()), asyncio.create_task(write())]
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.domain.knowledge.moving_child", database_urls.app,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert child.stdout is not None
    while int(await asyncio.wait_for(child.stdout.readline(), 60)) < 128:
        pass
    child.kill()
    await child.wait()
    without, _ = await lacking(admin, other)
    assert without > 0, "the child was done before it was killed"
    moved = [progress async for progress in Reindexer(db, BothModels(), lease_s=2).move(other)]
    reader.look_again.clear()
    waiting = asyncio.create_task(reader.look_again.wait())
    await asyncio.wait([*busy, waiting], return_when=asyncio.FIRST_COMPLETED)
    for task in busy:
        assert not task.done(), task.exception()
        task.cancel()
    await asyncio.gather(*busy, return_exceptions=True)

    assert moved[-1].switched
    assert min(progress.chunks for progress in moved if progress.ours) >= 128, (
        "what the child had written was made again"
    )
    assert await lacking(admin, other) == (0, 0)
    assert reader.embedders.asked[0].model == "usem3"
    assert reader.embedders.asked[-1] == OTHER
    assert reader.rounds > 5
    async with db.without_tenant() as session:
        assert (await SpaceRepository(session).active()).name == other.name
        assert [space.state for space in await SpaceRepository(session).kept()] == [
            SpaceState.ACTIVE,
            SpaceState.RETIRED,
        ]


async def test_a_vector_is_that_of_the_chunk_whoever_made_it(
    db: Database,
    business: UUID,
    other: VectorSpace,
    teach: Teach,
    upload: Upload,
    blobs: LocalBlobs,
    admin: AsyncEngine,
) -> None:
    rows = b"question,answer\nDo you deliver on Sundays?,No.\nDo you sell bonsai?,Yes.\n"
    source = await upload(rows, "answers.csv", None, admin_of(business))
    await Ingester(db, blobs, BothModels()).ingest(business, source.id)
    await teach(business, "screws", 5)
    async for _ in Reindexer(db, BothModels()).move(other):
        pass
    query = text(
        f"select v.embedding::text, u.embedding::text from {other.table} v join knowledge_vectors_usem3_512 u "  # noqa: S608
        "on u.tenant_id = v.tenant_id and u.id = v.id where v.tenant_id = :tenant"
    )
    async with admin.connect() as connection:
        pairs = (await connection.execute(query, {"tenant": business})).all()
    assert len(pairs) == 7
    for moved, first in pairs:
        wide = [float(number) for number in moved.strip("[]").split(",")]
        narrow = [float(number) for number in first.strip("[]").split(",")]
        turned = [number / (1 - 0.75**2) ** 0.5 for number in reversed(wide[1:])]
        assert max(abs(a - b) for a, b in zip(turned, narrow, strict=True)) < 0.01


async def test_a_target_that_is_away_costs_no_writer_anything(
    db: Database, admin: AsyncEngine, business: UUID, other: VectorSpace, upload: Upload, blobs: LocalBlobs
) -> None:
    async with db.without_tenant() as session:
        await SpaceRepository(session).set(other, state=SpaceState.FILLING)
    away = BothModels()
    away.away = True
    source = await upload(b"# Sale\n\nRoses cost half.", "sale.md", None, admin_of(business))
    await Ingester(db, blobs, away).ingest(business, source.id)
    assert (await found_of(db, business, away))[source.id] == 1
    assert (await lacking(admin, other))[0] >= 1
    async for _ in Reindexer(db, BothModels()).move(other):
        pass
    assert await lacking(admin, other) == (0, 0)


async def test_a_source_waits_for_its_provider_and_is_not_given_up(
    db: Database, business: UUID, other: VectorSpace, upload: Upload, blobs: LocalBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("domain.knowledge.ingest._PATIENCE_S", 0.0)
    async for _ in Reindexer(db, BothModels()).move(other):
        pass
    away = BothModels()
    away.away = True
    source = await upload(b"# Sale\n\nRoses cost half.", "sale.md", None, admin_of(business))
    for _ in range(5):
        await Ingester(db, blobs, away).ingest(business, source.id)
        async with db.unit_of_work(business) as session:
            waits = await service.get_source(session, source.id)
        assert (waits.state, waits.failure) == (
            SourceState.QUEUED,
            "Waits for the embedding model: the other model is away",
        )
    await Ingester(db, blobs, BothModels()).ingest(business, source.id)
    async with db.unit_of_work(business) as session:
        assert (await service.get_source(session, source.id)).failure is None
    assert (await found_of(db, business, BothModels()))[source.id] == 1
    silent = KnowledgeSearch(db, business, away)
    [passage] = (await silent.search("how much do roses cost?", 3)).passages
    assert (passage.source_id, passage.vector_score is not None and passage.vector_score > 0) == (source.id, True)
    assert (await silent.search("is there a car park?", 3)).passages == []


async def test_two_processes_do_one_move(db: Database, business: UUID, other: VectorSpace, teach: Teach) -> None:
    await teach(business, "screws", 300)

    async def move() -> list[int]:
        return [
            p.chunks async for p in Reindexer(db, BothModels(0.05), lease_s=2).move(other) if p.ours and not p.switched
        ]

    first, second = await asyncio.gather(move(), move())
    assert sorted(map(bool, (first, second))) == [False, True], "both worked"


async def test_one_move_at_a_time_and_it_can_be_given_up(
    db: Database, business: UUID, other: VectorSpace, teach: Teach
) -> None:
    await teach(business, "screws", 3)
    async with db.without_tenant() as session:
        ada = await SpaceRepository(session).find(ADA)
        await SpaceRepository(session).set(other, state=SpaceState.FILLING)
    assert ada is not None
    move = Reindexer(db, AlwaysOther())
    with pytest.raises(Conflict, match=r"moved to local/other-513"):
        await anext(move.move(ada))
    left = await move.cancel()
    assert left is not None
    assert left.name == other.name
    assert await move.cancel() is None
    async with db.without_tenant() as session:
        assert [space.name for space in await SpaceRepository(session).written()] == ["usem3-512"]


class AlwaysOther(BothModels):
    """Gives the other model for whatever is not bundled: to get as far as the database."""

    def of(self, model: EmbeddingModel, recorder: object = None) -> OtherEmbedder:  # type: ignore[override]  # noqa: ARG002
        return OtherEmbedder()


@pytest.mark.usefixtures("other")
async def test_a_desk_without_knowledge_takes_the_model_of_its_settings(
    admin: AsyncEngine, db: Database, business: UUID, teach: Teach
) -> None:
    async with admin.begin() as connection:
        await connection.execute(text("truncate knowledge_chunks, knowledge_vectors_usem3_512"))
    assert (await adopt(db, BothModels(), OTHER)).usual_cosine == pytest.approx(0.61, abs=0.02)
    assert (await adopt(db, BothModels(), EmbeddingModel("usem3", 512))).name == "usem3-512"
    await teach(business, "screws", 1)
    assert (await adopt(db, BothModels(), OTHER)).name == "usem3-512"


async def test_relevance_means_the_same_with_a_model_that_sets_all_texts_near() -> None:
    assert await usual_cosine(build_embedder("usem3")) == pytest.approx(BUNDLED_USUAL_COSINE, abs=0.002)
    usual = await usual_cosine(OtherEmbedder())
    space = replace(new_space(OTHER), usual_cosine=usual)
    texts = ["are you open on sunday?", "we are closed on sundays.", "the blue paint dries in two hours."]
    first, near, far = await build_embedder("usem3").embed(texts)
    other_first, other_near, other_far = await OtherEmbedder().embed(texts)
    for a, b, x, y in ((first, near, other_first, other_near), (first, far, other_first, other_far)):
        plain = sum(p * q for p, q in zip(a, b, strict=True))
        turned = sum(p * q for p, q in zip(x, y, strict=True))
        assert turned > 0.5
        assert space.likeness(turned) == pytest.approx(plain, abs=0.01)


async def test_a_made_table_is_like_one_of_a_migration(admin: AsyncEngine, other: VectorSpace) -> None:
    async def shape(table: str, width: int) -> list[str]:
        queries = (
            "select string_agg(attname || format_type(atttypid, atttypmod) || attnotnull || attstorage::text, ',' order by attnum) "
            "from pg_attribute where attrelid = cast(:t as regclass) and attnum > 0",
            "select relkind::text || relrowsecurity || relforcerowsecurity || relacl::text from pg_class where oid = cast(:t as regclass)",
            "select string_agg(pg_get_constraintdef(oid), ',' order by contype) from pg_constraint "
            "where conrelid = cast(:t as regclass) and contype <> 'n'",
            "select string_agg(regexp_replace(indexdef, '^.* USING', ''), ',' order by indexdef) from pg_indexes where tablename = :t",
            "select count(*)::text from pg_inherits where inhparent = cast(:t as regclass)",
            "select string_agg(polname || pg_get_expr(polqual, polrelid), ',') from pg_policy where polrelid = cast(:t as regclass)",
        )
        async with admin.connect() as connection:
            found = [str((await connection.execute(text(query), {"t": table})).scalar_one()) for query in queries]
        return [part.replace(table, "table").replace(f"({width})", "(width)") for part in found]

    assert await shape(other.table, 513) == await shape("knowledge_vectors_ada002_1536", 1536)
