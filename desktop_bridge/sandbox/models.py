"""What the sandbox knows: chats, messages, settings, faults and the journal. All of it travels as JSON."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Lang = Literal["en", "pt", "es"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ChatKind(StrEnum):
    """Who is at the other end of a chat."""

    PERSON = "person"
    GROUP = "group"
    COMMUNITY = "community"
    CHANNEL = "channel"
    SELF = "self"


class MessageKind(StrEnum):
    """What a bubble holds."""

    TEXT = "text"
    IMAGE = "image"
    VOICE = "voice"
    VIDEO = "video"
    DOCUMENT = "document"
    STICKER = "sticker"
    LOCATION = "location"
    CONTACT = "contact"
    POLL = "poll"
    ORDER = "order"
    CALL = "call"
    VIEW_ONCE = "view-once"
    UNKNOWN = "unknown"
    SYSTEM = "system"


class Status(StrEnum):
    """The life of one of our messages, in order; `FAILED` stands outside of it."""

    PENDING = "pending"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"


class Source(StrEnum):
    """Who wrote it: the customer, the page under test, the business's own phone, WhatsApp Business by itself, or the service."""

    CUSTOMER = "customer"
    PAGE = "page"
    PHONE = "phone"
    AUTOMATION = "automation"
    SERVICE = "service"


class Screen(StrEnum):
    """What the page shows instead of, or around, the chats."""

    MAIN = "main"
    STARTUP = "startup"
    QR = "qr"
    QR_EXPIRED = "qr_expired"
    TAKEN_OVER = "taken_over"
    LOGGED_OUT = "logged_out"
    BANNED = "banned"
    OUTDATED = "outdated"


class Box(StrEnum):
    """Whether a chat can be written in: a contact can be blocked, a group can be for its admins only."""

    OPEN = "open"
    BLOCKED = "blocked"
    ADMINS = "admins"


class Dialog(StrEnum):
    """What covers the page: nothing, an announcement, a number that has no account, a question that must not be answered."""

    NONE = "none"
    INVALID = "invalid"
    QUESTION = "question"


class Media(_Strict):
    """What a bubble that is not plain text shows. `data` is the file in base64; without it a drawing is made."""

    name: str = ""
    mime: str = ""
    data: str = Field(default="", repr=False)
    fill: int = Field(default=0, description="a file of so many zero bytes, in place of data")
    loaded: bool = Field(default=True, description="false: only a blurred picture until its download button is clicked")
    broken: bool = Field(default=False, description="the service does not have the file any more")
    seconds: int = 0
    latitude: float = 0.0
    longitude: float = 0.0
    options: list[str] = []


class Message(_Strict):
    """One bubble. `order` is its place in the chat; `held` means that it waits in the outbox and has not left."""

    id: str
    chat: str
    order: int
    kind: MessageKind = MessageKind.TEXT
    text: str = ""
    source: Source
    author: str = ""
    at: datetime
    status: Status = Status.DELIVERED
    held: bool = False
    quoted: str | None = None
    edited: bool = False
    deleted: bool = False
    reactions: list[str] = []
    media: Media | None = None

    @property
    def from_me(self) -> bool:
        return self.source in {Source.PAGE, Source.PHONE, Source.AUTOMATION}


class Chat(_Strict):
    """A row of the list. `id` is the 15-digit key of the page, `moved` its place in the list: higher is nearer the top.

    `drafts` are half-typed texts by linked device: one browser does not see what stands in the box of another.
    """

    id: str
    title: str
    kind: ChatKind = ChatKind.PERSON
    members: list[str] = []
    photo: bool = False
    unread: int = 0
    marked_unread: bool = False
    muted: bool = False
    box: Box = Box.OPEN
    drafts: dict[str, str] = {}
    moved: int = 0
    last: Message | None = None


class TickTimes(_Strict):
    """Milliseconds from one tick to the next; None means that it never comes by itself.

    A message is read as well as soon as the customer's page shows it.
    """

    sent_ms: int | None = 120
    delivered_ms: int | None = 250
    read_ms: int | None = None


