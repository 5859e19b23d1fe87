"""Every code that a send can carry is in the one list: of the bridge's errors, its guard, and the server's own."""

import re
from pathlib import Path

import pytest

from core.contracts.faults import SendFault, fault_of, guard_fault
from core.contracts.texts import TextFault
from desktop_bridge import errors

ROOT = Path(__file__).parents[3]
GUARD = (ROOT / "desktop_bridge/page/guard.js").read_text(encoding="utf-8")
CLICK = (ROOT / "desktop_bridge/page/click.py").read_text(encoding="utf-8")
ELSEWHERE = {"bridge_error", "journal_error", "journal_unwritable", "journal_damaged", "wrong_password"}
"""Codes of errors that end in no report about a send."""


def kinds(base: type[errors.BridgeError]) -> set[type[errors.BridgeError]]:
    return {base}.union(*(kinds(kind) for kind in base.__subclasses__()))


@pytest.mark.parametrize(
    "code", sorted({kind.code for kind in kinds(errors.BridgeError) if kind.__module__ == errors.__name__} - ELSEWHERE)
)
def test_each_error_of_the_bridge_is_in_the_list(code: str) -> None:
    assert fault_of(code) is not None


@pytest.mark.parametrize("fault", TextFault)
def test_each_fault_of_a_text_is_in_the_list(fault: TextFault) -> None:
    assert fault_of(fault) is not None


def test_each_reason_of_the_guard_is_in_the_list() -> None:
    said = set(re.findall(r'return "(\w+)"|reason = "(\w+)"|reason: "(\w+)"|"(button)"', GUARD))
    said |= {(word,) for word in re.findall(r'reason="(\w+)"', CLICK)}
    reasons = {word for found in said for word in found if word}
    assert {"deadline", "header", "tail", "covered", "second", "target", "page", "button"} <= reasons
    assert [reason for reason in reasons if fault_of(guard_fault(reason)) is None] == []
    assert fault_of(guard_fault("landmark:send_button")) is SendFault.GUARD_LANDMARK


def test_each_code_that_server_and_bridge_write_is_in_the_list() -> None:
    files = [*(ROOT / "domain/sends").glob("*.py"), ROOT / "desktop_bridge/sends/machine.py"]
    written = {code for file in files for code in re.findall(r'_code = "(\w+)"|code="(\w+)"', file.read_text("utf-8"))}
    codes = {code for pair in written for code in pair if code} - {
        "lease_lost",
        "answer_window",
        "over_limit",
        "channel_stopped",
        "not_png",
    }
    assert len(codes) > 3
    assert [code for code in codes if fault_of(code) is None] == []


def test_what_a_newer_bridge_says_is_no_error() -> None:
    assert fault_of("tomorrows_code") is None
    assert fault_of(None) is None
