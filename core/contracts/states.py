"""Every state and kind of the desk by its one name (design section 4). Nothing else may be written in the database or sent."""

from enum import StrEnum


class Role(StrEnum):
    """What a caller is to a tenant."""

    OWNER = "owner"
    ADMIN = "admin"
    STAFF = "staff"
    DEVICE = "device"


class ChannelKind(StrEnum):
    """How a channel reaches its customers."""

    WHATSAPP_WEB = "whatsapp_web"
    WHATSAPP_CLOUD = "whatsapp_cloud"
    SANDBOX = "sandbox"


class ChannelState(StrEnum):
    """Life of a session as the bridge sees it."""

    STARTING = "starting"
    QR = "qr"
    LINKED = "linked"
    OFFLINE = "offline"
    TAKEN_OVER = "taken_over"
    RESTRICTED = "restricted"
    LOGGED_OUT = "logged_out"
    BROKEN = "broken"


class ReadingChoice(StrEnum):
    """Which chats of a channel the owner wants to be read: whoever writes from now on, all but those named, or only those named."""

    NEW_WRITERS = "new_writers"
    ALL_BUT = "all_but"
    ONLY = "only"


class ChatKind(StrEnum):
    """Who is at the other end; only a person is ever answered by a machine."""

    PERSON = "person"
    GROUP = "group"
    COMMUNITY = "community"
    CHANNEL = "channel"
    STATUS = "status"
    SELF = "self"


class ChatStatus(StrEnum):
    """Where a chat stands for staff; a customer's message reopens it."""

    OPEN = "open"
    PENDING = "pending"
    SNOOZED = "snoozed"
    RESOLVED = "resolved"


class ChatMode(StrEnum):
    """How far the desk may go by itself."""

    OFF = "off"
    WATCH = "watch"
    DRAFT = "draft"
    AUTO_AFTER_HOURS = "auto_after_hours"
    AUTO = "auto"


class MessageKind(StrEnum):
    """What a bubble holds; every kind is a row, none is dropped."""

    TEXT = "text"
    IMAGE = "image"
    VOICE = "voice"
    VIDEO = "video"
    DOCUMENT = "document"
    STICKER = "sticker"
    LOCATION = "location"
    CONTACT = "contact"
    REACTION = "reaction"
    POLL = "poll"
    ORDER = "order"
    CALL = "call"
    VIEW_ONCE = "view_once"
    SYSTEM = "system"
    UNKNOWN = "unknown"


class FileProblem(StrEnum):
    """Why the desk does not have the bytes of a file."""

    TOO_LARGE = "too_large"
    NOT_LOADED = "not_loaded"
    EXPIRED = "expired"
    EMPTY = "empty"
    REFUSED = "refused"


class Direction(StrEnum):
    """Towards the business or away from it."""

    IN = "in"
    OUT = "out"


class MessageOrigin(StrEnum):
    """Who wrote a message; `automation` is a greeting or away text that WhatsApp Business sent by itself."""

    CUSTOMER = "customer"
    DESK = "desk"
    AUTO = "auto"
    PHONE = "phone"
    AUTOMATION = "automation"
    SYSTEM = "system"


class PauseReason(StrEnum):
    """Which act of a person made the machine rest on a chat."""

    PHONE = "phone"
    PANEL = "panel"
    TAKEOVER = "takeover"
    HAND = "hand"


class AutomationState(StrEnum):
    """What an own text that answers by itself is held to be; an owner has the last word."""

    RECOGNISED = "recognised"
    KEPT = "kept"
    PERSON = "person"


class Tick(StrEnum):
    """Delivery evidence of one of our messages; only ever moves forward."""

    PENDING = "pending"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"


TICK_ORDER: dict[Tick, int] = {Tick.FAILED: 0, Tick.PENDING: 1, Tick.SENT: 2, Tick.DELIVERED: 3, Tick.READ: 4}
"""Rank of a tick: a report with a lower rank than the stored one changes nothing."""


class DraftStatus(StrEnum):
    """Life of a draft: `checking → pending | blocked`, then a person's or the gate's decision, or its retirement."""

    CHECKING = "checking"
    PENDING = "pending"
    BLOCKED = "blocked"
    APPROVED = "approved"
    AUTO_APPROVED = "auto_approved"
    HELD = "held"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"


class DraftOrigin(StrEnum):
    """Who wrote the text of a draft."""

    MACHINE = "machine"
    HUMAN = "human"


class DraftIntent(StrEnum):
    """What follows when the check of a human text is done."""

    SEND_IF_PASSES = "send_if_passes"


class RunState(StrEnum):
    """Life of one run of the graph."""

    DUE = "due"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SUPERSEDED = "superseded"


class RunReason(StrEnum):
    """Why a run was asked for."""

    INBOUND = "inbound"
    ASKED = "asked"
    REWRITE = "rewrite"
    CHECK = "check"


class OwnerDraftState(StrEnum):
    """Life of a draft that is made with the owner's own key: `waiting → ready | failed | nothing`; the open ones then end."""

    WAITING = "waiting"
    READY = "ready"
    FAILED = "failed"
    NOTHING = "nothing"
    APPROVED = "approved"
    DISMISSED = "dismissed"
    SUPERSEDED = "superseded"


class SendStatus(StrEnum):
    """Life of one part on its way out (design section 4)."""

    QUEUED = "queued"
    LEASED = "leased"
    ARMED = "armed"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    RETURNED = "returned"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    FAILED = "failed"
    UNKNOWN = "unknown"
    ABANDONED = "abandoned"


class SendWait(StrEnum):
    """Why approved text is not on its way yet. It waits; it has not failed."""

    CHANNEL_LIMIT = "channel_limit"
    CHAT_LIMIT = "chat_limit"
    BRIDGE_LIMIT = "bridge_limit"
    BRIDGE_AWAY = "bridge_away"
    CHANNEL_DOWN = "channel_down"
    CHANNEL_STOPPED = "channel_stopped"
    UNKNOWN_BEFORE = "unknown_before"


class SourceKind(StrEnum):
    """Where knowledge came from."""

    FILE = "file"
    TEXT = "text"
    URL = "url"
    CURATED = "curated"


class SourceState(StrEnum):
    """Life of a knowledge source."""

    QUEUED = "queued"
    PARSING = "parsing"
    EMBEDDING = "embedding"
    READY = "ready"
    FAILED = "failed"
    QUARANTINED = "quarantined"
    REMOVED = "removed"


class PassageReview(StrEnum):
    """What became of a passage that speaks to the assistant; only an allowed one is ever found."""

    WAITING = "waiting"
    ALLOWED = "allowed"
    LEFT_OUT = "left_out"


class Verdict(StrEnum):
    """Outcome of the compliance checks over one exact text."""

    PASS = "pass"  # noqa: S105 - a verdict, not a password
    NEEDS_STAFF = "needs_staff"
    BLOCK = "block"


class Tier(StrEnum):
    """How well a language is supported (mission, Languages)."""

    ONE = "1"
    TWO = "2"
    UNKNOWN = "unknown"
