"""Numbers and keys that are nobody else's business: where a text holds a card, a bank account, a password or an API key."""

import re

Span = tuple[int, int]

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
_CARD = re.compile(r"(?<!\d)\d(?:[ -]?\d){12,18}(?!\d)")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b")


def secrets(text: str) -> list[Span]:
    """Return where keys and passwords stand."""
    return [match.span() for pattern in _SECRETS for match in pattern.finditer(text)]


def accounts(text: str) -> list[Span]:
    """Return where card and bank account numbers stand, by their check digits."""
    found = [*_CARD.finditer(text), *_IBAN.finditer(text)]
    return [match.span() for match in found if _is_account(match.group())]


def _is_account(text: str) -> bool:
    bare = re.sub(r"[ -]", "", text)
    return _luhn(bare) if bare.isdigit() else _iban(bare)


def _luhn(digits: str) -> bool:
    doubled = [int(d) * (2 if i % 2 else 1) for i, d in enumerate(reversed(digits))]
    return len(digits) >= 13 and sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def _iban(text: str) -> bool:
    turned = text[4:] + text[:4]
    return 15 <= len(text) <= 34 and int("".join(str(int(char, 36)) for char in turned)) % 97 == 1
