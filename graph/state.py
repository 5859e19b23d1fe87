"""The state of one run: JSON-native values only (decision 13), so that a checkpoint stays readable and is safe to load."""

import operator
from typing import Annotated, Any, Literal, TypedDict

Json = dict[str, Any]
"""A contract of `core.contracts.reasoning` as `model_dump(mode="json")` leaves it."""

Route = Literal["answer", "owner", "check", "nothing"]
"""What triage found: a customer to answer, here or on the owner's computer, a human text to check, or nothing to do."""


def merge(old: dict[str, float], new: dict[str, float]) -> dict[str, float]:
    """Add up milliseconds by name: a node that ran twice is counted twice."""
    return {name: round(old.get(name, 0.0) + new.get(name, 0.0), 3) for name in {**old, **new}}


class State(TypedDict, total=False):
    """Keys are written by the node named in the comment beside them; nobody else writes them."""

    graph_version: str  # the runner, at the start: a checkpoint of another version is thrown away
    route: Route  # triage; retrieve and draft, where nothing is asked
    why: str  # whoever said `nothing`: the reason, for staff
    conversation: Json  # triage: Conversation
    tone: Json  # triage: ToneProfile
    parent_parts: list[str]  # triage: the draft that a rewrite starts from
    retrieval: Json  # retrieve: Retrieval; triage, in a check-only run
    proposal: Json  # draft: DraftProposal; triage, in a check-only run
    parts: list[str]  # humanize: the exact text; triage, in a check-only run
    report: Json  # check: CheckReport
    reasons: list[str]  # check: what a repair must put right
    repairs: int  # draft: how many repairs were begun
    outcome: str  # store: the stored status
    calls: Annotated[list[Json], operator.add]  # every node that asks an agent: AiCall
    timings: Annotated[dict[str, float], merge]  # every node: own milliseconds by node, and `provider`
