"""Where a run goes next: pure functions of the state, without a look at clock, database or model."""

from typing import Literal

from core.contracts.states import Verdict
from graph.state import State

MAX_REPAIRS = 1
"""A second repair costs the customer's patience and seldom helps: what still fails goes to staff, marked."""


def after_triage(state: State) -> Literal["retrieve", "store"]:
    """Go on, or end at once where there is nothing to do."""
    return "store" if state["route"] == "nothing" else "retrieve"


def after_retrieve(state: State) -> Literal["draft", "check", "store"]:
    """Answer a question, or leave that to the owner's computer; a human text is not rewritten but checked; where nothing is asked, end."""
    match state["route"]:
        case "answer":
            return "draft"
        case "check":
            return "check"
        case "owner" | "nothing":
            return "store"


def after_draft(state: State) -> Literal["humanize", "store"]:
    """A proposal without text says only what is missing: there is nothing to humanize or to check."""
    return "humanize" if state["proposal"]["parts"] else "store"


def after_check(state: State) -> Literal["draft", "store"]:
    """Repair once what the checker says of the text itself; all else is for staff."""
    repairable = state["route"] == "answer" and state["report"]["verdict"] != Verdict.PASS and bool(state["reasons"])
    return "draft" if repairable and state.get("repairs", 0) < MAX_REPAIRS else "store"
