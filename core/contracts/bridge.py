"""The protocol between the desktop bridge and the API. Versions only grow within a number (decision 9).

The bridge is a plain client: it reports what it sees (`Observations`), asks for one send at a time (`SendOrder`), asks to arm
it (`Arm`) and reports the outcome (`SendReport`). All calls are idempotent, so a lost answer is asked again.
"""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field

from core.contracts.base import Command, Utc, Wire
from core.contracts.sessions import Breaker, BridgeHealth, ChannelAsk, Stop
from core.contracts.states import ChannelState, ChatKind, Direction, FileProblem, MessageKind, ReadingChoice, Tick

PROTOCOL = 1
"""Protocol of this build; the server also serves PROTOCOL - 1 once there is one."""

CLICK_WINDOW_MS = 3000
"""How long after the first request to arm the one click may happen; asking again does not extend it."""

ABSENCE_PROOF = frozenset(
    {"browser_restarted", "page_online", "page_synced", "tail_on_screen", "nothing_pending", "deadline_passed"}
)
"""Evidence that must all be true before the installation that armed may report `absent` (design 3.4)."""

NEVER_CLICKED = "never_clicked"
"""The other proof of absence: the journal shows that this installation crashed before it wrote `armed`, so it cannot have clicked."""

MOST_FILE_BYTES = 16 * 1024 * 1024
"""Largest file of a message that is brought to the server."""

NO_BUBBLE = "~"
"""How the id of a row begins that stands for no bubble of its own: a reaction, a note. It proves no chat and is no tail."""

ExternalId = Annotated[
    str, Field(min_length=1, max_length=160, description="bare WhatsApp message id, prefix, jid and author cut off")
]


def _without_nul(text: str) -> str:
    return text.replace("\0", "")


SeenText = Annotated[str, AfterValidator(_without_nul)]
"""Text as a page shows it, without U+0000, which no database takes: one such character must not hold a whole batch up."""


class ReadingScope(Command):
    """Which chats the bridge reads. The names stay on the owner's computer; the server learns how many there are (law 12)."""

    choice: ReadingChoice = ReadingChoice.NEW_WRITERS
    named: int = Field(default=0, ge=0, description="how many chats the owner named, to be left out or to be read")
    unclear: int = Field(
        default=0, ge=0, description="named to be read, and left alone because several chats bear the name"
    )


class LeaseRequest(Command):
    """Body of POST /bridge/lease: take or keep the channel. `installation_id` names one journal on one computer."""

    installation_id: UUID
    epoch: int | None = Field(default=None, description="the epoch held, to renew; none to take")
    state: ChannelState
    state_detail: str | None = Field(default=None, max_length=300)
    app_version: str = Field(max_length=40)
    protocol: int = PROTOCOL
    health: BridgeHealth | None = None
    reading: ReadingScope = ReadingScope()


class Lease(Wire):
    """The channel is yours until `lease_seconds` from now (database time); renew at a third of it.

    Without `risk_accepted` a bridge opens no page but one of its own computer. `asked` is given once: what is lost is asked again.
    """

    channel_id: UUID
    epoch: int
    lease_seconds: float
    risk_accepted: bool = False
    stopped: Stop | None = Field(default=None, description="nothing is sent until a person resumes; settling goes on")
    asked: ChannelAsk | None = None
    breaker: Breaker | None = Field(default=None, description="as a bridge of this channel told it last")


class ChatSeen(Command):
    """A chat as the page shows it. `id` is chosen by the bridge until the server knows better; `title` is a hint only."""

    id: UUID
    kind: ChatKind = ChatKind.PERSON
    title: SeenText = Field(max_length=300)
    unread: int = Field(default=0, ge=0)


class FileSeen(Command):
    """A file of a message; the bytes follow by PUT /bridge/messages/{external_id}/files/{position}."""

    mime: SeenText = Field(default="application/octet-stream", max_length=120)
    name: SeenText | None = Field(default=None, max_length=255)
    size: int | None = Field(default=None, ge=0)
    problem: FileProblem | None = Field(default=None, description="why the bytes will not follow")


class FileMissing(Command):
    """Body of PUT /bridge/messages/{external_id}/files/{position}/problem: the bytes are not to be had."""

    problem: FileProblem


class MessageSeen(Command):
    """One bubble as read from the page. `after` is the external id above it, so that gaps and order can be told."""

    external_id: ExternalId
    chat_id: UUID
    direction: Direction
    kind: MessageKind = MessageKind.TEXT
    text: SeenText | None = Field(default=None, max_length=65_536)
    author: SeenText | None = Field(default=None, max_length=300)
    wa_at: Utc | None = None
    tick: Tick | None = None
    quoted_text: SeenText | None = Field(default=None, max_length=4096)
    after: ExternalId | None = None
    history: bool = Field(
        default=False, description="was on the page before linking or before this chat was first opened"
    )
    edited: bool = False
    deleted: bool = False
    files: list[FileSeen] = []


