"""Adapters between the state and the agents: load, ask, dump. No node holds a transaction while an agent works."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

import structlog
from langgraph.runtime import Runtime

from agents.ports import Previous
from core.aal.errors import NoProviderAnswered
from core.aal.language import LanguageDetector, tier_of
from core.contracts.reasoning import (
    AiCall,
    CheckReport,
    Conversation,
    DraftProposal,
    Finding,
    Retrieval,
    ToneProfile,
    Turn,
)
from core.contracts.states import Direction, MessageKind, RunReason, Verdict
from core.contracts.texts import text_sha256
from domain.drafts.results import RunResult
from graph.context import RunContext
from graph.errors import ClaimLost
from graph.state import State
from graph.triage import why_nothing_asked, why_silent

log = structlog.get_logger(__name__)

UNCHECKED = "unchecked"
"""`checker_version` and `Finding.check` of a text that the checker could not look at."""

Step = tuple[State, Sequence[AiCall]]
Body = Callable[[State, RunContext], Awaitable[Step]]


class Node(Protocol):
    """A node as LangGraph calls it."""

    async def __call__(self, state: State, runtime: Runtime[RunContext]) -> State: ...


def timed(name: str, body: Body) -> Node:
    """Wrap a node: its own milliseconds go under `name`, those of providers under `provider`, its AI calls to those of the run."""

    async def node(state: State, runtime: Runtime[RunContext]) -> State:
        begun = time.perf_counter()
        try:
            update, calls = await body(state, runtime.context)
        except NoProviderAnswered as error:
            runtime.context.calls.append(error.call)
            raise
        runtime.context.calls.extend(calls)
        provider = float(sum(call.latency_ms for call in calls))
        own = max(0.0, (time.perf_counter() - begun) * 1000 - provider)
        dumped = [call.model_dump(mode="json") for call in calls]
        return {**update, "calls": dumped, "timings": {name: own, "provider": provider}}

    return node


async def triage(state: State, context: RunContext) -> Step:  # noqa: ARG001 - the first node finds nothing in the state
    """Read what the run is about and decide whether it is a customer to answer, a human text to check, or nothing."""
    run_input = await context.store.load(context.run)
    conversation = _in_its_language(run_input.conversation, context.detector)
    update: State = {
        "route": "answer",
        "conversation": conversation.model_dump(mode="json"),
        "tone": run_input.tone.model_dump(mode="json"),
        "parent_parts": run_input.parent_parts,
    }
    if context.run.reason == RunReason.CHECK:
        proposal = DraftProposal.model_validate({"parts": run_input.draft_parts, "claims": run_input.draft_claims})
        update |= {"route": "check", "proposal": proposal.model_dump(mode="json"), "parts": run_input.draft_parts}
    elif why := why_silent(run_input, context.run.reason):
        update |= {"route": "nothing", "why": why}
    elif run_input.own_key:
        update |= {"route": "owner"}
    return update, ()


async def retrieve(state: State, context: RunContext) -> Step:
    """Find passages for what the customer asks, and for what a human text says; a burst that asks nothing ends the run."""
    conversation = Conversation.model_validate(state["conversation"])
    retrieval = await context.agents.retriever.retrieve(conversation)
    if state["route"] == "check":
        said = await context.agents.retriever.retrieve(_saying(conversation, context.run.id, state["parts"]))
        retrieval = _both(retrieval, said)
    update: State = {"retrieval": retrieval.model_dump(mode="json")}
    if context.run.reason == RunReason.INBOUND and (why := why_nothing_asked(conversation, retrieval)):
        update |= {"route": "nothing", "why": why}
    return update, ()


async def draft(state: State, context: RunContext) -> Step:
    """Propose a reply; a repair brings the checker's reasons along, a rewrite the hint of staff."""
    repairs = state.get("repairs", 0) + int("report" in state)
    conversation = Conversation.model_validate(state["conversation"])
    if not conversation.burst_text().strip():
        missing = [f"what the customer sent as {kind}" for kind in conversation.unreadable]
        return {"proposal": DraftProposal(parts=[], missing=missing).model_dump(mode="json"), "parts": []}, ()
    retrieval = Retrieval.model_validate(state["retrieval"])
    proposal, calls = await context.agents.drafter.draft(
        conversation,
        retrieval,
        ToneProfile.model_validate(state["tone"]),
        _previous(state, context.run.hint),
    )
    if retrieval.unsettled:
        proposal = proposal.model_copy(update={"missing": [*proposal.missing, *retrieval.unsettled], "confidence": 0.0})
    update: State = {"proposal": proposal.model_dump(mode="json"), "parts": [], "repairs": repairs}
    if not proposal.parts and not proposal.missing:
        update |= {"route": "nothing", "why": "There is nothing here that needs an answer."}
    return update, calls


