"""The messages of an export, from its text alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time

from core.contracts.history import DateOrder, PastKind, PastMessage
from domain.history.dates import day, decide
from domain.history.headers import Header, headers
from domain.history.notices import classify, split_author
from domain.knowledge.documents import Unreadable

MOST_MESSAGES = 200_000


@dataclass(frozen=True, slots=True)
class Export:
    """A file's messages in its order, and in which order it writes its dates."""

    messages: Sequence[PastMessage]
    order: DateOrder


def read_export(text: str, order: DateOrder | None = None) -> Export:
    """Return the messages of an export; `order` is for files whose dates can be read in two ways.

    Raises:
        DateOrderUnclear: they can, and nobody said which is right.
        Unreadable: it is no export, or too long.
    """
    lines = text.split("\n")  # not splitlines: texts may hold other characters that end a line for it
    found = headers(lines)
    if len(found) > MOST_MESSAGES:
        raise Unreadable(
            f"The chat has more than {MOST_MESSAGES:,} messages.", hint="Cut the file in two and upload the newer half."
        )
    decided = decide(found, order)
    ends = [*(header.line for header in found[1:]), len(lines)]
    messages = [_message(header, lines, end, decided) for header, end in zip(found, ends, strict=True)]
    return Export(messages, decided)


def _message(header: Header, lines: Sequence[str], end: int, order: DateOrder) -> PastMessage:
    at = datetime.combine(day(header.date, order), time(header.hour, header.minute, header.second))
    rest = "\n".join([lines[header.line][header.end :], *lines[header.line + 1 : end]])
    first, newline, more = rest.partition("\n")
    author, said = split_author(first)
    if author is None:
        return PastMessage(at, None, said, PastKind.SYSTEM)
    kind, text, edited = classify(said + newline + more)
    return PastMessage(at, author, text, kind, edited)
