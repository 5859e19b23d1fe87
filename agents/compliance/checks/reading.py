"""What was read: danger to life first, then what nobody could read, then texts that try to give orders."""

import re
from functools import cache

from agents.compliance.case import Case, phrases
from agents.text.words import fold
from core.contracts.reasoning import Finding
from core.contracts.states import Verdict
from core.steering import marks, why


@cache
def _urgent() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(pattern, re.I) for entries in phrases()["urgent"].values() for pattern in entries)


def urgent(case: Case) -> list[Finding]:
    """A burst that speaks of danger waits for a person, whatever the reply says; every language is looked for."""
    text = fold(case.conversation.burst_text())
    if any(pattern.search(text) for pattern in _urgent()):
        reason = "urgent: the customer may be in danger or under a legal deadline; answer in person now"
        return [Finding(check="urgent", verdict=Verdict.NEEDS_STAFF, reason=reason)]
    return []


def unreadable(case: Case) -> list[Finding]:
    """Law 13: what could not be read may be the question."""
    kinds = ", ".join(dict.fromkeys(case.conversation.unreadable))
    if not kinds:
        return []
    reason = f"the customer also sent what the desk cannot read ({kinds}); look at it before you answer"
    return [Finding(check="unreadable", verdict=Verdict.NEEDS_STAFF, reason=reason)]


def late(case: Case) -> list[Finding]:
    """Law 10: what was written long ago may have been settled meanwhile. A person's own reply needs no such warning."""
    if not case.conversation.late or case.by_staff:
        return []
    reason = (
        "the customer wrote longer ago than the answer window, or it is not known when; see whether it still stands"
    )
    return [Finding(check="late", verdict=Verdict.NEEDS_STAFF, reason=reason)]


def injection(case: Case) -> list[Finding]:
    """Marks of an attempt to give orders to the machine, in the customer's texts or in the knowledge that was read."""
    places = [("the customer's message", case.conversation.burst_text())]
    places += [
        (f'the source "{one.source_title}"', "\n".join(filter(None, (one.source_title, one.heading, one.text))))
        for one in case.passages
    ]
    found = []
    for place, text in places:
        signs = marks(text)
        if signs:
            reason = f"{place} looks like an attempt to steer the assistant: it {why(signs[0].sign)}; read it before you answer"
            found.append(Finding(check="injection", verdict=Verdict.NEEDS_STAFF, reason=reason))
    return found
