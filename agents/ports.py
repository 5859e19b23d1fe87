"""What the agents are to their callers, and what they need from them. The factories are `agents.<name>.build_<name>`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from agents.text.subjects import Subject
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


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a customer wants to know that no document says. `numbers` are order numbers that were named, the newest first; `days` those
    that were asked for, in the zone of the business.
    """

    numbers: Sequence[str] = ()
    days: Sequence[date] = ()
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What a system said, each passage with its subject as `live`; `unsettled` is what it left open, in words for staff."""

    passages: Sequence[Passage] = ()
    unsettled: Sequence[str] = ()


class Lookup(Protocol):
    """One system of the business, bound to it and to the customer of the run."""

    @property
    def subject(self) -> Subject:
        """What it can be asked about."""

    async def look_up(self, wanted: Wanted) -> LookedUp:
        """Ask it. A system that does not answer in time is a line in `unsettled`, never an error."""


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
