"""The benchmarks of the bridge run on real processes, and the judge of the near-equal titles sees what it must see."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from evals.bench.send import measure as measure_sends
from evals.bench.titles import TITLES
from evals.bench.wrongchat import Score
from evals.bench.wrongchat import measure as measure_titles

SHORT = 16


@pytest.mark.timeout(600)
async def test_among_near_equal_titles_nothing_reaches_another_chat(tmp_path: Path) -> None:
    figures = await measure_titles(SHORT, random.Random(5), tmp_path)
    assert {name: figures[name] for name in ("wrong_chat", "duplicates", "lost", "left_in_boxes")} == {
        "wrong_chat": 0, "duplicates": 0, "lost": 0, "left_in_boxes": 0,
    }  # fmt: skip
    assert figures["sent"] >= SHORT * 0.9  # refusing everything is no way to be right


@pytest.mark.slow
@pytest.mark.timeout(7200)
async def test_a_thousand_among_near_equal_titles(tmp_path: Path) -> None:
    figures = await measure_titles(1000, random.Random(11), tmp_path)
    assert figures["wrong_chat"] == figures["duplicates"] == figures["lost"] == figures["left_in_boxes"] == 0
    assert figures["sent"] >= 990


@pytest.mark.timeout(300)
async def test_sends_are_measured_beside_a_bare_script(tmp_path: Path) -> None:
    figures = await measure_sends(5, 2, tmp_path)
    assert figures["sends"] == 7
    assert 0 < figures["send_ms_p50"] <= figures["send_ms_p95"]
    assert figures["bare_script_ms_p50"] > 0
    assert figures["paced_200_chars_ms_p95"] > 2000
    assert figures["browser_memory_mb"] > 20


def test_the_judge_counts_what_went_wrong() -> None:
    score = Score(wanted={"a": "1", "b": "2", "c": "3"}, sent={"a", "b", "c"})
    figures = score.figures([("1", "a"), ("1", "a"), ("9", "b")], {"4": "c", "5": "a person's own"})
    assert (figures["wrong_chat"], figures["duplicates"], figures["lost"], figures["left_in_boxes"]) == (1, 1, 1, 1)
    clean = Score(wanted={"a": "1"}, sent={"a"}).figures([("1", "a")], {})
    assert (clean["sent"], clean["wrong_chat"], clean["duplicates"], clean["lost"]) == (1, 0, 0, 0)


def test_the_titles_are_forty_and_some_repeat() -> None:
    assert len(TITLES) == 40
    assert len(set(TITLES)) == 38


def test_a_rehearsal_refuses_a_page_that_is_not_on_this_computer(tmp_path: Path) -> None:
    done = subprocess.run(
        [str(Path(sys.executable).parent / "waxos"), "bridge", "rehearse"],
        env={"WAXOS_BRIDGE__PAGE_URL": "https://chat.example/", "WAXOS_BRIDGE__HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert "this computer only" in done.stderr
    assert not (tmp_path / "profile").exists()
