"""What a run is given: its claim, the agents, and the door to the domain. Arrives in nodes as `Runtime[RunContext]`."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from agents.ports import Checker, Drafter, Humanizer, Retriever
from core.aal.language import LanguageDetector
from core.contracts.reasoning import AiCall
from core.contracts.states import DraftStatus
from domain.drafts.results import RunInput, RunResult
from domain.drafts.runs import ClaimedRun


class RunStore(Protocol):
    """The door to the domain: each method is one short transaction of its own, so that none is open while an agent works."""

    async def claim(self, tenant_id: UUID, run_id: UUID, claim_id: UUID, lease_seconds: float) -> ClaimedRun | None:
        """Take the run, or return None where there is nothing to do or another worker has it."""

    async def heartbeat(self, run: ClaimedRun, lease_seconds: float) -> bool:
        """Keep the claim; False where it was lost."""

    async def load(self, run: ClaimedRun) -> RunInput:
        """Read the conversation and whatever else the run may look at."""

    async def store(self, run: ClaimedRun, result: RunResult) -> DraftStatus | None:
        """Store the draft or the check, with the rows of its AI calls, and end the run; None where the claim was lost."""

    async def finish_empty(self, run: ClaimedRun, why: str, language: str | None, calls: Sequence[AiCall]) -> None:
        """End the run without a draft."""

    async def hand_to_owner(self, run: ClaimedRun, language: str | None) -> None:
        """End the run without a draft: it is made on the owner's computer, with the owner's own key."""

    async def fail(self, run: ClaimedRun, error: str, calls: Sequence[AiCall]) -> None:
        """End the run with a reason that staff can read."""

    async def record(self, run: ClaimedRun, calls: Sequence[AiCall]) -> None:
        """Add only the rows of AI calls: for a run that was lost; a row that is there already stays as it is."""

    async def forget_finished(self, tenant_id: UUID) -> None:
        """Delete the checkpoints of the tenant's runs that are over: crashed workers may have left some."""


@dataclass(frozen=True, slots=True)
class Agents:
    """The agents of one run, bound to its tenant."""

    retriever: Retriever
    drafter: Drafter
    humanizer: Humanizer
    checker: Checker


class AgentsFor(Protocol):
    """Makes the agents of one run: the tenant's passages, prompts and policy."""

    async def __call__(self, run: ClaimedRun) -> Agents: ...


@dataclass(frozen=True, slots=True)
class RunContext:
    """One run: what it is, who thinks for it, where its result goes.

    `begun` is when the worker took it, by `time.perf_counter`; `check_seconds` the longest wait for the checker; `storing` is set when
    the result goes to the database, where the claim is looked at once more; `calls` are the AI calls so far, also of a run that fails.
    """

    run: ClaimedRun
    agents: Agents
    detector: LanguageDetector
    store: RunStore
    begun: float
    storing: asyncio.Event
    check_seconds: float
    calls: list[AiCall]
