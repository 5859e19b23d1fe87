"""The vector spaces of a deployment: one table a model and width, which of them is searched, and which are written.

What is searched is a row in the database: it changes at one instant for every process. Whoever writes vectors holds a share of that
row until the commit, so that the instant has no writer in its middle.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from uuid import UUID

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import Column, MetaData, Table, Uuid, false, func, or_, select, text, union, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.aal.embedding import BUNDLED, EmbeddingModel
from core.db.rls import hash_partitions, tenant_table
from domain.directory.models import DirectoryEntry
from domain.due.models import Due
from domain.knowledge.models import PARTITIONS, EmbeddingModelRow

BUNDLED_USUAL_COSINE = 0.1106
"""How near unrelated texts stand to each other with the bundled model, by `likeness.usual_cosine`."""

_PLAIN_WIDTH = 3700
"""Vectors up to this width fit into a row of a page, with their signs."""


class SpaceState(StrEnum):
    """`empty`: a table without rows; `filling`: a move goes there; `active`: searched; `retired`: searched before, kept until freed."""

    EMPTY = "empty"
    FILLING = "filling"
    ACTIVE = "active"
    RETIRED = "retired"


@dataclass(frozen=True, slots=True)
class VectorSpace:
    """Where the vectors of one embedding model are."""

    model: EmbeddingModel
    table: str
    state: SpaceState
    usual_cosine: float | None = None

    @property
    def name(self) -> str:
        """The model's name with its width."""
        return self.model.name

    @property
    def rows(self) -> Table:
        """The table, for statements."""
        return _rows(self.table, self.model.width)

    def likeness(self, cosine: float) -> float:
        """Return a cosine of this model on the bundled model's scale, which relevance is fitted to: identical texts stand at 1 with
        every model, unrelated ones far from 0 with some.
        """
        if self.usual_cosine is None:
            return cosine
        return 1 - (1 - cosine) * (1 - BUNDLED_USUAL_COSINE) / (1 - self.usual_cosine)


@dataclass(frozen=True, slots=True)
class SpaceRepository:
    """The vector spaces; no tenant's."""

    session: AsyncSession

    async def active(self) -> VectorSpace:
        """Return the space that is searched."""
        return next(space for space in await self._all(SpaceState.ACTIVE))

    async def filling(self) -> VectorSpace | None:
        """Return the space that a move goes to, none where there is no move."""
        return next(iter(await self._all(SpaceState.FILLING)), None)

    async def written(self) -> list[VectorSpace]:
        """Return the spaces that new vectors belong in, the one that is searched first."""
        return sorted(await self._all(SpaceState.ACTIVE, SpaceState.FILLING), key=lambda space: space.state)

    async def hold_written(self) -> list[VectorSpace]:
        """Return the same, and keep it so until this transaction ends."""
        active = EmbeddingModelRow.state == SpaceState.ACTIVE
        # The list is a statement of its own: one that had to wait for the lock would not see rows added meanwhile.
        while not (
            await self.session.scalars(select(EmbeddingModelRow.name).where(active).with_for_update(read=True))
        ).all():
            pass  # it was switched while we waited for it
        return await self.written()

    async def kept(self) -> list[VectorSpace]:
        """Return every space that may hold vectors."""
        return await self._all(SpaceState.ACTIVE, SpaceState.FILLING, SpaceState.RETIRED)

    async def find(self, model: EmbeddingModel) -> VectorSpace | None:
        """Return a model's space, none where it has no table."""
        return next((space for space in await self._all(*SpaceState) if space.model == model), None)

    async def lock(self) -> None:
        """Wait until nobody writes vectors, and let nobody begin until this transaction ends."""
        await self.session.execute(select(EmbeddingModelRow.name).order_by(EmbeddingModelRow.name).with_for_update())

    async def add(self, space: VectorSpace) -> None:
        """Note a space whose table was made."""
        row = insert(EmbeddingModelRow).values(
            name=space.name,
            model=space.model.model,
            width=space.model.width,
            vectors=space.table,
            state=space.state,
            chunks_total=0,
            chunks_done=0,
        )
        await self.session.execute(row.on_conflict_do_nothing())

    async def set(self, space: VectorSpace, **values: object) -> None:
        """Change a space's row."""
        await self.session.execute(
            update(EmbeddingModelRow).where(EmbeddingModelRow.name == space.name).values(**values)
        )

    async def claim(self, space: VectorSpace, claim_id: UUID, lease_s: float, *, anew: bool = True) -> bool:
        """Renew the claim on a move for `lease_s` seconds, or take one that has ended where `anew`; return whether it is ours."""
        row = EmbeddingModelRow
        free = or_(row.claim_id.is_(None), row.lease_until < func.clock_timestamp()) if anew else false()
        found = await self.session.scalar(
            update(row)
            .where(row.name == space.name, row.state == SpaceState.FILLING, or_(row.claim_id == claim_id, free))
            .values(
                claim_id=claim_id,
                lease_until=func.clock_timestamp() + func.make_interval(0, 0, 0, 0, 0, 0, lease_s),
            )
            .returning(row.name)
        )
        return found is not None

    async def progress(self, space: VectorSpace) -> tuple[SpaceState, int, int]:
        """Return a space's state, and how many of how many chunks a move has brought there."""
        row = EmbeddingModelRow
        state, done, total = (
            await self.session.execute(
                select(row.state, row.chunks_done, row.chunks_total).where(row.name == space.name)
            )
        ).one()
        return SpaceState(state), done, total

    async def make_active(self, space: VectorSpace) -> None:
        """Let a space be the one that is searched; no other may be."""
        await self.set(
            space, state=SpaceState.ACTIVE, claim_id=None, lease_until=None, switched_at=func.clock_timestamp()
        )

    async def tenants(self) -> Sequence[UUID]:
        """Return every tenant that may have knowledge: each has members, whom the directory knows, or work to do."""
        known = union(select(DirectoryEntry.tenant_id), select(Due.tenant_id)).order_by("tenant_id")
        return (await self.session.scalars(known)).all()

    async def any_chunks(self) -> bool:
        """Return whether any tenant ever had a chunk, which no policy lets us count."""
        pages = await self.session.scalar(
            text(
                "select sum(pg_relation_size(inhrelid)) from pg_inherits where inhparent = 'knowledge_chunks'::regclass"
            )
        )
        return bool(pages)

    async def _all(self, *states: SpaceState) -> list[VectorSpace]:
        rows = await self.session.execute(
            select(
                EmbeddingModelRow.model,
                EmbeddingModelRow.width,
                EmbeddingModelRow.vectors,
                EmbeddingModelRow.state,
                EmbeddingModelRow.usual_cosine,
            )
            .where(EmbeddingModelRow.state.in_(states))
            .order_by(EmbeddingModelRow.name)
        )
        return [
            VectorSpace(EmbeddingModel(model, width), table, SpaceState(state), usual)
            for model, width, table, state, usual in rows
        ]


