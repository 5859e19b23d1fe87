"""Moves the knowledge of the database at argv[1] to the other model, a little pause a batch, until it is done or killed."""

import asyncio
import sys

from core.db.session import Database, Effects, create_engine
from domain.knowledge.reindex import Reindexer
from domain.knowledge.spaces import SpaceRepository
from tests.domain.knowledge.other_model import OTHER, BothModels


async def main() -> None:
    """Move."""
    db = Database(create_engine(sys.argv[1], pool_size=4), Effects())
    async with db.without_tenant() as session:
        space = await SpaceRepository(session).find(OTHER)
    assert space is not None
    async for progress in Reindexer(db, BothModels(pause_s=0.2), lease_s=2).move(space):
        sys.stdout.write(f"{progress.chunks}\n")
        sys.stdout.flush()
    await db.close()


asyncio.run(main())
