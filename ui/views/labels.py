"""The words and short facts that screens show for the states of the desk."""

from core.contracts.proposals import ProposalOrigin
from core.contracts.sessions import ChannelVerdict
from core.contracts.states import (
    ChannelKind,
    ChannelState,
    ChatMode,
    ChatStatus,
    DraftStatus,
    FileProblem,
    MessageKind,
    PauseReason,
    ReadingChoice,
    Role,
    SendStatus,
    SendWait,
    SourceKind,
    SourceState,
    Tier,
    Verdict,
)

MODES: dict[ChatMode, str] = {
    ChatMode.OFF: "Off",
    ChatMode.WATCH: "Watch",
    ChatMode.DRAFT: "Draft",
    ChatMode.AUTO_AFTER_HOURS: "Auto after hours",
    ChatMode.AUTO: "Auto",
}
CHOICES: dict[ReadingChoice, str] = {
    ReadingChoice.NEW_WRITERS: "people who write from now on",
    ReadingChoice.ALL_BUT: "all chats but those left out by name",
    ReadingChoice.ONLY: "only the chats chosen by name",
}
SHORT_MODES: dict[ChatMode, str] = {
    ChatMode.OFF: "off",
    ChatMode.WATCH: "watch only",
    ChatMode.DRAFT: "drafts",
    ChatMode.AUTO_AFTER_HOURS: "auto after hours",
    ChatMode.AUTO: "auto",
}
CHAT_STATES: dict[ChatStatus, str] = {
    ChatStatus.OPEN: "Open",
    ChatStatus.PENDING: "Waiting for the customer",
    ChatStatus.SNOOZED: "Snoozed",
    ChatStatus.RESOLVED: "Resolved",
}
PAUSES: dict[PauseReason, str] = {
    PauseReason.PHONE: "Somebody answered from the phone.",
    PauseReason.PANEL: "Somebody wrote a reply in the panel.",
    PauseReason.TAKEOVER: "Somebody took this chat over.",
    PauseReason.HAND: "Somebody paused it.",
}
ROLES: dict[Role, str] = {Role.OWNER: "Owner", Role.ADMIN: "Admin", Role.STAFF: "Staff", Role.DEVICE: "Device"}
VERDICTS: dict[Verdict, str] = {
    Verdict.PASS: "Checks passed",
    Verdict.NEEDS_STAFF: "Read the marked words",
    Verdict.BLOCK: "Must be edited",
}
DRAFT_STATES: dict[DraftStatus, str] = {
    DraftStatus.CHECKING: "Being checked",
    DraftStatus.PENDING: "Waits for you",
    DraftStatus.BLOCKED: "Stopped by the checks",
    DraftStatus.APPROVED: "Approved",
    DraftStatus.AUTO_APPROVED: "Approved automatically",
    DraftStatus.HELD: "Held",
    DraftStatus.REJECTED: "Rejected",
    DraftStatus.SUPERSEDED: "Replaced",
    DraftStatus.EXPIRED: "Expired",
}
SENDS: dict[SendStatus, str] = {
    SendStatus.QUEUED: "Queued",
    SendStatus.LEASED: "On its way to the phone page",
    SendStatus.ARMED: "Being sent",
    SendStatus.SENT: "Sent",
    SendStatus.DELIVERED: "Delivered",
    SendStatus.READ: "Read",
    SendStatus.RETURNED: "Came back unsent",
    SendStatus.CANCELLED: "Cancelled",
    SendStatus.EXPIRED: "Expired unsent",
    SendStatus.FAILED: "Not sent",
    SendStatus.UNKNOWN: "Not known whether it was sent",
    SendStatus.ABANDONED: "Closed as not sent",
}
WAITS: dict[SendWait, str] = {
    SendWait.CHANNEL_LIMIT: "The number has sent its messages of this hour; this one waits for the next.",
    SendWait.CHAT_LIMIT: "This chat has had its messages of this hour; this one waits for the next.",
    SendWait.BRIDGE_LIMIT: "The computer's own limit of the hour is reached; this one waits for the next.",
    SendWait.BRIDGE_AWAY: "The computer that sends is away. It goes out when the computer is back.",
    SendWait.CHANNEL_DOWN: "WhatsApp is not linked or not online there. See Channels.",
    SendWait.CHANNEL_STOPPED: "Sending was stopped on this number until a person resumes it. See Channels.",
    SendWait.UNKNOWN_BEFORE: "An earlier message of this chat must be settled first.",
}
KINDS: dict[MessageKind, str] = {
    MessageKind.IMAGE: "Picture",
    MessageKind.VOICE: "Voice message",
    MessageKind.VIDEO: "Video",
    MessageKind.DOCUMENT: "Document",
    MessageKind.STICKER: "Sticker",
    MessageKind.LOCATION: "Location",
    MessageKind.CONTACT: "Contact",
    MessageKind.REACTION: "Reaction",
    MessageKind.POLL: "Poll",
    MessageKind.ORDER: "Order",
    MessageKind.CALL: "Call",
    MessageKind.VIEW_ONCE: "View-once message",
    MessageKind.UNKNOWN: "Message of a kind that WAXOS does not know",
}
FILE_PROBLEMS: dict[FileProblem, str] = {
    FileProblem.TOO_LARGE: "Larger than 16 MB: open it on the phone.",
    FileProblem.NOT_LOADED: "WhatsApp did not give the file to the computer: open it on the phone.",
    FileProblem.EXPIRED: "WhatsApp does not have this file any more: ask for it to be sent again.",
    FileProblem.EMPTY: "The file is empty.",
    FileProblem.REFUSED: "A program, which the desk does not keep. Do not open it on the phone either.",
}
CHANNELS: dict[ChannelKind, str] = {
    ChannelKind.WHATSAPP_WEB: "WhatsApp Web",
    ChannelKind.WHATSAPP_CLOUD: "WhatsApp Cloud API",
    ChannelKind.SANDBOX: "Sandbox",
}
CHANNEL_STATES: dict[ChannelState, tuple[str, str, str]] = {
    ChannelState.STARTING: ("Starting", "wait", "The bridge is opening the page."),
    ChannelState.QR: ("Waits to be linked", "warn", "An owner shows the code here and scans it with the phone."),
    ChannelState.LINKED: ("Linked", "good", "Messages come in and go out."),
    ChannelState.OFFLINE: ("Offline", "bad", "Start the bridge on its computer, and look at that computer's network."),
    ChannelState.TAKEN_OVER: ("Open elsewhere", "warn", "Close the other window, or an owner takes it back here."),
    ChannelState.RESTRICTED: ("Restricted", "bad", "Sending is stopped until a person resumes it here."),
    ChannelState.LOGGED_OUT: ("Logged out", "bad", "Link the phone again; approved replies wait."),
    ChannelState.BROKEN: ("Sending stopped", "bad", "Nothing was lost. It tries again by itself."),
}
VERDICT_LEVELS: dict[ChannelVerdict, str] = {
    ChannelVerdict.WORKS: "good",
    ChannelVerdict.READS_ONLY: "warn",
    ChannelVerdict.NOTHING: "warn",
    ChannelVerdict.SILENT: "bad",
    ChannelVerdict.NEVER: "wait",
}
SOURCES: dict[SourceState, tuple[str, str]] = {
    SourceState.QUEUED: ("Queued", "wait"),
    SourceState.PARSING: ("Reading", "wait"),
    SourceState.EMBEDDING: ("Indexing", "wait"),
    SourceState.READY: ("Ready", "good"),
    SourceState.FAILED: ("Failed", "bad"),
    SourceState.QUARANTINED: ("Set aside", "warn"),
    SourceState.REMOVED: ("Removed", "wait"),
}

