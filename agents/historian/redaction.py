"""Taking out of a past chat what tells who the customer is, before anything of it is kept."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import phonenumbers

from agents.historian.naming import Names
from agents.text import accounts
from agents.text.facts import addresses, facts
from core.contracts.history import PastChat, PastMessage, Taken
from core.contracts.states import Direction

_LONG_NUMBER = re.compile(r"(?<!\d)\d(?:[ \-/.]?\d){5,}(?!\d)")
_NUMBERED = frozenset({"money", "date", "time", "percent"})
_QUERY = re.compile(r"[?#]\S*$")
_HANDLE = re.compile(r"(?<![\w@.])@[\w.]{3,30}")


class Redactor:
    """Redacts the messages of one chat; `counts` says of what kind how much was taken out."""

    def __init__(self, chat: PastChat, language: str | None) -> None:
        self._names = Names(chat, language)
        self.counts: Counter[Taken] = Counter()

    def message(self, message: PastMessage) -> PastMessage:
        """Return a message without its author's name and with a redacted text."""
        return replace(message, author=None, text=self.text(message.text, ours=message.direction is Direction.OUT))

    def text(self, text: str, *, ours: bool) -> str:
        """Return a text with marks in place of what it gave away. Links of the business stay, without what follows a question mark."""
        taken = [False] * len(text)
        found: list[tuple[int, int, Taken]] = []
        for start, end, kind in self._readings(text, ours=ours):
            if start < end and not any(taken[start:end]):
                taken[start:end] = [True] * (end - start)
                found.append((start, end, kind))
        for start, end, kind in sorted(found, reverse=True):
            self.counts[kind] += 1
            text = text[:start] + kind.mark + text[end:]
        return _joined(text)

    def _readings(self, text: str, *, ours: bool) -> Iterator[tuple[int, int, Taken]]:
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
        yield from ((*span, Taken.NAME) for span in self._names.spans(text))


def _joined(text: str) -> str:
    """Say "[name]" once where first and family name stood side by side."""
    return re.sub(r"\[name\](?:[\s-]+\[name\])+", "[name]", text)
