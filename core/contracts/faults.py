"""Every error code that a send may carry: the one list for server, bridge and panel. It only grows within version 1.

A code says why a text is not with the customer, or why nobody can tell. The words for it are the panel's (`ui/views/faults.py`).
A newer bridge may report a code that is not here; it is stored and shown with general words.
"""

from enum import StrEnum
from typing import Final


class SendFault(StrEnum):
    """Why a send did not leave, or is in doubt."""

    # the text itself
    TEXT_EMPTY = "text_empty"
    TEXT_TOO_LONG = "text_too_long"
    CONTROL_CHARACTER = "control_character"
    TEXT_REFUSED = "text_refused"
    TEXT_DIFFERS = "text_differs"

    # the chat or its customer
    CHAT_NOT_FOUND = "chat_not_found"
    WRONG_CHAT = "wrong_chat"
    CHAT_SWITCHED = "chat_switched"
    NOT_ON_WHATSAPP = "not_on_whatsapp"
    RESTRICTED = "restricted"
    CONTACT_BLOCKED = "contact_blocked"
    COLD_MESSAGE = "cold_message"
    BOX_NOT_EMPTY = "box_not_empty"
    CHAT_LEFT_OUT = "chat_left_out"

    # the chat went on
    CHAT_MOVED = "chat_moved"
    PARTLY_SENT = "partly_sent"
    NEW_MESSAGE = "new_message"
    TAIL_UNKNOWN = "tail_unknown"
    WAITED_TOO_LONG = "waited_too_long"
    WITHDRAWN = "withdrawn"
    ARRIVED_LATE = "arrived_late"

    # a part before it
    PART_FAILED = "part_failed"
    PART_UNKNOWN = "part_unknown"

    # the page
    PAGE_CHANGED = "page_changed"
    PAGE_ERROR = "page_error"
    PAGE_STUCK = "page_stuck"
    NOT_LINKED = "not_linked"
    DIALOG_OPEN = "dialog_open"

    # the last look before the click
    GUARD_DEADLINE = "guard_deadline"
    GUARD_HEADER = "guard_header"
    GUARD_LABEL = "guard_label"
    GUARD_TAIL = "guard_tail"
    GUARD_DIALOG = "guard_dialog"
    GUARD_BOX = "guard_box"
    GUARD_BUTTON = "guard_button"
    GUARD_COVERED = "guard_covered"
    GUARD_TARGET = "guard_target"
    GUARD_PAGE = "guard_page"
    GUARD_SECOND = "guard_second"
    GUARD_LANDMARK = "guard_landmark"

    # the permission to click
    ARM_REFUSED = "arm_refused"
    ARMED_BEFORE = "armed_before"
    NOT_LEASED = "not_leased"
    NOT_FOUND = "not_found"
    GONE = "gone"
    CONFLICT = "conflict"
    OVER_BUDGET = "over_budget"

    # in doubt
    UNDECIDED = "undecided"
    ABSENT_UNPROVEN = "absent"
    ARMED_ELSEWHERE = "armed_elsewhere"
    TOLD_BEFORE = "told_before"
    BRIDGE_AWAY = "bridge_away"
    MESSAGE_FAILED = "message_failed"
    NO_EVIDENCE = "no_evidence"
    BUBBLE_TAKEN = "bubble_taken"
    PUT_BACK = "put_back"

    # a bridge that gave no reason
    SEND_STOPPED = "send_stopped"
    RETURNED = "returned"
    DISARMED = "disarmed"
    FAILED = "failed"


_GUARD: Final = "guard_"
_BY_CODE: Final = {fault.value: fault for fault in SendFault}


def fault_of(code: str | None) -> SendFault | None:
    """Return the fault that a code names, None where this build does not know it; a guard's code may end in what it missed."""
    if code is None:
        return None
    if code.startswith(_GUARD):
        code = code.split(":")[0]
    return _BY_CODE.get(code)


def guard_fault(reason: str) -> str:
    """Return the code for a click that the guard stopped; `reason` is one of `guard.js`, a landmark's name may follow a colon."""
    return f"{_GUARD}{reason}"[:60]
