"""Who of a chat is the business and who the customer: as the caller says, else by rules that say why."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.contracts.history import PastChat, PastKind, PastMessage, SideReason
from core.contracts.states import Direction
from domain.history.notices import is_about_encryption, notices
from domain.knowledge.documents import Unreadable

_NUMBER = re.compile(r"\+?[\d\s().\u2011\u00a0\u202f-]{7,}")


class BusinessUnclear(Unreadable):
    """Nothing tells which of the two is the business; `current` has their names."""

    code = "business_unclear"


@dataclass(frozen=True, slots=True)
class Sided:
    """The chat with a direction on each message, and how the business was told."""

    chat: PastChat
    reason: SideReason


def take_sides(messages: Sequence[PastMessage], business: str | None, other: str | None) -> Sided:
    """Give each message its direction. `business` is its name in the chat, `other` whose chat the file's name says it is.

    Raises:
        BusinessUnclear: no rule tells.
        Unreadable: a group, a chat of one alone, or nobody in it has the name given.
    """
    spoken = Counter(m.author for m in messages if m.author is not None and m.kind is not PastKind.SYSTEM)
    authors = [author for author, _ in spoken.most_common()]
    if len(authors) > 2:
        raise Unreadable(
            f"This is the chat of a group: {len(authors)} people write in it.",
            hint="Only chats with one customer can be learnt from; export one of those.",
        )
    if len(authors) < 2:
        raise Unreadable(
            "Only one side writes in this chat, so there is no answer in it.",
            hint="Export a chat with questions and answers.",
        )
    ours, reason = _ours(authors, messages, business, other)
    (customer,) = (author for author in authors if author != ours)
    names = [customer, *([other] if other and not _same(other, ours) and other != customer else [])]
    return Sided(PastChat([_sided(message, ours) for message in messages], ours, names), reason)


def _sided(message: PastMessage, ours: str) -> PastMessage:
    if message.author is None or message.kind is PastKind.SYSTEM:
        return message
    return replace(message, direction=Direction.OUT if message.author == ours else Direction.IN)


def _ours(
    authors: Sequence[str], messages: Sequence[PastMessage], business: str | None, other: str | None
) -> tuple[str, SideReason]:
    if business is not None:
        named = [author for author in authors if _same(author, business)]
        if len(named) != 1:
            raise _unclear("Nobody in this chat is called like that.", authors)
        return named[0], SideReason.NAMED
    a, b = authors
    noticed = next((m.author for m in messages if m.author in authors and is_about_encryption(m)), None)
    theirs = [
        (next((author for author in authors if other and _same(author, other)), None), SideReason.FILE_NAME),
        (noticed, SideReason.NOTICE),
    ]
    for customer, reason in theirs:
        if customer is not None:
            return (b if customer == a else a), reason
    me = [author for author in authors if author.casefold() in notices().me]
    if len(me) == 1:
        return me[0], SideReason.ME
    numbers = [author for author in authors if _NUMBER.fullmatch(author)]
    if len(numbers) == 1:
        return (b if numbers[0] == a else a), SideReason.NUMBER
    raise _unclear("Nothing in the file tells which of the two in it is the business.", authors)


def _same(name: str, other: str) -> bool:
    return " ".join(name.casefold().split()) == " ".join(other.casefold().split())


def _unclear(detail: str, authors: Sequence[str]) -> BusinessUnclear:
    return BusinessUnclear(
        detail, hint="Give the name of the business as it stands in the chat.", current={"authors": list(authors)}
    )
