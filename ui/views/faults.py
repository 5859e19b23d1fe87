"""The words for every error code of a send: what happened, and what to do next. Total over `SendFault`; a test holds that."""

from typing import NamedTuple

from core.contracts.faults import SendFault, fault_of
from core.contracts.texts import MAX_PART_CHARS


class Words(NamedTuple):
    """What staff read about a send that did not go its way."""

    what: str
    then: str


F = SendFault

_AGAIN = "Read the chat, then approve the text again."
_BY_ITSELF = "It came back before anything left. Approve it again."
_PHONE = "Look at the chat on the phone, then say below what you see."
_EDIT = "Edit the text, then send it again."
_PAGE = "Nothing left. Tell the owner: the bridge may need an update. Until then, answer from the phone."

WORDS: dict[SendFault, Words] = {
    F.TEXT_EMPTY: Words("The text is empty.", "Write it again."),
    F.TEXT_TOO_LONG: Words(
        f"The text is longer than the {MAX_PART_CHARS} characters that one message may have.",
        "Shorten it, or send it as several messages.",
    ),
    F.CONTROL_CHARACTER: Words("The text holds an invisible control character, often from a paste.", _EDIT),
    F.TEXT_REFUSED: Words("WhatsApp does not take this text as it is.", _EDIT),
    F.TEXT_DIFFERS: Words(
        "The page changed the text while it was typed, so it was not sent.",
        "Look for smileys, @ or / in it, change those, or send it from the phone.",
    ),
    F.CHAT_NOT_FOUND: Words(
        "No chat of this name is in the list on the computer: its number may be unknown or its name changed.",
        "Open the chat on the phone once, then send again.",
    ),
    F.WRONG_CHAT: Words(
        "Nothing proved that the open chat is this customer's, so nothing was typed to a stranger.",
        "Open the chat on the computer that sends, so that it is read anew; then send again.",
    ),
    F.CHAT_SWITCHED: Words(
        "Somebody opened another chat on the computer while this was typed; what was typed is taken out again.",
        "Approve it again when nobody works in that window.",
    ),
    F.NOT_ON_WHATSAPP: Words(
        "This number is not on WhatsApp.", "Check the number, and reach the customer another way."
    ),
    F.RESTRICTED: Words(
        "WhatsApp allows no writing in this chat: only its admins may write, or your account is restricted.",
        "Look at the chat on the phone. If the account is restricted, tell the owner and stop sending.",
    ),
    F.CONTACT_BLOCKED: Words(
        "You have blocked this contact on WhatsApp, so nothing can be sent to them.",
        "Unblock the contact on the phone if they should get it, then send again.",
    ),
    F.COLD_MESSAGE: Words(
        "This person has not written to you, and WAXOS does not write first.",
        "Wait for their message, or write from the phone.",
    ),
    F.BOX_NOT_EMPTY: Words(
        "Somebody's unfinished text stood in the chat's box on the computer, and it was left alone.",
        "Finish or clear it there, then approve the text again.",
    ),
    F.CHAT_LEFT_OUT: Words(
        "The owner has left this chat out, so it is not opened.",
        "Answer from the phone, or let the owner take the chat in again (waxos bridge chats).",
    ),
    F.CHAT_MOVED: Words(
        "The chat went on after this was approved.", "Read what is new, then approve or change the text."
    ),
    F.PARTLY_SENT: Words(
        "The chat went on after the first parts had left.",
        "Read what is new, then approve or change the parts that are left.",
    ),
    F.NEW_MESSAGE: Words("A new message came in while the text was typed.", _AGAIN),
    F.TAIL_UNKNOWN: Words("The chat on the computer shows a message that the desk does not have yet.", _AGAIN),
    F.WAITED_TOO_LONG: Words(
        "No computer sent it in time.", "Read the chat again, then approve the text if it still fits."
    ),
    F.WITHDRAWN: Words(
        "It was cancelled while it was typed.", "Nothing left. Write or approve a reply when you want to."
    ),
    F.ARRIVED_LATE: Words(
        "The message that it was to repeat arrived after all.", "Nothing more is to be done. It stands in the chat."
    ),
    F.PART_FAILED: Words(
        "The part before this one could not be sent.", "Settle that one first, then approve this again."
    ),
    F.PART_UNKNOWN: Words(
        "It is not certain that the part before this one arrived.",
        "Read the chat on the phone, then approve this again if it still fits.",
    ),
    F.PAGE_CHANGED: Words("WhatsApp's page is not as the bridge knows it.", _PAGE),
    F.PAGE_ERROR: Words("The page could not be used.", _PAGE),
    F.PAGE_STUCK: Words("The browser on the computer did not answer.", _BY_ITSELF),
    F.NOT_LINKED: Words(
        "WhatsApp is not linked or not online on the computer.", "See Channels, then approve the text again."
    ),
    F.DIALOG_OPEN: Words(
        "A window of WhatsApp covers the chat.", "Close it on the computer that sends, then send again."
    ),
    F.GUARD_DEADLINE: Words("The page was too slow, and the time to click was over.", _BY_ITSELF),
    F.GUARD_HEADER: Words("Another chat came to the front at the last moment.", _BY_ITSELF),
    F.GUARD_LABEL: Words("The box belonged to another chat at the last moment.", _BY_ITSELF),
    F.GUARD_TAIL: Words("A new message came in at the last moment.", _AGAIN),
    F.GUARD_DIALOG: Words(
        "A window of WhatsApp opened over the chat.", "Close it on the computer that sends, then approve again."
    ),
    F.GUARD_BOX: Words("Somebody changed the text in the box at the last moment.", _BY_ITSELF),
    F.GUARD_BUTTON: Words("The send button was gone at the last moment.", _BY_ITSELF),
    F.GUARD_COVERED: Words(
        "Something covered the send button.", "Look at the computer that sends, then approve again."
    ),
    F.GUARD_TARGET: Words("The send button moved at the last moment.", _BY_ITSELF),
    F.GUARD_PAGE: Words("The page did not answer at the last moment.", _BY_ITSELF),
    F.GUARD_SECOND: Words("A second click was stopped.", _BY_ITSELF),
    F.GUARD_LANDMARK: Words("The page was not as the bridge knows it at the last moment.", _PAGE),
    F.ARM_REFUSED: Words("The desk did not allow the click.", _AGAIN),
    F.ARMED_BEFORE: Words("Its click was allowed once before, so it was not allowed again.", _AGAIN),
    F.NOT_LEASED: Words("Another computer had this text in hand.", _AGAIN),
    F.NOT_FOUND: Words("It is not in the chat on the computer, but that is no proof.", _PHONE),
    F.GONE: Words("It was no longer to be sent when the computer asked.", _AGAIN),
    F.CONFLICT: Words("Something changed while it was sent.", _AGAIN),
    F.OVER_BUDGET: Words("The computer's own limit of the hour was reached.", "Approve it again later."),
    F.UNDECIDED: Words("The page did not show whether it left.", _PHONE),
    F.ABSENT_UNPROVEN: Words("It was not found, but that is no proof that it did not leave.", _PHONE),
    F.ARMED_ELSEWHERE: Words("Another computer was sending it and has not come back.", _PHONE),
    F.TOLD_BEFORE: Words("The computer and the desk remember it differently, as after a restored backup.", _PHONE),
    F.BRIDGE_AWAY: Words("The computer that was sending it has been away since.", _PHONE),
    F.MESSAGE_FAILED: Words("WhatsApp shows the message with a warning sign: it may still go out by itself.", _PHONE),
    F.NO_EVIDENCE: Words("The computer said that it was sent, but could not show the message.", _PHONE),
    F.BUBBLE_TAKEN: Words("The message it showed was the proof of another one.", _PHONE),
    F.PUT_BACK: Words("A person saw that it was not sent.", "Its text waits beside this chat as a draft."),
    F.SEND_STOPPED: Words("The bridge stopped it.", _AGAIN),
    F.RETURNED: Words("The bridge gave it back without a reason.", _AGAIN),
    F.DISARMED: Words("The click was stopped at the last moment.", _BY_ITSELF),
    F.FAILED: Words("It could not be sent.", "Look at the chat on the phone, then decide."),
}

_UNNAMED = Words(
    "It did not leave, for a reason that this panel does not know.", "Look at the chat on the phone, then decide."
)


def words_for(code: str | None, detail: str | None = None) -> Words:
    """Return the words for an error code; one of a newer bridge shows what the bridge said itself."""
    fault = fault_of(code)
    if fault is not None:
        return WORDS[fault]
    return Words(detail, _UNNAMED.then) if detail else _UNNAMED