async def humanize(state: State, context: RunContext) -> Step:
    """Put the proposal into the business's voice; its parts are the exact text from here on."""
    reply, calls = await context.agents.humanizer.humanize(
        Conversation.model_validate(state["conversation"]),
        DraftProposal.model_validate(state["proposal"]),
        ToneProfile.model_validate(state["tone"]),
    )
    return {"parts": reply.parts}, calls


async def check(state: State, context: RunContext) -> Step:
    """Check the exact text. A checker that fails or is late leaves a text that a person must look at (law 4)."""
    parts = state["parts"]
    try:
        async with asyncio.timeout(context.check_seconds):
            report = await context.agents.checker.check(
                Conversation.model_validate(state["conversation"]),
                parts,
                DraftProposal.model_validate(state["proposal"]).claims,
                Retrieval.model_validate(state["retrieval"]).passages,
                ToneProfile.model_validate(state["tone"]),
            )
        if report.text_sha256 != text_sha256(parts):
            report = _unchecked(parts, "The check was about another text than this one; read it with care.")
    except Exception as error:  # noqa: BLE001 - law 4: whatever goes wrong in a check must not pass, and must reach staff
        log.warning("check.failed", run_id=str(context.run.id), error=type(error).__name__)
        report = _unchecked(parts, "This text could not be checked; read it with care before you send it.")
    reasons = [f.reason for f in report.findings if f.verdict != Verdict.PASS and f.part is not None]
    return {"report": report.model_dump(mode="json"), "reasons": reasons}, ()


async def store(state: State, runtime: Runtime[RunContext]) -> State:
    """End the run in one transaction: with a draft, with a checked human text, or with the reason why there is neither.

    Raises:
        ClaimLost: another worker has taken the run over; nothing was written.
    """
    context = runtime.context
    context.storing.set()
    conversation = Conversation.model_validate(state["conversation"])
    if state["route"] == "nothing":
        await context.store.finish_empty(context.run, state["why"], conversation.language, context.calls)
        return {"outcome": "nothing"}
    if state["route"] == "owner":
        await context.store.hand_to_owner(context.run, conversation.language)
        return {"outcome": "owner"}
    result = RunResult(
        proposal=DraftProposal.model_validate(state["proposal"]),
        parts=state["parts"],
        report=CheckReport.model_validate(state["report"]) if state["parts"] else None,
        retrieval=Retrieval.model_validate(state["retrieval"]),
        calls=context.calls,
        timings_ms=_timings(state["timings"], context),
        language=conversation.language,
        unreadable=conversation.unreadable,
    )
    status = await context.store.store(context.run, result)
    if status is None:
        raise ClaimLost("Another worker has taken this run over.")
    return {"outcome": status.value}


def _timings(by_node: dict[str, float], context: RunContext) -> dict[str, float]:
    """Add `own`: all of our work from the claim until now, checkpoints included; unknown where another worker began."""
    if context.run.resumed:
        return by_node
    own = (time.perf_counter() - context.begun) * 1000 - by_node["provider"]
    return {**by_node, "own": round(max(0.0, own), 3)}


def _in_its_language(conversation: Conversation, detector: LanguageDetector) -> Conversation:
    """Name the language of the burst; where it is too short to tell, the chat's own holds."""
    tag = detector.detect(conversation.burst_text()).tag or conversation.language
    return conversation.model_copy(update={"language": tag, "tier": tier_of(tag)})


def _saying(conversation: Conversation, message_id: UUID, parts: list[str]) -> Conversation:
    """Return the conversation with a human text as its burst, so that passages are sought for what that text says."""
    turn = Turn(
        message_id=message_id,
        seq=0,
        direction=Direction.OUT,
        kind=MessageKind.TEXT,
        text="\n".join(parts),
        at=datetime.now(UTC),
    )
    return conversation.model_copy(update={"burst": [turn]})


def _both(asked: Retrieval, said: Retrieval) -> Retrieval:
    """Join two searches: each passage once, those of the customer's question first."""
    known = {passage.id for passage in asked.passages}
    return Retrieval(
        query="\n".join(filter(None, (asked.query, said.query))),
        passages=[*asked.passages, *(passage for passage in said.passages if passage.id not in known)],
        floor=max(asked.floor, said.floor),
        below_floor=asked.below_floor + said.below_floor,
        unsettled=list(dict.fromkeys((*asked.unsettled, *said.unsettled))),
    )


def _previous(state: State, hint: str | None) -> Previous | None:
    """Return what the new draft is to replace: the checked text in a repair, the parent of a rewrite, none else."""
    parts = state["parts"] if state.get("parts") else state["parent_parts"]
    reasons = state.get("reasons", [])
    return Previous(parts, reasons, hint or "") if parts or reasons or hint else None


def _unchecked(parts: list[str], reason: str) -> CheckReport:
    return CheckReport(
        verdict=Verdict.NEEDS_STAFF,
        findings=[Finding(check=UNCHECKED, verdict=Verdict.NEEDS_STAFF, reason=reason)],
        text_sha256=text_sha256(parts),
        checker_version=UNCHECKED,
    )