class TickSeen(Command):
    """A delivery tick of one of our own bubbles."""

    external_id: ExternalId
    tick: Tick


class Observations(Command):
    """Body of POST /bridge/observations: everything new since the last one, in page order. Repeats are harmless."""

    epoch: int
    chats: Annotated[list[ChatSeen], Field(max_length=500)] = []
    messages: Annotated[list[MessageSeen], Field(max_length=500)] = []
    ticks: Annotated[list[TickSeen], Field(max_length=500)] = []


class ChatIs(Wire):
    """A chat was reported under an id that is not its own: a message in it was stored before. The bridge calls it `chat_id` from now on."""

    reported: UUID
    chat_id: UUID


class ObservationsStored(Wire):
    """How many rows were new; `ignored` chats are outside the owner's choice and left nothing behind (law 12)."""

    new_messages: int
    updated: int
    duplicates: int
    ignored: int
    chats: list[ChatIs] = []


class NextSend(Command):
    """Body of POST /bridge/sends/next."""

    epoch: int


class SendOrder(Wire):
    """One part to send now. `known_external_ids` are the chat's newest bubbles that stand in no other chat, newest first: its proof."""

    send_id: UUID
    epoch: int
    chat_id: UUID
    title: str
    kind: ChatKind
    text: str
    text_sha256: str = Field(description="`text_sha256([text])`: of this part alone")
    part: int
    parts_total: int
    known_external_ids: list[str]
    previous_part_external_id: str | None = Field(description="part k+1 arms only if the tail is part k")
    settle_only: bool = Field(default=False, description="was armed before: read the page and report, never click")
    armed_tail_external_id: str | None = None
    armed_by_installation: UUID | None = None
    arming: UUID | None = Field(default=None, description="which arming is to be settled")
    click_deadline_at: Utc | None = None


class Arm(Command):
    """Body of POST /bridge/sends/{id}/arm: the text stands in the box and the page's tail is `tail_external_id`."""

    epoch: int
    installation_id: UUID
    arming: UUID = Field(description="names this one permission to click; the same again where the answer was lost")
    text_sha256: str
    tail_external_id: str | None = Field(description="newest bubble on the page, none in an empty chat")


class Armed(Wire):
    """Permission for one click within `click_within_ms` of the request's start, measured by the bridge's monotonic clock."""

    send_id: UUID
    click_within_ms: int
    deadline_at: Utc


class SendOutcome(StrEnum):
    """What the bridge found out about one send."""

    SENT = "sent"
    DISARMED = "disarmed"
    RETURNED = "returned"
    ABSENT = "absent"
    UNKNOWN = "unknown"
    FAILED = "failed"
    POSTPONED = "postponed"


class SendReport(Command):
    """Body of POST /bridge/sends/{id}/report. `external_id` is the bubble that was read back, for `sent`.

    Accepted in every state of the send: what is settled already, or is not this device's to say, answers the present status and
    changes nothing. `returned`, `failed` and `postponed` (the bridge's own limit) come from a leased send or after a refused
    `Arm`, `disarmed` from an armed one whose click was stopped. What is said of an armed send counts for the named arming only.
    """

    epoch: int
    installation_id: UUID
    outcome: SendOutcome
    arming: UUID | None = Field(
        default=None, description="the arming that this is about; none before any was asked for"
    )
    external_id: ExternalId | None = None
    tick: Tick | None = None
    code: str | None = Field(
        default=None, max_length=60, description="error code, e.g. wrong_chat, box_not_empty, text_differs"
    )
    detail: str | None = Field(default=None, max_length=500)
    screenshot: str | None = Field(
        default=None, max_length=200, description="name of the picture that the bridge kept on its computer"
    )
    wait_seconds: float | None = Field(default=None, ge=0, description="for postponed: when to offer it again")
    evidence: dict[str, bool | str | int | None] = Field(
        default={}, description="for absent: all of ABSENCE_PROOF, or NEVER_CLICKED; else what was seen"
    )


class SendReported(Wire):
    """The send's status after the report was stored."""

    send_id: UUID
    status: str


class BridgeHintType(StrEnum):
    """Doorbells of the bridge's WebSocket; each says only: ask."""

    SEND_QUEUED = "send.queued"
    SEND_CANCELLED = "send.cancelled"
    CHAT_READ = "chat.read"
    CHANNEL_ASKED = "channel.asked"
    CODE_WANTED = "code.wanted"
    DRAFT_WANTED = "draft.wanted"
    REVOKED = "device.revoked"


class BridgeHint(Wire):
    """A frame of the bridge's WebSocket."""

    type: BridgeHintType
    ids: dict[str, UUID] = {}
