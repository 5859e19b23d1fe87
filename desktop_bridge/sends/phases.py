"""The send state machine as a table: which step may follow which, and what a crash after each of them means."""

from collections.abc import Mapping
from enum import StrEnum

from core.contracts.bridge import ABSENCE_PROOF, NEVER_CLICKED, SendOutcome
from core.contracts.states import Tick
from desktop_bridge.sends.ports import Sighting


class Phase(StrEnum):
    """Steps of one attempt. Each is on disk before the next act begins."""

    LEASED = "leased"
    OPENED = "opened"
    TYPED = "typed"
    ARM_REQUESTED = "arm_requested"
    ARMED = "armed"
    CLICKED = "clicked"
    READ_BACK = "read_back"
    REPORTED = "reported"


FOLLOWS: Mapping[Phase, frozenset[Phase]] = {
    Phase.LEASED: frozenset({Phase.OPENED, Phase.READ_BACK}),
    Phase.OPENED: frozenset({Phase.TYPED, Phase.READ_BACK}),
    Phase.TYPED: frozenset({Phase.ARM_REQUESTED, Phase.READ_BACK}),
    Phase.ARM_REQUESTED: frozenset({Phase.ARMED, Phase.READ_BACK}),
    Phase.ARMED: frozenset({Phase.CLICKED, Phase.READ_BACK}),
    Phase.CLICKED: frozenset({Phase.READ_BACK}),
    Phase.READ_BACK: frozenset({Phase.REPORTED}),
    Phase.REPORTED: frozenset(),
}
"""`read_back` stands for a known outcome, also one that was reached without a click."""

MAY_HAVE_CLICKED = frozenset({Phase.ARMED, Phase.CLICKED})
"""Between these two the click happens: only reading the chat can tell."""

REPEATABLE = frozenset(
    {SendOutcome.ABSENT, SendOutcome.DISARMED, SendOutcome.RETURNED, SendOutcome.FAILED, SendOutcome.POSTPONED}
)
"""Outcomes after which nothing of the attempt has left, so that a new attempt may begin."""


class Recovery(StrEnum):
    """What to do with an attempt that a crash left behind."""

    BEGIN_ANEW = "begin_anew"
    NEVER_CLICKED = "never_clicked"
    SETTLE = "settle"
    REPORT_AGAIN = "report_again"
    DONE = "done"


def recovery(phase: Phase, outcome: SendOutcome | None) -> Recovery:
    """Say how to go on with an attempt found in the journal."""
    if phase is Phase.READ_BACK:
        return Recovery.REPORT_AGAIN
    if phase is Phase.REPORTED:
        return Recovery.BEGIN_ANEW if outcome in REPEATABLE else Recovery.DONE
    if phase in MAY_HAVE_CLICKED:
        return Recovery.SETTLE
    return Recovery.NEVER_CLICKED if phase is Phase.ARM_REQUESTED else Recovery.BEGIN_ANEW


def settled_by(sighting: Sighting, *, own: bool) -> tuple[SendOutcome, dict[str, bool | str | int | None]]:
    """Decide what a look at the chat proves after the deadline and its margin have passed.

    `own` says that this installation armed the send; nobody else may conclude that it is absent. Nor may anybody while a bubble
    stands there that might be it.
    """
    evidence: dict[str, bool | str | int | None] = {
        "browser_restarted": sighting.browser_restarted,
        "page_online": sighting.page_online,
        "page_synced": sighting.page_synced,
        "tail_on_screen": sighting.tail_on_screen,
        "nothing_pending": sighting.nothing_pending,
        "deadline_passed": True,
    }
    if sighting.external_id is not None:
        found = SendOutcome.UNKNOWN if sighting.tick is Tick.FAILED else SendOutcome.SENT
        return found, evidence
    if own and not sighting.others and all(evidence[proof] for proof in ABSENCE_PROOF):
        return SendOutcome.ABSENT, evidence
    return SendOutcome.UNKNOWN, evidence


def never_clicked() -> dict[str, bool | str | int | None]:
    """Return the evidence of an attempt whose journal ends before `armed`."""
    return {NEVER_CLICKED: True}