def new_space(model: EmbeddingModel) -> VectorSpace:
    """Return a space for a model that no migration made a table for."""
    slug = re.sub(r"[^a-z0-9]+", "_", model.model.lower()).strip("_")[:20].strip("_")
    marked = hashlib.sha256(model.name.encode()).hexdigest()[:6]
    return VectorSpace(model, f"knowledge_vectors_{slug}_{marked}_{model.width}", SpaceState.EMPTY)


def table_statements(space: VectorSpace) -> Sequence[str]:
    """Return SQL that makes a space's table as the migrations make theirs; for the owner of the tables."""
    table, width = space.table, space.model.width
    plain = [f"ALTER TABLE {table} ALTER COLUMN embedding SET STORAGE PLAIN"] if width <= _PLAIN_WIDTH else []
    return [
        f"CREATE TABLE {table} (tenant_id uuid NOT NULL, id uuid NOT NULL, source_id uuid NOT NULL, "
        f"embedding halfvec({width:d}) NOT NULL, created_at timestamptz NOT NULL DEFAULT now(), "
        f"signs bit({width:d}) STORAGE PLAIN NOT NULL GENERATED ALWAYS AS (binary_quantize(embedding)::bit({width:d})) STORED, "
        f"CONSTRAINT {table}_pkey PRIMARY KEY (tenant_id, id), CONSTRAINT {table}_tenant_id_source_id_fkey "
        "FOREIGN KEY (tenant_id, source_id) REFERENCES knowledge_sources (tenant_id, id) ON DELETE CASCADE) "
        "PARTITION BY HASH (tenant_id)",
        *plain,
        *hash_partitions(table, PARTITIONS),
        *tenant_table(table),
        f"CREATE INDEX {table}_signs ON {table} (tenant_id, id) INCLUDE (signs)",
        f"CREATE INDEX {table}_source ON {table} (tenant_id, source_id)",
    ]


def is_bundled(space: VectorSpace) -> bool:
    """Say whether a space is the bundled model's, which relevance is fitted to."""
    return space.model.model == BUNDLED


@cache
def _rows(table: str, width: int) -> Table:
    return Table(
        table,
        MetaData(),
        Column("tenant_id", Uuid, primary_key=True),
        Column("id", Uuid, primary_key=True),
        Column("source_id", Uuid),
        Column("embedding", HALFVEC(width)),
    )
