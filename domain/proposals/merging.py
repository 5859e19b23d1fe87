"""When two questions, or two answers, seen in chats are the same."""

from collections.abc import Iterable

_SAME_QUESTION = 0.75
_SAME_ANSWER = 0.6
FACT = "fact:"
"""What a hard fact of an answer begins with in its `substance`, and whether it denies; the rest are stems."""


def same_question(one: Iterable[str], other: Iterable[str]) -> bool:
    """Return whether two questions ask the same, by the stems, days and kinds of answer in them."""
    mine, theirs = set(one), set(other)
    return bool(mine) and len(mine & theirs) >= _SAME_QUESTION * len(mine | theirs)


def same_answer(one: Iterable[str], other: Iterable[str]) -> bool:
    """Return whether two answers say the same: their facts are equal, and most of their words."""
    mine, theirs = set(one), set(other)
    if {part for part in mine if part.startswith(FACT)} != {part for part in theirs if part.startswith(FACT)}:
        return False
    return len(mine & theirs) >= _SAME_ANSWER * len(mine | theirs)
