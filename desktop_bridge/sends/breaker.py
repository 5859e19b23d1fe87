"""The breaker: stops taking sends when they fail in a row, and takes them again when the page is proven to be in order. Pure.

Closed → three bad sends in a row → open → a probe after a wait that grows → closed on probation, where one bad send opens it again.
A good send ends the probation. Being asked by a person counts as a first probe, at once.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from core.contracts.bridge import SendOutcome, SendReport
from core.contracts.sessions import Breaker, BreakerState
from core.contracts.states import Tick
from desktop_bridge.errors import PageChanged

MOST_FAILURES = 3
FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(minutes=30)

_ACKED = frozenset({Tick.SENT, Tick.DELIVERED, Tick.READ})


class Result(StrEnum):
    """What a send says about the page: `neutral` ones stopped for a reason of their own (a newer message, somebody's draft)."""

    GOOD = "good"
    BAD = "bad"
    NEUTRAL = "neutral"


def result_of(report: SendReport | None) -> Result:
    """Judge what was reported of a send that began and ended on this page."""
    if report is None or report.code == PageChanged.code:
        return Result.BAD
    if report.outcome is SendOutcome.SENT:
        return Result.GOOD if report.tick in _ACKED else Result.BAD
    return Result.BAD if report.outcome in {SendOutcome.UNKNOWN, SendOutcome.ABSENT} else Result.NEUTRAL


def after_send(
    before: Breaker, result: Result, now: datetime, *, reason: str, screenshot: str | None = None
) -> Breaker:
    """Return the breaker after a send. What happens while it is open settles old sends and opens nothing further."""
    if before.state is not BreakerState.CLOSED or result is Result.NEUTRAL:
        return before
    if result is Result.GOOD:
        return Breaker()
    failures = before.failures + 1
    kept = before.model_copy(update={"failures": failures, "reason": reason, "screenshot": screenshot})
    return _opened(kept, now) if failures >= MOST_FAILURES else kept


def is_due(breaker: Breaker, now: datetime) -> bool:
    """Tell whether it is time to probe. One that was left in the middle of a probe is due at once."""
    if breaker.state is BreakerState.TRYING:
        return True
    return breaker.state is BreakerState.OPEN and (breaker.retry_at is None or breaker.retry_at <= now)


def trying(before: Breaker) -> Breaker:
    """Return the breaker while the page is being probed."""
    return before.model_copy(update={"state": BreakerState.TRYING, "tries": before.tries + 1})


def tried(before: Breaker, now: datetime, *, fault: str | None, screenshot: str | None = None) -> Breaker:
    """Return the breaker after a probe: closed on probation without a `fault`, else open for longer than before."""
    if fault is None:
        return Breaker(failures=MOST_FAILURES - 1, tries=before.tries)
    return _opened(before.model_copy(update={"reason": fault, "screenshot": screenshot or before.screenshot}), now)


def asked(before: Breaker, now: datetime) -> Breaker:
    """Return the breaker after a person asked it to try again: due now, and with the first wait if that fails."""
    if before.state is BreakerState.CLOSED:
        return before
    return before.model_copy(update={"state": BreakerState.OPEN, "tries": 0, "retry_at": now})


def wait_after(tries: int) -> timedelta:
    """Return the wait before the next probe: doubling, at most half an hour."""
    return min(FIRST_WAIT * (1 << min(tries, 16)), LONGEST_WAIT)


def _opened(before: Breaker, now: datetime) -> Breaker:
    return before.model_copy(
        update={
            "state": BreakerState.OPEN,
            "failures": max(before.failures, MOST_FAILURES),
            "opened_at": before.opened_at or now,
            "retry_at": now + wait_after(before.tries),
        }
    )
