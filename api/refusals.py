"""How routes declare what they may refuse."""

from typing import Any

from core.contracts.base import Problem
from core.errors import BY_STATUS, WaxosError

PROBLEM_JSON = "application/problem+json"


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of a route that may refuse with these statuses."""
    return {status: _refusal(BY_STATUS[status]) for status in statuses}


def _refusal(kind: type[WaxosError]) -> dict[str, Any]:
    meaning = (kind.__doc__ or kind.title).strip()
    example = Problem(title=kind.title, status=kind.status, code=kind.code, detail=meaning)
    content = {PROBLEM_JSON: {"example": example.model_dump(mode="json", exclude_none=True)}}
    return {"model": Problem, "description": meaning, "content": content}
