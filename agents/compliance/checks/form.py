"""The outer form: there is a text, it is not too long, and it is in the customer's language."""

from agents.compliance.case import Case
from core.aal.language import base_of
from core.contracts.reasoning import Finding
from core.contracts.states import Tier, Verdict
from core.contracts.texts import MAX_PART_CHARS

_LONG_REPLY = 1500


def empty_or_long(case: Case) -> list[Finding]:
    """No empty part, none over the channel's limit; a reply nobody would read on a phone goes to staff."""
    found = []
    if not case.parts or any(not part.strip() for part in case.parts):
        found.append(Finding(check="form", verdict=Verdict.BLOCK, reason="a part of the reply is empty"))
    for index, part in enumerate(case.parts):
        if len(part) > MAX_PART_CHARS:
            reason = f"this part is longer than {MAX_PART_CHARS} characters, which the channel does not take"
            found.append(Finding(check="form", verdict=Verdict.BLOCK, reason=reason, part=index))
    if sum(len(part) for part in case.parts) > _LONG_REPLY:
        found.append(Finding(check="form", verdict=Verdict.NEEDS_STAFF, reason="the reply is very long for a chat"))
    return found


def other_language(case: Case) -> list[Finding]:
    """The reply is in the language that the customer wrote in."""
    ours, theirs = case.language, case.conversation.language
    if ours is None or theirs is None or base_of(ours) == base_of(theirs):
        return []
    reason = f"the reply seems to be in {ours}, the customer writes in {theirs}"
    return [Finding(check="language", verdict=Verdict.NEEDS_STAFF, reason=reason)]


def uncertain_language(case: Case) -> list[Finding]:
    """A language we are not sure of, or do not support, is a person's job (mission, Languages)."""
    if case.conversation.language is not None and case.conversation.tier is not Tier.UNKNOWN:
        return []
    reason = "the customer's language is uncertain or not supported; make sure that the reply is in theirs"
    return [Finding(check="language_unsure", verdict=Verdict.NEEDS_STAFF, reason=reason)]
