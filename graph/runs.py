"""`RunStore` on the domain's services: one unit of work a call."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from core.contracts.reasoning import AiCall
from core.contracts.states import DraftStatus
from core.db.session import Database
from core.settings import DeskSettings
from domain.byok import service as owner_drafts
from domain.drafts import results, runs
from domain.drafts.results import RunInput, RunResult
from domain.drafts.runs import ClaimedRun
from domain.usage import service as usage
from graph.checkpoint import forget_finished


@dataclass(frozen=True, slots=True)
class DomainRuns:
    """The runs of the desk's own database."""

    db: Database
    desk: DeskSettings

    async def claim(self, tenant_id: UUID, run_id: UUID, claim_id: UUID, lease_seconds: float) -> ClaimedRun | None:
        """Take the run, or return None where there is nothing to do or another worker has it."""
        async with self.db.unit_of_work(tenant_id) as session:
            return await runs.claim_run(session, run_id, claim_id, lease_seconds)

    async def heartbeat(self, run: ClaimedRun, lease_seconds: float) -> bool:
        """Keep the claim; False where it was lost."""
        async with self.db.unit_of_work(run.tenant_id) as session:
            return await runs.heartbeat(session, run.id, run.claim_id, lease_seconds)

    async def load(self, run: ClaimedRun) -> RunInput:
        """Read the conversation and whatever else the run may look at."""
        async with self.db.unit_of_work(run.tenant_id) as session:
            return await results.load_input(session, run, self.desk)

    async def store(self, run: ClaimedRun, result: RunResult) -> DraftStatus | None:
        """Store the draft or the check, with the rows of its AI calls, and end the run; None where the claim was lost."""
        async with self.db.unit_of_work(run.tenant_id) as session:
            await usage.record_calls(session, run.tenant_id, run.id, run.chat_id, result.calls)
            return await results.store_result(session, run, result, self.desk)

    async def finish_empty(self, run: ClaimedRun, why: str, language: str | None, calls: Sequence[AiCall]) -> None:
        """End the run without a draft."""
        async with self.db.unit_of_work(run.tenant_id) as session:
            await usage.record_calls(session, run.tenant_id, run.id, run.chat_id, calls)
            await results.finish_empty(session, run, why, language=language)

    async def hand_to_owner(self, run: ClaimedRun, language: str | None) -> None:
        """End the run without a draft, and tell the owner's computer that one is wanted."""
        async with self.db.unit_of_work(run.tenant_id) as session:
            await owner_drafts.want(session, run, language)

    async def fail(self, run: ClaimedRun, error: str, calls: Sequence[AiCall]) -> None:
        """End the run with a reason that staff can read."""
        async with self.db.unit_of_work(run.tenant_id) as session:
            await usage.record_calls(session, run.tenant_id, run.id, run.chat_id, calls)
            await results.fail_run(session, run, error)

    async def record(self, run: ClaimedRun, calls: Sequence[AiCall]) -> None:
        """Add only the rows of AI calls: for a run that was lost; a row that is there already stays as it is."""
        async with self.db.unit_of_work(run.tenant_id) as session:
            await usage.record_calls(session, run.tenant_id, run.id, run.chat_id, calls)

    async def forget_finished(self, tenant_id: UUID) -> None:
        """Delete what crashed runs of the tenant, that are over by now, left behind in the checkpoints."""
        async with self.db.unit_of_work(tenant_id) as session:
            await forget_finished(session)
