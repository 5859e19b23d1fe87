"""Two bridges in short: the holder of the channel is stopped past its lease and woken, and every text arrives once."""

from pathlib import Path

import pytest

from tests.evals.crashtest.command import crashtest

STOPS = 6


@pytest.mark.timeout(600)  # about a minute on an idle machine
async def test_a_bridge_that_slept_sends_nothing_twice(servers_home: Path) -> None:
    found = await crashtest(servers_home / "two", "--two-bridges", "--stops", str(STOPS), "--seed", "5", "--quiet", "5")
    assert found["faults"] == []
    assert (found["duplicates"], found["lost"], found["wrong_chat"]) == (0, 0, 0)
    assert (found["stops"], found["cut_short"]) == (STOPS, False)
    assert found["takeovers"] >= STOPS - 1
    assert found["stops_between_arm_and_click"] >= 1
