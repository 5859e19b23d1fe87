"""What the page shows, as plain data. The key is in none of it."""

from typing import Any

from core.aal.catalog import catalog
from core.contracts.byhand import HandMessageState
from core.contracts.byok import OwnerDraftSeen
from core.contracts.states import DraftStatus, SendStatus, Verdict
from desktop_bridge.byok.owner import OwnerDesk
from desktop_bridge.byok.thought import Suggestion

_ON_ITS_WAY = "The desk checks it; then it is sent."
_STAFF = "The check marked something: it waits for a yes in the panel."
_GONE = (SendStatus.SENT, SendStatus.DELIVERED, SendStatus.READ)
_LONGEST_SOURCE = 400


def shown(desk: OwnerDesk) -> dict[str, Any]:
    """Return everything that the page draws."""
    facts = desk.vault.facts()
    key = None
    if facts is not None:
        key = {
            "provider": catalog().providers[facts.provider.name].title,
            "provider_name": facts.provider.name,
            "model": facts.provider.model,
            "address": facts.provider.address,
            "kept_since": facts.made_at.isoformat(),
            "wait": round(facts.wait_seconds, 1),
        }
    return {
        "seen": desk.changes,
        "key": key,
        "unlocked": desk.unlocked,
        "on": desk.work.on,
        "trouble": desk.trouble,
        "providers": [
            {"name": name, "title": one.title, "model": one.default_model, "address": one.base_url}
            for name, one in catalog().providers.items()
        ],
        "drafts": [_draft(desk, draft) for draft in desk.work.drafts],
        "outcomes": [
            {"title": title, "says": _outcome(state)} for title, state in reversed(list(desk.outcomes.values()))
        ],
    }


def _draft(desk: OwnerDesk, draft: OwnerDraftSeen) -> dict[str, Any]:
    made, failure = desk.suggestions.get(draft.id), desk.failures.get(draft.id)
    state = "made" if made else "failed" if failure or draft.code else "waiting"
    if desk.making == draft.id:
        state = "making"
    said: dict[str, Any] = {"id": str(draft.id), "title": draft.title, "state": state}
    if failure is not None:
        said["failure"] = {"detail": failure.detail, "hint": failure.hint}
    elif state == "failed":
        said["failure"] = {"detail": f"the provider gave no answer ({draft.code})", "hint": None}
    return said | (_made(made) if made else {})


def _made(made: Suggestion) -> dict[str, Any]:
    report = made.report
    marks = [one.reason for one in report.findings if one.verdict is not Verdict.PASS] if report else []
    return {
        "asked": made.asked,
        "parts": made.parts or [""],
        "missing": made.proposal.missing,
        "verdict": report.verdict.value if report else None,
        "marks": list(dict.fromkeys(marks)),
        "sources": [
            {"title": one.source_title, "text": one.curated_answer or one.text[:_LONGEST_SOURCE]}
            for one in made.sources
        ],
        "model": made.usage.model,
        "tokens": made.usage.tokens_used,
    }


def _outcome(state: HandMessageState | None) -> str:
    if state is None or state.status is DraftStatus.CHECKING:
        return _ON_ITS_WAY
    if not state.parts:
        return state.reason or (_STAFF if state.status in {DraftStatus.PENDING, DraftStatus.BLOCKED} else state.status)
    if all(part.status in _GONE for part in state.parts):
        return "Sent."
    told = next((part.error_detail for part in state.parts if part.error_detail), None)
    return told or "On its way."
