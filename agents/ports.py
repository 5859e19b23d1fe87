"""What the agents are to their callers, and what they need from them. The factories are `agents.<name>.build_<name>`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from core.contracts.reasoning import (
    AiCall,
    CheckReport,
    Claim,
    Conversation,
    DraftProposal,
    HumanReply,
    Passage,
    Retrieval,
    ToneProfile,
)


class PassageSearch(Protocol):
    """The one thing the retriever needs: a search over the business's own knowledge, tenant already chosen."""

    async def search(self, query: str, limit: int) -> Retrieval:
        """Return the passages above the relevance floor, best first."""


class Retriever(Protocol):
    """Finds what the business says about what was asked. Deterministic, uses no language model."""

    async def retrieve(self, conversation: Conversation) -> Retrieval:
        """Return the passages; an empty `query` means that the burst asks nothing ("thanks")."""


@dataclass(frozen=True, slots=True)
class Previous:
    """The text that a new draft is to replace: what it said, why it is not good enough, what staff asked for."""

    parts: Sequence[str] = ()
    reasons: Sequence[str] = ()
    hint: str = ""


class Drafter(Protocol):
    """Writes the facts of a reply from passages and nothing else."""

    async def draft(
        self, conversation: Conversation, retrieval: Retrieval, tone: ToneProfile, previous: Previous | None = None
    ) -> tuple[DraftProposal, list[AiCall]]:
        """Return the proposal with its claims, and the rows of the calls it took.

        No parts and nothing missing means that the burst needs no answer. Raises ProviderError where every provider failed.
        """


class Humanizer(Protocol):
    """Says the same facts in the business's voice."""

    async def humanize(
        self, conversation: Conversation, proposal: DraftProposal, tone: ToneProfile
    ) -> tuple[HumanReply, list[AiCall]]:
        """Return one to three parts; the proposal must have some. Never fails for want of a provider."""


class Checker(Protocol):
    """Judges one exact text, whoever wrote it."""

    async def check(
        self,
        conversation: Conversation,
        parts: Sequence[str],
        claims: Sequence[Claim],
        passages: Sequence[Passage],
        tone: ToneProfile | None = None,
    ) -> CheckReport:
        """Return the verdict over `parts`; `claims` is empty for text typed by staff."""
