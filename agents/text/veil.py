"""What tells a provider who the customer is, put under placeholders before a call and put back after it.

The same value has the same placeholder throughout a call. Postal addresses, links and dates stay: answers are about them.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from agents.historian.naming import Names
from agents.text.personal import Place, personal
from core.contracts.history import PastChat, PastMessage, Taken
from core.contracts.reasoning import Conversation

_HIDDEN = frozenset({Taken.SECRET, Taken.ACCOUNT, Taken.EMAIL, Taken.PHONE, Taken.NUMBER, Taken.NAME})
_PLACEHOLDER = re.compile(
    rf"[\[(⟨<{{]{{1,2}}({'|'.join(sorted(_HIDDEN))})[-_](\d{{1,3}})[\])⟩>}}]{{1,2}}", re.IGNORECASE
)
NOTE = "Marks such as [phone-1] or [name-1] stand for words that you are not shown: where you need one, copy the mark as it stands."


class Veil:
    """The placeholders of one call. `more` are further texts about this customer, as what was looked up for the chat."""

    def __init__(self, conversation: Conversation, more: Iterable[str] = ()) -> None:
        turns = [turn for turn in (*conversation.history, *conversation.burst) if turn.text]
        past = [PastMessage(turn.at, None, turn.text or "", direction=turn.direction) for turn in turns]
        called = [conversation.contact_name] if conversation.contact_name else []
        self._names = Names(PastChat(past, "", called), conversation.language)
        self._marks: dict[str, str] = {}
        self._values: dict[str, str] = {}
        self._counts: dict[Taken, int] = {}
        for text in (*called, *(turn.text or "" for turn in turns), *more):
            for start, end, kind in self._places(text):
                self._mark(text[start:end], kind)
        self._known = self._pattern()

    @property
    def used(self) -> bool:
        """Whether anything is hidden at all."""
        return bool(self._marks)

    def over(self, text: str) -> str:
        """Return a text with placeholders for all that was found in the conversation."""
        if self._known is None:
            return text
        hidden = self._known.sub(lambda match: self._marks[match.group()], text)
        marks = [match.span() for match in _PLACEHOLDER.finditer(hidden)]
        for start, end in sorted(self._names.spans(hidden), reverse=True):
            if not any(begins <= start < ends for begins, ends in marks):
                hidden = hidden[:start] + self._mark(hidden[start:end], Taken.NAME) + hidden[end:]
        return hidden

    def off(self, text: str) -> str:
        """Return a text with the values back in place of their placeholders; one that stands for nothing stays."""
        return _PLACEHOLDER.sub(lambda match: self._values.get(_plain(match), match.group()), text)

    def off_all(self, value: Any) -> Any:
        """Return texts in lists and mappings with the values back in place."""
        if isinstance(value, str):
            return self.off(value)
        if isinstance(value, Mapping):
            return {name: self.off_all(inner) for name, inner in value.items()}
        return [self.off_all(inner) for inner in value] if isinstance(value, list) else value

    def unknown(self, answer: Mapping[str, Any]) -> str | None:
        """Say which placeholder of an answer stands for nothing, none where all do; there is no reply with a hole in it."""
        for text in _texts(answer):
            for match in _PLACEHOLDER.finditer(text):
                if _plain(match) not in self._values:
                    return f"the mark {match.group()} stands for nothing that you were given"
        return None

    def _places(self, text: str) -> Iterator[Place]:
        yield from personal(text, self._names.spans, ours=False, kinds=_HIDDEN)

    def _mark(self, value: str, kind: Taken) -> str:
        if value not in self._marks:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            name = f"{kind.value}-{self._counts[kind]}"
            self._marks[value], self._values[name] = f"[{name}]", value
        return self._marks[value]

    def _pattern(self) -> re.Pattern[str] | None:
        if not self._marks:
            return None
        ordered = sorted(self._marks, key=len, reverse=True)
        return re.compile("|".join(rf"(?<![^\W_]){re.escape(value)}(?![^\W_])" for value in ordered))


def _plain(match: re.Match[str]) -> str:
    return f"{match[1].lower()}-{match[2]}"


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)
