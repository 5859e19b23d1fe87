"""Whether the reply answers: the cited knowledge speaks of what was asked, and a bare yes or no says what that knowledge says."""

from agents.compliance.asked import Asked
from agents.compliance.case import Case, Said, phrases_of
from agents.compliance.checks.base import mark
from agents.text.words import fold, phrase_in
from core.contracts.reasoning import Finding
from core.contracts.states import Verdict


def answers(case: Case) -> list[Finding]:
    """At least one question is one that the cited knowledge speaks of; a "yes" by itself leans on all of them."""
    if case.by_staff or all(asked.carried for asked in case.asked):
        return []
    leaning = [said for said in case.said if said.leans]
    if any(asked.carried for asked in case.asked):
        at_fault = leaning
    else:
        at_fault = leaning + [said for said in case.said if not said.courtesy and not said.leans]
    reason = "the cited knowledge does not speak of what the customer asks"
    return [mark("answer", Verdict.NEEDS_STAFF, reason, said) for said in at_fault]


def stance(case: Case) -> list[Finding]:
    """A bare yes or no to one question agrees with the evidence nearest to it, each negation counted."""
    if case.by_staff or len(case.asked) != 1:
        return []
    asked = case.asked[0]
    if not asked.carried or _is_spelled_out(case, asked):
        return []
    denied = _denies(asked.text, case.tag) != _denies(asked.nearest, asked.language or case.tag)
    reason = "the cited knowledge seems to say the opposite: look at what is denied"
    return [
        mark("stance", Verdict.NEEDS_STAFF, reason, said)
        for said in case.said
        if said.leans and said.stance is not None and (said.stance == "no") != denied
    ]


def _is_spelled_out(case: Case, asked: Asked) -> bool:
    """Whether another sentence of the reply says what the nearest evidence says: then that one is judged."""
    return any(_is_about(said, asked) for said in case.said if not said.courtesy and not said.leans)


def _is_about(said: Said, asked: Asked) -> bool:
    return said.verbatim or bool(said.nearest and said.nearest[0][0].text == asked.nearest)


def _denies(text: str, tag: str | None) -> bool:
    return bool(phrase_in(phrases_of("negations", tag), fold(text)))
