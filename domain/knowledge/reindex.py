"""Moving the knowledge of every tenant to another embedding model, with no downtime.

The new vectors grow beside the old ones, in batches that each commit. Whoever dies leaves a claim that ends, and the next one adds what
is missing: what is there is never made again. New and changed sources are written to both meanwhile. The switch is one row, set when
nothing is missing and nobody writes. The old vectors stay until they are freed.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from core.aal.embedding import EmbeddingModel
from core.contracts.ids import new_id
from core.db.session import Database
from core.errors import Conflict
from domain.knowledge import words
from domain.knowledge.embedding import EmbedderSource, TenantEmbedding
from domain.knowledge.likeness import usual_cosine
from domain.knowledge.missing import Missing, MissingRepository
from domain.knowledge.spaces import SpaceRepository, SpaceState, VectorSpace, is_bundled

_BATCH: Final = 64
_PATIENCE_S: Final = 600.0
_WATCH_S: Final = 1.0


class _ClaimLost(Exception):
    """Another process goes on with the move."""


@dataclass(frozen=True, slots=True)
class MoveProgress:
    """How far a move is. `ours` is false while another process does it."""

    model: str
    chunks: int
    total: int
    switched: bool = False
    ours: bool = True


@dataclass(frozen=True, slots=True)
class Reindexer:
    """Moves one deployment. A claim that was not renewed for `lease_s` seconds is taken over by the next process."""

    db: Database
    embedders: EmbedderSource
    lease_s: float = 15.0

    async def move(self, target: VectorSpace) -> AsyncIterator[MoveProgress]:
        """Move to a space, or go on with a move that was begun, and yield how far it is until it is done.

        Raises:
            Conflict: a move to another model is under way.
            ProviderError, SetupError: the model cannot be reached for ten minutes; a later call goes on.
        """
        claim_id = new_id()
        await self._begin(target)
        while True:
            async with self.db.without_tenant() as session:
                spaces = SpaceRepository(session)
                claimed = await spaces.claim(target, claim_id, self.lease_s)
                state, chunks, total = await spaces.progress(target)
            if not claimed:
                yield MoveProgress(
                    target.name, chunks, total, switched=state is SpaceState.ACTIVE, ours=state is SpaceState.ACTIVE
                )
            if state is SpaceState.ACTIVE:
                return
            if state is not SpaceState.FILLING:
                raise Conflict("the move was given up meanwhile", hint="begin it again: waxos kb reindex")
            if not claimed:
                await asyncio.sleep(_WATCH_S)  # house: sleep - the process that has the move tells nobody when it dies
                continue
            try:
                async with self._renewing(target, claim_id):
                    async for done in self._fill(target, claim_id):
                        yield done
                    await self._switch(target, claim_id)
            except _ClaimLost:
                continue

    async def cancel(self) -> VectorSpace | None:
        """Give up the move that is under way, and return where it went; what it wrote stays until it is freed."""
        async with self.db.without_tenant() as session:
            spaces = SpaceRepository(session)
            await spaces.lock()
            target = await spaces.filling()
            if target is not None:
                await spaces.set(target, state=SpaceState.RETIRED, claim_id=None, lease_until=None)
            return target

    async def _begin(self, target: VectorSpace) -> None:
        usual = await measured(self.embedders, target)
        async with self.db.without_tenant() as session:
            spaces = SpaceRepository(session)
            await spaces.lock()  # from here on every writer sees that there are two spaces
            other = await spaces.filling()
            if other is not None and other.name != target.name:
                raise Conflict(
                    f"the knowledge is being moved to {other.name}",
                    hint="let that end, or give it up: waxos kb reindex --cancel",
                )
            if other is None and (await spaces.active()).name != target.name:
                await spaces.set(target, state=SpaceState.FILLING, usual_cosine=usual, claim_id=None, lease_until=None)

    async def _fill(self, target: VectorSpace, claim_id: UUID) -> AsyncIterator[MoveProgress]:
        progress = MoveProgress(target.name, 0, 0)
        tenants = await self._tenants()
        for tenant_id in tenants:
            async with self.db.unit_of_work(tenant_id) as session:
                there, total = await MissingRepository(session, target).counts()
            progress = replace(progress, chunks=progress.chunks + there, total=progress.total + total)
        await self._note(target, claim_id, progress)
        yield progress
        for tenant_id in tenants:
            async for written in self._fill_tenant(target, claim_id, tenant_id, progress.chunks, progress.total):
                progress = written
                yield written

    async def _fill_tenant(
        self, target: VectorSpace, claim_id: UUID, tenant_id: UUID, chunks: int, total: int
    ) -> AsyncIterator[MoveProgress]:
        embedding = TenantEmbedding(self.db, self.embedders, tenant_id)
        after: UUID | None = None
        while True:
            async with self.db.unit_of_work(tenant_id) as session:
                batch = await MissingRepository(session, target).page(after, _BATCH)
            if not batch:
                return
            after = batch[-1].id
            texts = [words.embedded(piece.embedded_text()) for piece in batch]
            vectors = await embedding.embed_patiently(target.model, texts, _PATIENCE_S)
            chunks += await self._write(target, claim_id, tenant_id, batch, vectors)
            progress = MoveProgress(target.name, chunks, max(total, chunks))
            await self._note(target, claim_id, progress)
            yield progress

    async def _write(
        self,
        target: VectorSpace,
        claim_id: UUID,
        tenant_id: UUID,
        batch: Sequence[Missing],
        vectors: Sequence[list[float]],
    ) -> int:
        async with self.db.unit_of_work(tenant_id) as session:
            written = await MissingRepository(session, target).add(tenant_id, batch, vectors)
            if not await SpaceRepository(session).claim(target, claim_id, self.lease_s, anew=False):
                raise _ClaimLost
            return written

    async def _switch(self, target: VectorSpace, claim_id: UUID) -> bool:
        """Search by the target from this instant on, if it lacks nothing; writers wait meanwhile, searches do not."""
        async with self.db.without_tenant() as session:
            spaces = SpaceRepository(session)
            await spaces.lock()
            if not await spaces.claim(target, claim_id, self.lease_s, anew=False):
                raise _ClaimLost
            for tenant_id in await self._tenants():
                async with self.db.unit_of_work(tenant_id) as tenant_session:
                    if await MissingRepository(tenant_session, target).page(None, 1):
                        return False
            await spaces.set(await spaces.active(), state=SpaceState.RETIRED)
            await spaces.make_active(target)
            return True

    async def _note(self, target: VectorSpace, claim_id: UUID, progress: MoveProgress) -> None:
        async with self.db.without_tenant() as session:
            spaces = SpaceRepository(session)
            if not await spaces.claim(target, claim_id, self.lease_s, anew=False):
                raise _ClaimLost
            await spaces.set(target, chunks_done=progress.chunks, chunks_total=progress.total)

    async def _tenants(self) -> Sequence[UUID]:
        async with self.db.without_tenant() as session:
            return await SpaceRepository(session).tenants()

    @asynccontextmanager
    async def _renewing(self, target: VectorSpace, claim_id: UUID) -> AsyncIterator[None]:
        """Renew the claim while a slow provider is waited for."""

        async def renew() -> None:
            while True:
                await asyncio.sleep(self.lease_s / 3)  # house: sleep - a heartbeat
                async with self.db.without_tenant() as session:
                    await SpaceRepository(session).claim(target, claim_id, self.lease_s, anew=False)

        beat = asyncio.create_task(renew())
        try:
            yield
        finally:
            beat.cancel()
            await asyncio.gather(beat, return_exceptions=True)


async def adopt(db: Database, embedders: EmbedderSource, wanted: EmbeddingModel) -> VectorSpace:
    """Search by the wanted model from now on where no tenant has knowledge yet and the model has a table; return what is searched.

    Raises:
        ProviderError, SetupError: the wanted model cannot be reached; what was searched stays.
    """
    async with db.without_tenant() as session:
        spaces = SpaceRepository(session)
        active, target = await spaces.active(), await spaces.find(wanted)
        if target is None or target.name == active.name or await spaces.any_chunks():
            return active
    usual = await measured(embedders, target)
    async with db.without_tenant() as session:
        spaces = SpaceRepository(session)
        await spaces.lock()
        active = await spaces.active()
        if active.name == target.name or await spaces.any_chunks() or await spaces.filling() is not None:
            return active
        await spaces.set(active, state=SpaceState.EMPTY)
        await spaces.set(target, usual_cosine=usual)
        await spaces.make_active(target)
        return await spaces.active()


async def measured(embedders: EmbedderSource, space: VectorSpace) -> float | None:
    """Return how near a space's model sets unrelated texts; none for the bundled one, whose scale is the measure."""
    return None if is_bundled(space) else await usual_cosine(embedders.of(space.model))
