"""Taking out of a past chat what tells who the customer is, before anything of it is kept."""

import re
from collections import Counter
from dataclasses import replace

from agents.historian.naming import Names
from agents.text.personal import personal
from core.contracts.history import PastChat, PastMessage, Taken
from core.contracts.states import Direction


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
        for start, end, kind in reversed(personal(text, self._names.spans, ours=ours)):
            self.counts[kind] += 1
            text = text[:start] + kind.mark + text[end:]
        return _joined(text)


def _joined(text: str) -> str:
    """Say "[name]" once where first and family name stood side by side."""
    return re.sub(r"\[name\](?:[\s-]+\[name\])+", "[name]", text)
