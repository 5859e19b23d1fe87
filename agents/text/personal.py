"""Where a text tells who somebody is: numbers of phones, cards and accounts, addresses, links, keys and names."""

import re
from collections.abc import Callable, Container, Iterable, Iterator

import phonenumbers

from agents.text import accounts
from agents.text.facts import addresses, facts
from core.contracts.history import Taken

Place = tuple[int, int, Taken]

_LONG_NUMBER = re.compile(r"(?<!\d)\d(?:[ \-/.]?\d){5,}(?!\d)")
_NUMBERED = frozenset({"money", "date", "time", "percent"})
_QUERY = re.compile(r"[?#]\S*$")
_HANDLE = re.compile(r"(?<![\w@.])@[\w.]{3,30}")


def personal(
    text: str,
    names: Callable[[str], Iterable[tuple[int, int]]],
    *,
    ours: bool,
    kinds: Container[Taken] = frozenset(Taken),
) -> list[Place]:
    """Return what a text gives away, in order and without overlap. `names` finds names; links of ours tell nothing but their query."""
    taken = [False] * len(text)
    found: list[Place] = []
    for start, end, kind in _readings(text, names, ours=ours):
        # What is not asked for takes no ground: a phone number within what might be an address is still one.
        if start < end and kind in kinds and not any(taken[start:end]):
            taken[start:end] = [True] * (end - start)
            found.append((start, end, kind))
    return sorted(found)


def _readings(text: str, names: Callable[[str], Iterable[tuple[int, int]]], *, ours: bool) -> Iterator[Place]:
    """Yield what each pattern finds, the surest first; what one has taken, no later one reads again."""
    yield from ((*span, Taken.SECRET) for span in accounts.secrets(text))
    yield from ((*span, Taken.ACCOUNT) for span in accounts.accounts(text))
    read = facts(text)
    for fact in read:
        if fact.kind == "email":
            yield fact.start, fact.end, Taken.EMAIL
        elif fact.kind == "link":
            query = _QUERY.search(fact.text)
            start = fact.start if not ours else fact.start + query.start() if query else fact.end
            yield start, fact.end, Taken.LINK
    yield from ((*match.span(), Taken.NAME) for match in _HANDLE.finditer(text))
    yield from ((*span, Taken.ADDRESS) for span in addresses(text))
    for match in phonenumbers.PhoneNumberMatcher(text, None, phonenumbers.Leniency.POSSIBLE):
        yield match.start, match.end, Taken.PHONE
    for fact in read:
        if fact.kind == "phone":  # digits without a plus or a space may as well be an order's
            yield fact.start, fact.end, Taken.NUMBER if fact.text.isdigit() else Taken.PHONE
    harmless = [(fact.start, fact.end) for fact in read if fact.kind in _NUMBERED]
    for number in _LONG_NUMBER.finditer(text):
        if not any(start < number.end() and number.start() < end for start, end in harmless):
            yield *number.span(), Taken.NUMBER
    yield from ((*span, Taken.NAME) for span in names(text))
