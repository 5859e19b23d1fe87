"""What must not leave: secrets and account numbers ever, contact details that the business's own knowledge does not hold."""

import re

from agents.compliance.case import Case
from agents.compliance.checks.base import grave, mark
from agents.text import accounts
from agents.text.facts import Fact, facts
from core.contracts.reasoning import Finding
from core.contracts.states import Verdict

_LEAST_PHONE_TAIL = 7


def secrets(case: Case) -> list[Finding]:
    """Keys, passwords, card and bank account numbers; an account number that the knowledge publishes is no secret."""
    found = []
    for said in case.said:
        for span in accounts.secrets(said.text):
            reason = "this looks like a key or a password; it must not be sent"
            found.append(mark("secrets", Verdict.BLOCK, reason, said, *span))
        for start, end in accounts.accounts(said.text):
            if not _published(said.text[start:end], case):
                reason = "this looks like a card or account number that the knowledge does not hold"
                found.append(mark("secrets", Verdict.BLOCK, reason, said, start, end))
    return found


def _published(text: str, case: Case) -> bool:
    bare = re.sub(r"\W", "", text).lower()
    return any(bare in re.sub(r"\W", "", passage.text).lower() for passage in case.passages)


def foreign_contacts(case: Case) -> list[Finding]:
    """Links, e-mail addresses and phone numbers come from the business's knowledge or from nowhere."""
    published = [
        fact for passage in case.passages for fact in facts(passage.text + "\n" + (passage.curated_answer or ""))
    ]
    found = []
    for said in case.said:
        for fact in facts(said.text):
            if fact.kind in {"link", "email", "phone"} and not any(_same_contact(fact, other) for other in published):
                kind = {"link": "link", "email": "e-mail address", "phone": "phone number"}[fact.kind]
                reason = f"this {kind} is not in the knowledge that the reply rests on"
                found.append(mark("contacts", grave(case), reason, said, fact.start, fact.end))
    return found


def _same_contact(fact: Fact, other: Fact) -> bool:
    if fact.kind != other.kind:
        return False
    if fact.kind == "phone":
        tail = min(len(fact.value), len(other.value), 9)
        return tail >= _LEAST_PHONE_TAIL and fact.value[-tail:] == other.value[-tail:]
    return fact.value == other.value
