"""The small file by which other processes of this computer see how the bridge is: no port, no content of chats."""

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import structlog
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from core.contracts.states import ChannelState

FILE = "status.json"

ROOM = 4096
"""Bytes of the file, filled up with spaces, so that a later status fits into the room of an earlier one."""

log = structlog.get_logger(__name__)


class BridgeStatus(BaseModel):
    """What is in the file."""

    model_config = ConfigDict(frozen=True)

    pid: int
    ready: bool
    state: ChannelState
    detail: str | None = None
    lease_held: bool = False
    page_url: str
    started_seconds: float | None = None
    news_put_aside: int = Field(default=0, description="rows that the server refused for good; they are in the journal")
    files_waiting: int = Field(default=0, description="files of messages that are still to be brought to the server")
    at: AwareDatetime


def write_status(home: Path, status: BridgeStatus) -> None:
    """Replace the file in one step; on a full disk write over the old one, whose room is large enough, or leave it."""
    path = home / FILE
    fresh = path.with_suffix(".new")
    content = status.model_dump_json().encode("utf-8").ljust(ROOM)
    try:
        fresh.write_bytes(content)
        fresh.replace(path)
    except OSError as full:
        log.warning("status.not_replaced", reason=full.strerror)
        with suppress(OSError):
            fresh.unlink(missing_ok=True)
        with suppress(OSError), path.open("r+b") as old:
            old.write(content)


def read_status(home: Path) -> BridgeStatus | None:
    """Return the file's content, if there is any."""
    path = home / FILE
    return BridgeStatus.model_validate_json(path.read_bytes()) if path.exists() else None


def status_now(*, ready: bool, state: ChannelState, page_url: str, **more: object) -> BridgeStatus:
    """Return the status of this process at this moment."""
    return BridgeStatus.model_validate(
        {"pid": os.getpid(), "ready": ready, "state": state, "page_url": page_url, "at": datetime.now(UTC), **more}
    )
