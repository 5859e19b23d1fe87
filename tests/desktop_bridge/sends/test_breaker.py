"""The breaker under every order of things: it never opens early, never closes without a proof, and waits ever longer."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from core.contracts.bridge import SendOutcome, SendReport
from core.contracts.ids import new_id
from core.contracts.sessions import Breaker, BreakerState
from core.contracts.states import Tick
from desktop_bridge.sends.breaker import (
    FIRST_WAIT,
    LONGEST_WAIT,
    MOST_FAILURES,
    Result,
    after_send,
    asked,
    is_due,
    result_of,
    tried,
    trying,
    wait_after,
)

START = datetime(2026, 3, 2, tzinfo=UTC)


class AnyLife(RuleBasedStateMachine):
    """Sends, probes, people and restarts in every order."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker, self.now = Breaker(), START
        self.row = 0
        self.probation = False
        self.longest = timedelta(0)

    @rule(result=st.sampled_from(Result))
    def send(self, result: Result) -> None:
        closed, before = self.breaker.state is BreakerState.CLOSED, self.breaker
        self.breaker = after_send(before, result, self.now, reason="no read-back")
        if not closed:
            assert self.breaker == before, "what is settled while it is open changes nothing"
        elif result is Result.GOOD:
            assert self.breaker == Breaker()
            self.row, self.probation, self.longest = 0, False, timedelta(0)
        elif result is Result.BAD:
            self.row += 1
            self._opened(must=self.probation or self.row == MOST_FAILURES)
        else:
            assert self.breaker == before

    @rule(seconds=st.integers(1, 4000), found=st.booleans())
    def probe(self, seconds: int, found: bool) -> None:
        self.now += timedelta(seconds=seconds)
        if not is_due(self.breaker, self.now):
            return
        self.breaker = tried(trying(self.breaker), self.now, fault=None if found else "no box")
        if found:
            assert self.breaker.state is BreakerState.CLOSED
            self.row, self.probation = 0, True
        else:
            self._opened(must=True)

    @rule()
    def person(self) -> None:
        closed = self.breaker.state is BreakerState.CLOSED
        self.breaker = asked(self.breaker, self.now)
        assert is_due(self.breaker, self.now) is not closed
        self.longest = timedelta(0)

    @rule()
    def restart(self) -> None:
        self.breaker = Breaker.model_validate_json(self.breaker.model_dump_json())

    def _opened(self, *, must: bool) -> None:
        assert (self.breaker.state is BreakerState.OPEN) == must
        if must:
            assert self.breaker.reason is not None
            assert self.breaker.retry_at is not None
            wait = self.breaker.retry_at - self.now
            assert self.longest <= wait <= LONGEST_WAIT, "each wait is at least as long as the one before"
            self.longest = wait
            self.row = 0


TestAnyLife = AnyLife.TestCase


def test_the_wait_doubles_up_to_half_an_hour() -> None:
    assert [wait_after(n) for n in range(3)] == [FIRST_WAIT, 2 * FIRST_WAIT, 4 * FIRST_WAIT]
    assert wait_after(10_000) == LONGEST_WAIT


def test_one_left_in_the_middle_of_a_probe_is_probed_at_once() -> None:
    bad = Breaker()
    for _ in range(MOST_FAILURES):
        bad = after_send(bad, Result.BAD, START, reason="no read-back", screenshot="changed-box.png")
    assert (bad.state, bad.screenshot, is_due(bad, START)) == (BreakerState.OPEN, "changed-box.png", False)
    assert is_due(trying(bad), START)
    assert is_due(asked(bad, START), START)


@pytest.mark.parametrize(
    ("outcome", "tick", "code", "result"),
    [
        (SendOutcome.SENT, Tick.SENT, None, Result.GOOD),
        (SendOutcome.SENT, Tick.READ, None, Result.GOOD),
        (SendOutcome.SENT, Tick.PENDING, None, Result.BAD),
        (SendOutcome.SENT, None, None, Result.BAD),
        (SendOutcome.UNKNOWN, None, "not_found", Result.BAD),
        (SendOutcome.ABSENT, None, "not_found", Result.BAD),
        (SendOutcome.RETURNED, None, "page_changed", Result.BAD),
        (SendOutcome.RETURNED, None, "box_not_empty", Result.NEUTRAL),
        (SendOutcome.FAILED, None, "text_differs", Result.NEUTRAL),
        (SendOutcome.DISARMED, None, "guard_tail", Result.NEUTRAL),
        (SendOutcome.POSTPONED, None, "over_budget", Result.NEUTRAL),
    ],
)
def test_what_a_send_says_about_the_page(
    outcome: SendOutcome, tick: Tick | None, code: str | None, result: Result
) -> None:
    said = SendReport(epoch=1, installation_id=new_id(), outcome=outcome, tick=tick, code=code)
    assert result_of(said) is result
