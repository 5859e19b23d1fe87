"""Channels (the business's numbers) and the devices that serve them."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from core.contracts.base import Command, Utc, Wire
from core.contracts.sessions import ChannelHealth, Stop
from core.contracts.states import AutomationState, ChannelKind, ChannelState, ChatMode, ReadingChoice

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]


class NewChannel(Command):
    """Body of POST /channels."""

    kind: ChannelKind
    name: Name
    timezone: str = Field(default="UTC", description="IANA name, e.g. Europe/Lisbon")


class Channel(Wire):
    """One number or page of the business, and what is known of its health."""

    id: UUID
    kind: ChannelKind
    name: str
    mode: ChatMode
    state: ChannelState
    state_detail: str | None
    timezone: str
    holder_device_id: UUID | None
    epoch: int
    last_seen_at: Utc | None
    choice: ReadingChoice = Field(
        default=ReadingChoice.NEW_WRITERS, description="which chats the bridge reads, chosen on its computer"
    )
    choice_named: int = Field(default=0, description="how many chats the owner named with the choice")
    choice_unclear: int = Field(default=0, description="named, and not read because several chats bear the name")
    address: str | None = Field(default=None, description="the number, as its owner typed it when accepting the risk")
    risk_accepted_at: Utc | None = None
    risk_text_version: str | None = None
    stopped_reason: Stop | None = Field(default=None, description="nothing is sent until a person resumes")
    stopped_at: Utc | None = None
    health: ChannelHealth | None = None
    own_key: bool = Field(
        default=False, description="drafts are made on the owner's computer with the owner's own AI key"
    )

    @property
    def consented(self) -> bool:
        """Whether the owner accepted the risk, where there is one to accept."""
        return self.kind is not ChannelKind.WHATSAPP_WEB or self.risk_accepted_at is not None


class AutomationText(Wire):
    """An own text that went out at once below customers' messages in several chats: a greeting or away text of WhatsApp Business."""

    id: UUID
    channel_id: UUID
    text: str
    state: AutomationState
    first_seen_at: Utc
    last_seen_at: Utc
    chats: int = Field(description="in so many chats it was seen")


class JudgeAutomation(Command):
    """Body of POST /channels/automations/{id}/judge: `kept` says that it is automatic, `person` that somebody typed it."""

    state: AutomationState


class NewPairing(Command):
    """Body of POST /devices/pairings: asks for a code that pairs one device with one channel."""

    channel_id: UUID


class Pairing(Wire):
    """A code to type on the business's computer; works once, until `expires_at`."""

    code: str
    expires_at: Utc


class PairDevice(Command):
    """Body of POST /devices/pair, sent by the bridge with the code."""

    code: Annotated[str, StringConstraints(strip_whitespace=True, min_length=6, max_length=64)]
    name: Name
    app_version: str = Field(max_length=40)
    protocol: int = Field(ge=1)


class PairedDevice(Wire):
    """What the bridge keeps after pairing; `token` is shown once and stored hashed on the server."""

    device_id: UUID
    tenant_id: UUID
    channel_id: UUID
    token: str


class Device(Wire):
    """A paired bridge."""

    id: UUID
    name: str
    channel_id: UUID
    paired_at: Utc
    last_seen_at: Utc | None
    app_version: str
    revoked_at: Utc | None
