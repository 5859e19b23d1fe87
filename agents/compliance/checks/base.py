"""What a check is: pure, named, versioned."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agents.compliance.case import Case, Said
from core.contracts.reasoning import Finding
from core.contracts.states import Verdict


@dataclass(frozen=True, slots=True)
class Check:
    """One check. `version` rises when its judgement changes, so that stored verdicts can be told apart."""

    name: str
    version: int
    run: Callable[[Case], Sequence[Finding]]


def mark(
    check: str, verdict: Verdict, reason: str, said: Said, start: int | None = None, end: int | None = None
) -> Finding:
    """Return a finding on a sentence, or on a span inside it given by offsets into the sentence."""
    first = said.start + (start or 0)
    last = said.start + end if end is not None else said.end
    return Finding(check=check, verdict=verdict, reason=reason, part=said.part, start=first, end=last)


def grave(case: Case) -> Verdict:
    """A machine's unfounded fact is blocked; a person may know what the knowledge does not say."""
    return Verdict.NEEDS_STAFF if case.by_staff else Verdict.BLOCK
