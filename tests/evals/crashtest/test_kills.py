"""The crash test in short: fifty approved texts reach the phones once each while the desk's processes are killed."""

from pathlib import Path

import pytest

from tests.evals.crashtest.command import crashtest

KILLS = 10


@pytest.mark.timeout(900)  # minutes on an idle machine; here it shares its processors with other suites
async def test_fifty_sends_under_kills_leave_once_each(servers_home: Path) -> None:
    found = await crashtest(
        servers_home / "kills", "--sends", "50", "--kills", str(KILLS), "--seed", "11", "--quiet", "10"
    )
    assert found["faults"] == []
    assert (found["duplicates"], found["lost"], found["wrong_chat"], found["settled_late"]) == (0, 0, 0, 0)
    assert (found["sends"], found["kills"], found["cut_short"]) == (50, KILLS, False)
    assert found["kills_between_lease_and_report"] >= KILLS / 2
