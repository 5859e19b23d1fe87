"""What can go wrong between the bridge and the page.

BridgeError (a WaxosError)
├── PageError               the page cannot be used as it is
│   ├── PageChanged         a landmark is missing, matches several things or has another role; names the screenshot
│   ├── PageStuck           the browser does not answer
│   └── NotLinked           the page is not a linked, online chat page
├── JournalError
│   ├── JournalUnwritable   the disk is full or refuses a change; nothing of the change was kept, and waiting may heal it
│   └── JournalDamaged      what is read from the journal was altered by somebody else
├── WrongPassword           the owner's AI key does not open; `retry_after` says how long the next try has to wait
└── SendStopped             this send may not go on, and nothing of it has left
    ├── ChatNotFound        no row carries the title
    ├── NotOnWhatsApp       the page says that the number has no account
    ├── DialogOpen          a question stands over the page, which only a person may answer
    ├── ChatNotProven       a chat of that title is open, but no known message proves that it is the right one
    ├── ChatSwitched        another chat or field was chosen while the text was typed
    ├── BoxNotEmpty         somebody's own draft stands in the box
    ├── TextDiffers         the box does not hold exactly the approved text
    ├── ChatRestricted      the page allows no writing here (for admins only, a restricted account)
    ├── ContactBlocked      the business itself has blocked this contact
    ├── Withdrawn           the send was cancelled while it was being typed
    ├── ArmRefused          the authority does not allow the click (a new message, a lost lease, a cancelled send)
    ├── TextRefused         no chat takes this text: too long, empty, control characters
    ├── ChatLeftOut         the owner's choice does not take this chat in
    ├── ColdMessage         nobody wrote to us in this chat
    └── OverBudget          the bridge's own limit of the hour is reached; it is postponed, not given up
"""

from pathlib import Path
from typing import ClassVar

from core.errors import WaxosError


class BridgeError(WaxosError):
    """Base of all errors of the bridge. `screenshot` is the picture that was taken of the page, if one was."""

    status, code, title = 500, "bridge_error", "The bridge could not go on"
    screenshot: Path | None = None


class PageError(BridgeError):
    """The page cannot be used as it is."""

    code = "page_error"


class PageChanged(PageError):
    """A landmark of the page is not what `landmarks.toml` says; `screenshot` shows the page at that moment."""

    code, title = "page_changed", "The chat page has changed"

    def __init__(self, detail: str, *, landmark: str, screenshot: Path | None = None) -> None:
        shown = f" The page as it was: {screenshot}" if screenshot else ""
        super().__init__(
            detail,  # the same for the same fault: what is told of the session changes only when the session does
            hint="Nothing was sent. Run `waxos bridge probe --json`, then correct desktop_bridge/page/landmarks.toml."
            + shown,
        )
        self.landmark = landmark
        self.screenshot = screenshot


class PageStuck(PageError):
    """The browser does not answer, or is gone."""

    code, title = "page_stuck", "The browser does not answer"


class NotLinked(PageError):
    """The page is not a linked, online chat page."""

    code, title = "not_linked", "The chat page is not ready"


class JournalError(BridgeError):
    """The journal cannot be used. Without a note of it nothing is clicked."""

    code, title = "journal_error", "The journal cannot be used"


class JournalUnwritable(JournalError):
    """The disk takes no change now; nothing of the change was kept."""

    code = "journal_unwritable"


class JournalDamaged(JournalError):
    """What stands in the file is not what was written."""

    code = "journal_damaged"


class WrongPassword(BridgeError):
    """The owner's AI key does not open with this password, or it is too early for another try."""

    status, code, title = 403, "wrong_password", "The key does not open"


class SendStopped(BridgeError):
    """This send may not go on; nothing of it has left. `final` means that trying again cannot help."""

    code, title = "send_stopped", "The send was stopped"
    final: ClassVar[bool] = False


class ChatNotFound(SendStopped):
    """No row of the list carries the title."""

    code, title, final = "chat_not_found", "The chat is not in the list", True


class NotOnWhatsApp(SendStopped):
    """The page says that the number has no account. It may speak of another chat, so trying again is allowed."""

    code, title = "not_on_whatsapp", "The number is not on WhatsApp"


class DialogOpen(SendStopped):
    """A question stands over the page, which only a person may answer."""

    code, title = "dialog_open", "The page asks something"


class ChatNotProven(SendStopped):
    """A chat of that title is open, but nothing proves that it is the right one."""

    code, title, final = "wrong_chat", "The open chat is not proven to be the right one", True


class ChatSwitched(SendStopped):
    """Another chat or field was chosen while the text was typed."""

    code, title = "chat_switched", "Another chat was opened meanwhile"


class BoxNotEmpty(SendStopped):
    """Somebody's own draft stands in the box."""

    code, title = "box_not_empty", "Somebody is writing in this chat"


class TextDiffers(SendStopped):
    """The box does not hold exactly the approved text."""

    code, title, final = "text_differs", "The page changed the text while it was typed", True


class ChatRestricted(SendStopped):
    """The page allows no writing in this chat."""

    code, title, final = "restricted", "WhatsApp does not allow writing here", True


class ContactBlocked(SendStopped):
    """The business itself has blocked this contact. Only a person unblocks, so the send is over."""

    code, title, final = "contact_blocked", "This contact is blocked", True


class Withdrawn(SendStopped):
    """The send was cancelled while it was being typed."""

    code, title = "withdrawn", "The send was cancelled"


class ArmRefused(SendStopped):
    """The authority does not allow the click."""

    code, title = "arm_refused", "The send was stopped before the click"


class TextRefused(SendStopped):
    """No chat takes this text as it is; the code is a `TextFault`."""

    code, title, final = "text_refused", "This text cannot be sent", True


class ChatLeftOut(SendStopped):
    """The owner's choice does not take this chat in."""

    code, title, final = "chat_left_out", "This chat is left out", True


def left_out() -> ChatLeftOut:
    """Return the refusal to open a chat that the choice does not take in."""
    return ChatLeftOut(
        "the owner has left this chat out, so the bridge does not open it",
        hint="write from the phone, or take it in again on the business's computer: waxos bridge chats",
    )


class ColdMessage(SendStopped):
    """Nobody wrote to us in this chat."""

    code, title = "cold_message", "This person has not written"


class OverBudget(SendStopped):
    """The bridge's own limit of the hour is reached; `wait` says for how many seconds."""

    code, title = "over_budget", "The bridge's own limit is reached"

    def __init__(self, detail: str, *, hint: str, wait: float) -> None:
        super().__init__(detail, hint=hint)
        self.wait = wait


NOTHING_TO_SEE = (TextRefused, OverBudget, ColdMessage, Withdrawn)
"""Stops that have nothing to do with what the page shows: no picture is taken."""
