"""Checkpoints of runs in Postgres, under the tenant's row-level security (docs/decisions, "Checkpoints borrow the engine").

A `TenantSaver` belongs to one run. It speaks the library's SQL through one method, `_cursor`, so that every access is one short
transaction of the process's own engine, with tenant and schema set for that transaction alone.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast
from uuid import UUID

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata, CheckpointTuple
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from psycopg import AsyncConnection, AsyncCursor
from psycopg.rows import DictRow, dict_row
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from core.contracts.states import RunState

SCHEMA = "graph"
TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")

# A lost checkpoint costs one repeated model call, so its commit need not wait for the disk.
_LOCAL = (
    "select set_config('app.tenant_id', %s, true), set_config('search_path', %s, true),"
    " set_config('synchronous_commit', 'off', true)"
)


def thread_of(tenant_id: UUID, run_id: UUID) -> str:
    """Return the thread of a run; its prefix is what the policy of the tables compares."""
    return f"{tenant_id}:{run_id}"


class TenantSaver(AsyncPostgresSaver):
    """The library's saver on a borrowed engine, for one run of one tenant; must be made inside a running loop."""

    def __init__(self, engine: AsyncEngine, tenant_id: UUID, *, fresh: bool = False) -> None:
        """Make a saver; `fresh` says that nobody has worked on the run before, so that there is nothing to look for."""
        # No type but the built-in ones is ever revived from a checkpoint.
        super().__init__(cast(Any, None), serde=JsonPlusSerializer(allowed_msgpack_modules=None))
        self._engine = engine
        self._tenant_id = tenant_id
        self._fresh = fresh
        self._paid = 0
        self._written: ChannelVersions = {}

    @property
    def has_written(self) -> bool:
        """Whether there is a row to delete when the run is over."""
        return bool(self._paid)

    @asynccontextmanager
    async def _cursor(self, *, pipeline: bool = False) -> AsyncIterator[AsyncCursor[DictRow]]:  # noqa: ARG002 - always
        """Yield a cursor in a pipelined transaction of its own; the base class knows no other way to the database."""
        async with self.lock, self._engine.connect() as pooled:
            connection = cast("AsyncConnection[Any]", (await pooled.get_raw_connection()).driver_connection)
            async with (
                connection.pipeline(),
                connection.transaction(),
                connection.cursor(binary=True, row_factory=dict_row) as cursor,
            ):
                await cursor.execute(_LOCAL, (str(self._tenant_id), SCHEMA))
                yield cursor

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return the checkpoint to go on from."""
        return None if self._fresh else await super().aget_tuple(config)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,  # noqa: ARG002 - what is new since the last step is not what is new since the last row
    ) -> RunnableConfig:
        """Write only where a resume saves money: after a step that called a model, and not once the outcome is stored.

        The values of the steps that were passed over go along with the next checkpoint that is written.
        """
        values, versions = checkpoint["channel_values"], checkpoint["channel_versions"]
        paid = len(values.get("calls", ()))
        if paid <= self._paid or "outcome" in values:
            return {"configurable": {**config["configurable"], "checkpoint_id": checkpoint["id"]}}
        unwritten = {name: version for name, version in versions.items() if self._written.get(name) != version}
        written = await super().aput(config, checkpoint, metadata, unwritten)
        self._paid, self._written = paid, dict(versions)
        return written

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Keep nothing: a step of this graph is one node, and the checkpoint written right after it holds the same values."""


async def forget_finished(session: AsyncSession) -> int:
    """Delete the tenant's checkpoints whose run is over: what a worker that died between its last two steps left; returns rows."""
    removed = 0
    for table in TABLES:
        result = await session.execute(
            text(
                f"delete from {SCHEMA}.{table} c where not exists (select from draft_runs r"  # noqa: S608 - constants
                " where r.id = split_part(c.thread_id, ':', 2)::uuid and r.state in (:due, :running))"
            ),
            {"due": RunState.DUE, "running": RunState.RUNNING},
        )
        removed += cast(Any, result).rowcount
    return removed
