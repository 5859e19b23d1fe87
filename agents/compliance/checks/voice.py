"""What may not be said in the business's name: promises that nobody has taken on, and that a machine is a person."""

from agents.compliance.case import Case, phrases_of
from agents.compliance.checks.base import mark
from agents.text.words import fold, phrase_in
from core.contracts.reasoning import Finding
from core.contracts.states import Verdict


def promises(case: Case) -> list[Finding]:
    """A sentence that promises an act or claims one done; what the knowledge itself says word for word is no promise of ours."""
    found = []
    for said in case.said:
        if not said.verbatim and phrase_in(phrases_of("promises", case.tag), fold(said.text)):
            reason = "this promises something that somebody has to do; send it only if you take it on"
            found.append(mark("promise", Verdict.NEEDS_STAFF, reason, said))
    return found


def claims_to_be_human(case: Case) -> list[Finding]:
    """A machine's text never claims to be a person; staff may say so of themselves."""
    if case.by_staff:
        return []
    return [
        mark("human_claim", Verdict.BLOCK, "the reply claims to be written by a person", said)
        for said in case.said
        if phrase_in(phrases_of("human_claims", case.tag), fold(said.text))
    ]
