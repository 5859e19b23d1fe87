"""Which number of a date is the day and which the month, by the evidence of the whole file; never by one line."""

from collections.abc import Sequence
from datetime import date
from itertools import pairwise

from core.contracts.history import DateOrder
from domain.history.headers import Header, is_dotted
from domain.knowledge.documents import Unreadable

_FIRST_YEAR = 2009
"""WhatsApp began then."""
_LAST_YEAR = 2100
_FAR_FEWER = 10

Numbers = tuple[int, int, int]


class DateOrderUnclear(Unreadable):
    """Every date of the file can be read in two ways, so only a person knows."""

    code = "date_order_unclear"


def decide(found: Sequence[Header], asked: DateOrder | None) -> DateOrder:
    """Return the order in which the dates are written; `asked` is what a person says of it.

    An order falls that would give a day which no calendar has, and then one by which time would run backwards again and again.

    Raises:
        DateOrderUnclear: two orders are left.
        Unreadable: no order fits, or not the one asked for.
    """
    numbers = [header.date for header in found]
    distinct = set(numbers)
    if asked is not None:
        if not _fits(distinct, asked):
            raise Unreadable(
                f"The dates of the file cannot be read in the order {asked.value}.",
                hint="Leave the order out, or name another one: dmy, mdy or ymd.",
            )
        return asked
    fitting = [order for order in (DateOrder.DMY, DateOrder.MDY) if _fits(distinct, order)]
    if is_dotted(found[0]) and DateOrder.DMY in fitting:
        return DateOrder.DMY
    if not fitting and _fits(distinct, DateOrder.YMD):
        return DateOrder.YMD
    if not fitting:
        raise Unreadable(
            "The dates of the file fit no calendar.", hint="Export the chat once more and upload that file as it is."
        )
    if len(fitting) == 1 or all(first == second for first, second, _ in distinct):
        return fitting[0]
    return _by_time(numbers, fitting)


def day(numbers: Numbers, order: DateOrder) -> date:
    """Return the day that three numbers name in an order. Raises ValueError where no calendar has it."""
    first, second, third = numbers
    match order:
        case DateOrder.DMY:
            year, month, number = third, second, first
        case DateOrder.MDY:
            year, month, number = third, first, second
        case DateOrder.YMD:
            year, month, number = first, second, third
    year = year + 2000 if year < 100 else year
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        raise ValueError(f"{year} is no year of WhatsApp")
    return date(year, month, number)


def _fits(distinct: set[Numbers], order: DateOrder) -> bool:
    try:
        for numbers in distinct:
            day(numbers, order)
    except ValueError:
        return False
    return True


def _by_time(numbers: Sequence[Numbers], fitting: Sequence[DateOrder]) -> DateOrder:
    backwards = {order: _backwards(numbers, order) for order in fitting}
    best, other = sorted(fitting, key=lambda order: backwards[order])
    if backwards[best] * _FAR_FEWER < backwards[other]:
        return best
    raise DateOrderUnclear(
        "Every date of the file can be read with the day first or with the month first.",
        hint="Say which it is with the date order: dmy (31/12) or mdy (12/31).",
    )


def _backwards(numbers: Sequence[Numbers], order: DateOrder) -> int:
    """Count steps back by more than a day: a message that was delivered late goes back by less."""
    return sum((day(b, order) - day(a, order)).days < -1 for a, b in pairwise(numbers) if a != b)