class Faults(_Strict):
    """What goes wrong on purpose. Counters go down by one each time; -1 means every time."""

    lost_clicks: int = Field(default=0, description="send gestures (button or Enter) that do nothing")
    late_click_ms: int = Field(
        default=0, description="send gestures take effect this much later, on what is there then"
    )
    lost_opens: int = Field(default=0, description="clicks on a chat that do nothing")
    slow_open_ms: int = Field(default=0, description="the previous chat stays open this long after a click")
    slow_search_ms: int = Field(default=0, description="search results come this much later")
    outbox_until_reload: bool = Field(
        default=False, description="sent messages stay pending until the page is loaded again"
    )
    outbox_delay_ms: int = Field(default=0, description="how long after that load the outbox waits before it delivers")
    history_delay_ms: int = Field(default=0, description="an opened chat shows no message for this long")
    slow_files_ms: int = Field(default=0, description="a file that is asked for comes this much later")
    slow_bubbles_ms: int = Field(default=0, description="of a new message the row comes this much before its bubble")
    failed_sends: int = Field(default=0, description="messages that end with the red retry mark")


class Settings(_Strict):
    """How the page presents itself. The address may override build, ids and lang for one tab.

    With `away_text` every customer's message is answered at once as WhatsApp Business does it, which leaves the chat unread.
    """

    build: Literal["testid", "plain"] = "testid"
    ids: Literal["bare", "legacy"] = "bare"
    lang: Lang = "en"
    account_name: str = "Business"
    screen: Screen = Screen.MAIN
    startup_ms: int = 0
    qr_after_ms: int = 0
    offline: bool = False
    restricted: bool = False
    syncing: bool = False
    interstitial: bool = False
    dialog: Dialog = Dialog.NONE
    one_tab: bool = True
    enter_sends: bool = True
    emoji_transform: bool = False
    pickers: bool = True
    list_markers: bool = False
    quick_replies: dict[str, str] = {}
    away_text: str = ""
    ticks: TickTimes = TickTimes()
    faults: Faults = Faults()


class JournalKind(StrEnum):
    """What the page tells of what was done on it."""

    PAGE_OPENED = "page.opened"
    PAGE_LEFT = "page.left"
    CHAT_OPENED = "chat.opened"
    CHAT_READ = "chat.read"
    MESSAGE_RECEIVED = "message.received"
    MESSAGE_REPEATED = "message.repeated"
    MESSAGE_HELD = "message.held"
    MESSAGE_FAILED = "message.failed"
    MESSAGE_TICKED = "message.ticked"
    MESSAGE_EDITED = "message.edited"
    MESSAGE_DELETED = "message.deleted"
    MESSAGE_REACTED = "message.reacted"
    MEDIA_FETCHED = "media.fetched"
    VIEW_ONCE_OPENED = "view_once.opened"
    CUSTOMER_SAID = "customer.said"
    PHONE_SAID = "phone.said"
    GESTURE_MADE = "gesture.made"
    GESTURE_LOST = "gesture.lost"
    UNBLOCKED = "unblocked"
    QUESTION_ANSWERED = "question.answered"
    RECORDING_STARTED = "recording.started"
    SETTINGS_CHANGED = "settings.changed"


class JournalEntry(_Strict):
    """One thing that happened, numbered and timed (UTC)."""

    seq: int
    at: datetime
    kind: JournalKind
    chat: str = ""
    message: str = ""
    note: str = ""


class Snapshot(_Strict):
    """Everything the sandbox knows at one moment; `seq` is the last journal entry in it."""

    seq: int
    settings: Settings
    chats: list[Chat]
    messages: list[Message]
    journal: list[JournalEntry]


class NewChat(_Strict):
    """A chat to begin. One of several people without a `photo` shows the drawing that tells its kind."""

    title: str = Field(min_length=1, max_length=200)
    kind: ChatKind = ChatKind.PERSON
    members: list[str] = []
    photo: bool = False
    muted: bool = False
    box: Box = Box.OPEN


class NewMessage(_Strict):
    """A bubble that did not come from the page. `seen` puts it in as old and already read."""

    chat: str
    text: str = ""
    kind: MessageKind = MessageKind.TEXT
    source: Source = Source.CUSTOMER
    author: str = ""
    at: datetime | None = None
    quoted: str | None = None
    media: Media | None = None
    seen: bool = False


class MessageChange(_Strict):
    """A change to one bubble; only the fields that are set are applied."""

    message: str
    text: str | None = None
    deleted: bool | None = None
    removed: bool | None = Field(default=None, description="deleted for us alone: the bubble is gone without a trace")
    reaction: str | None = None
    status: Status | None = None


class Identified(_Strict):
    """The answer of the control hook that names what was made or changed."""

    id: str
