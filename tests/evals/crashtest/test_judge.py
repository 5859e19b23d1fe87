"""The judge of the crash test finds each fault that it is there for, and nothing in an honest run."""

from typing import Any

import pytest

from evals.crashtest.judge import judge
from evals.crashtest.phones import Received

PHONE = {"one": "anna", "two": "ben"}


def row(text: str, status: str, *, at: int = 1) -> dict[str, Any]:
    return {"id": f"{text}-{at}", "text": text, "status": status, "queued_at": f"2026-01-0{at}", "error_code": None}


def got(chat: str, text: str, message: str = "m") -> Received:
    return Received(chat, message, text)


def test_an_honest_run_has_no_fault() -> None:
    verdict = judge([row("one", "read"), row("two", "sent")], [got("anna", "one"), got("ben", "two")], PHONE, set())
    assert (verdict.sends, verdict.received, verdict.faults) == (2, 2, ())


def test_twice_on_a_phone_is_a_duplicate_whatever_the_api_says() -> None:
    rows = [row("one", "returned"), row("one", "sent", at=2)]
    verdict = judge(rows, [got("anna", "one"), got("anna", "one")], PHONE, set())
    assert (verdict.sends, verdict.duplicates, verdict.lost) == (1, 1, 0)


@pytest.mark.parametrize("status", ["sent", "read", "failed", "armed", "queued", "expired"])
def test_what_no_phone_has_and_nobody_was_told_of_is_lost(status: str) -> None:
    assert judge([row("one", status)], [], PHONE, set()).lost == 1


@pytest.mark.parametrize("status", ["returned", "unknown", "abandoned"])
def test_what_staff_were_told_of_is_not_lost(status: str) -> None:
    verdict = judge([row("one", status)], [], PHONE, set())
    assert (verdict.lost, verdict.unknown) == (0, status != "returned")


def test_sent_again_after_it_came_back_and_not_arrived_is_lost() -> None:
    assert judge([row("one", "returned"), row("one", "sent", at=2)], [], PHONE, set()).lost == 1


def test_another_phone_is_the_wrong_chat() -> None:
    verdict = judge([row("one", "sent")], [got("ben", "one"), got("ben", "never approved")], PHONE, set())
    assert verdict.wrong_chat == 2


def test_a_send_that_staff_were_asked_about_counts_as_unknown_also_when_it_arrived() -> None:
    assert judge([row("one", "sent")], [got("anna", "one")], PHONE, {"one-1"}).unknown == 1
