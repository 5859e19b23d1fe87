"""Whether a question that is proposed got an exact answer meanwhile."""

from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

from core.contracts.proposals import ProposalState, ProposedAnswer
from core.contracts.reasoning import Retrieval
from core.db.session import Database
from core.errors import ProviderError, SetupError
from domain.due import service as due
from domain.proposals.events import announce
from domain.proposals.repository import ProposalRepository
from domain.proposals.soon import COMPARE_TASK

_MOST = 500
_CANDIDATES = 3
_LATER = timedelta(minutes=5)


class QuestionSearch(Protocol):
    """The search over one tenant's knowledge."""

    async def search(self, query: str, limit: int) -> Retrieval:
        """Return the passages above the relevance floor, best first."""


async def compare(db: Database, tenant_id: UUID, search: QuestionSearch) -> None:
    """Note on each answer that waits for a decision which source has an exact answer to its question, if any has.

    Where the knowledge cannot be searched just now it is tried again later.
    """
    async with db.unit_of_work(tenant_id) as session:
        since = await due.when(session, tenant_id, COMPARE_TASK, tenant_id)
        rows = await ProposalRepository(session).waiting_answers(_MOST)
        asked = {row.id: (ProposedAnswer.model_validate(row.content).question, row.answered_by) for row in rows}
    if since is None:
        return
    try:
        found = {row_id: await exact_answer(search, question) for row_id, (question, _) in asked.items()}
    except (ProviderError, SetupError):
        async with db.unit_of_work(tenant_id) as session:
            await due.schedule(session, tenant_id, COMPARE_TASK, tenant_id, datetime.now(UTC) + _LATER)
        return
    async with db.unit_of_work(tenant_id) as session:
        repository = ProposalRepository(session)
        for row_id, source_id in found.items():
            if source_id == asked[row_id][1]:
                continue
            row = await repository.lock(row_id)
            if row is not None and row.state == ProposalState.PROPOSED:
                row.answered_by = source_id
                announce(session, tenant_id, proposal_id=row.id)
        await due.clear_unmoved(session, tenant_id, COMPARE_TASK, tenant_id, since)


async def exact_answer(search: QuestionSearch, question: str) -> UUID | None:
    """Return the source that holds the exact answer to a question, if there is one."""
    found = await search.search(question, _CANDIDATES)
    return next((one.source_id for one in found.passages if one.curated_answer is not None), None)
