"""The life of a channel's session beside its state: its health, the breaker, what a person asked for, the code that links it."""

from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints

from core.contracts.base import Command, Utc, Wire

CODE_SECONDS = 45
"""How long a linking code is kept at most; the page makes a new one about every 20 seconds."""

WANTED_SECONDS = 60
"""How long one look of an owner at the code lets the bridge hand codes in."""


class BreakerState(StrEnum):
    """Whether sends are taken: `closed` takes them, `open` waits for its next probe, `trying` is probing the page now."""

    CLOSED = "closed"
    OPEN = "open"
    TRYING = "trying"


class Breaker(Wire):
    """Stops sending after failures in a row. `tries` counts probes since the last good send; the wait grows with it."""

    state: BreakerState = BreakerState.CLOSED
    failures: int = Field(default=0, ge=0, description="sends in a row that proved nothing or found another page")
    tries: int = Field(default=0, ge=0)
    reason: str | None = Field(default=None, max_length=300)
    screenshot: str | None = Field(default=None, max_length=200, description="name of the picture the bridge kept")
    opened_at: Utc | None = None
    retry_at: Utc | None = None


class BridgeHealth(Wire):
    """What the bridge measured of itself when it renewed its lease. None means not known yet, not well."""

    at: Utc = Field(description="the computer's clock")
    page_answers: bool | None = None
    last_scan_at: Utc | None = Field(default=None, description="when the list was last read to its end")
    last_read_back_at: Utc | None = Field(default=None, description="when one of our sends was last read back")
    unacked_since: Utc | None = Field(default=None, description="the newest own send has no tick since then")
    landmarks_missing: Annotated[list[str], Field(max_length=40)] = []
    memory_mb: int | None = Field(default=None, ge=0)
    breaker: Breaker | None = Field(default=None, description="none where it was not read back from the server yet")


class ChannelAsk(StrEnum):
    """What a person asks the bridge to do, once and soon; it is handed out with one lease and then forgotten."""

    USE_HERE = "use_here"
    TRY_AGAIN = "try_again"


class Stop(StrEnum):
    """Why a channel sends nothing until a person resumes it."""

    RESTRICTED = "restricted"


class ChannelVerdict(StrEnum):
    """What a channel can do now, from end to end."""

    WORKS = "works"
    READS_ONLY = "reads_only"
    NOTHING = "nothing"
    SILENT = "silent"
    NEVER = "never"


class ChannelHealth(Wire):
    """The verdict in plain words, why, and what to do; with what the bridge measured."""

    verdict: ChannelVerdict
    says: str
    hint: str | None = None
    clock_off_seconds: float | None = None
    seen: BridgeHealth | None = None


class RiskText(Wire):
    """What an owner reads before WhatsApp Web is linked: the official route first, then the risk. Accepting names the version."""

    version: str
    official: list[str]
    risk: list[str]
    promise: list[str]


class AcceptRisk(Command):
    """Body of POST /channels/{id}/risk: the owner typed the business's number and accepts the text of this version."""

    version: str = Field(max_length=40)
    number: Annotated[str, StringConstraints(strip_whitespace=True, min_length=5, max_length=40)] = Field(
        description="the business's number with its country code, e.g. +351 912 345 678"
    )
    accepted: bool


class LinkCodeSeen(Command):
    """Body of POST /bridge/link-code: what the page's code says. It links an account: never logged, never in the database."""

    epoch: int
    data: Annotated[str, StringConstraints(min_length=8, max_length=2000)] = Field(repr=False)


class LinkCodeTaken(Wire):
    """Whether the code was kept, and for how many seconds more somebody looks; 0 means: send no more."""

    kept: bool
    wanted_seconds: float


class LinkCode(Wire):
    """The code as the owner may scan it, none where there is none now. `wanted` says that the bridge was asked for one."""

    channel_id: UUID
    data: str | None = Field(default=None, repr=False)
    wanted: bool = True
