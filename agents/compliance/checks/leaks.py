"""What must not leave: secrets and account numbers ever, contact details that the business's own knowledge does not hold."""

import re

from agents.compliance.case import Case
from agents.compliance.checks.base import grave, mark
from agents.text.facts import Fact, facts
from core.contracts.reasoning import Finding
from core.contracts.states import Verdict

_SECRETS = (
    re.compile(r"\b(?:sk|pk|rk)[-_](?:live|test|proj|or|ant)?[-_]?[A-Za-z0-9_-]{16,}"),
    re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"),
    re.compile(r"\b(?:gsk_|ghp_|gho_|github_pat_|xox[abp]-|AIza)[A-Za-z0-9_-]{16,}"),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----"),
    re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{5,}"),
    re.compile(
        r"\b(?:password|passwort|contraseña|senha|mot de passe|api key)\s*(?:is|ist|es|é|est)?\s*[:=]?\s*(?=\S*\d)\S{4,}",
        re.I,
    ),
)
_CARD = re.compile(r"(?<!\d)(?:\d[ -]?){13,19}(?!\d)")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b")
_LEAST_PHONE_TAIL = 7


def secrets(case: Case) -> list[Finding]:
    """Keys, passwords, card and bank account numbers; an account number that the knowledge publishes is no secret."""
    found = []
    for said in case.said:
        for pattern in _SECRETS:
            for match in pattern.finditer(said.text):
                reason = "this looks like a key or a password; it must not be sent"
                found.append(mark("secrets", Verdict.BLOCK, reason, said, *match.span()))
        for match in [*_CARD.finditer(said.text), *_IBAN.finditer(said.text)]:
            if _is_account(match.group()) and not _published(match.group(), case):
                reason = "this looks like a card or account number that the knowledge does not hold"
                found.append(mark("secrets", Verdict.BLOCK, reason, said, *match.span()))
    return found


def _is_account(text: str) -> bool:
    bare = re.sub(r"[ -]", "", text)
    return _luhn(bare) if bare.isdigit() else _iban(bare)


def _luhn(digits: str) -> bool:
    doubled = [int(d) * (2 if i % 2 else 1) for i, d in enumerate(reversed(digits))]
    return len(digits) >= 13 and sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def _iban(text: str) -> bool:
    turned = text[4:] + text[:4]
    return 15 <= len(text) <= 34 and int("".join(str(int(char, 36)) for char in turned)) % 97 == 1


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
