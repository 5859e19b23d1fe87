"""The worker's tasks. `draft.run`: one ring, one run. Rung twice, late or for nothing it is harmless: the claim is in Postgres."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING
from uuid import UUID

from core.errors import Unavailable
from core.jobs.registry import Registry, Resources
from domain.drafts.runs import RUN_TASK
from graph import learning

if TYPE_CHECKING:
    from graph.runner import Runner

TIMEOUT_S = 330.0
"""Above the longest `WAXOS_DESK__RUN_SECONDS`: the runner ends a run that is late itself, with a reason."""


@dataclass(slots=True)
class DraftWork:
    """The runner of this worker process, made when it starts."""

    runner: "Runner | None" = None

    def load(self) -> None:
        """Import what takes seconds: LangGraph, the agents and the AI layer."""
        import_module("graph.team")

    async def open(self, resources: Resources) -> None:
        """Make the runner and warm what the first draft would otherwise wait for."""
        self.runner = await import_module("graph.team").open_runner(resources)

    async def run(self, resources: Resources, tenant_id: UUID, run_id: UUID) -> None:  # noqa: ARG002 - the runner has them
        """Do one run.

        Raises:
            Unavailable: the worker has not started yet.
        """
        if self.runner is None:
            raise Unavailable("the worker has not started yet", retry_after=1)
        await self.runner.run(tenant_id, run_id)


def register(registry: Registry) -> None:
    """Announce the tasks. Importing this module loads neither LangGraph nor any agent."""
    work = DraftWork()
    registry.preload(work.load)
    registry.on_start(work.open)
    registry.task(RUN_TASK, work.run, timeout_s=TIMEOUT_S)
    learning.register(registry)