SOURCE_KINDS: dict[SourceKind, str] = {
    SourceKind.FILE: "File",
    SourceKind.TEXT: "Text",
    SourceKind.URL: "Web page",
    SourceKind.CURATED: "Exact answer",
}

_TIER_ONE = frozenset({"en", "es", "pt", "de", "fr", "it", "ar", "tr", "ru", "zh"})
_TIER_TWO = frozenset({"hi", "id", "ur", "bn", "sw"})


def tier(language: str | None) -> Tier:
    """Return how well a BCP-47 language is supported."""
    base = (language or "").split("-")[0].lower()
    if base in _TIER_ONE:
        return Tier.ONE
    return Tier.TWO if base in _TIER_TWO else Tier.UNKNOWN


def tier_note(language: str | None) -> str:
    """Return one sentence that says what the tier of a language means for staff."""
    match tier(language):
        case Tier.ONE:
            return "Tier 1: tested in every suite"
        case Tier.TWO:
            return "Tier 2: drafts for staff only, read them with care"
        case _:
            return "Language not certain: a person answers"


_FILE_KINDS = {"image": "Picture", "audio": "Sound", "video": "Film"}


def file_kind(mime: str) -> str:
    """Return what to call a file without a name."""
    return "PDF" if mime == "application/pdf" else _FILE_KINDS.get(mime.split("/")[0], "File")


def size(count: int | None) -> str:
    """Return a number of bytes for people."""
    if count is None:
        return ""
    if count < 1024:
        return f"{count} B"
    return f"{count / 1024:.0f} KB" if count < 1024 * 1024 else f"{count / 1024 / 1024:.1f} MB"


PICKED_ALL = "all"
ORIGINS = {
    PICKED_ALL: "All",
    ProposalOrigin.UNANSWERED.value: "Unanswered",
    ProposalOrigin.STAFF_ANSWER.value: "Answered by staff",
    ProposalOrigin.STAFF_EDIT.value: "Corrected drafts",
    ProposalOrigin.PAST_CHAT.value: "Past chats",
}
"""Which suggestions can be picked, and what the pick is called."""

ORIGIN_TITLES = {
    ProposalOrigin.UNANSWERED: "Nobody has answered this yet",
    ProposalOrigin.STAFF_ANSWER: "Your staff answered what the knowledge could not",
    ProposalOrigin.STAFF_EDIT: "Your staff changed what a draft said",
    ProposalOrigin.PAST_CHAT: "Answered in a past chat",
}
