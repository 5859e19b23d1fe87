"""The small file by which other processes of this computer see how the bridge is: no port, no content of chats."""

import os
from datetime import UTC, datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict

from core.contracts.states import ChannelState

FILE = "status.json"


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
    at: AwareDatetime


def write_status(home: Path, status: BridgeStatus) -> None:
    """Replace the file in one step."""
    path = home / FILE
    fresh = path.with_suffix(".new")
    fresh.write_text(status.model_dump_json(), encoding="utf-8")
    fresh.replace(path)


def read_status(home: Path) -> BridgeStatus | None:
    """Return the file's content, if there is any."""
    path = home / FILE
    return BridgeStatus.model_validate_json(path.read_text(encoding="utf-8")) if path.exists() else None


def status_now(*, ready: bool, state: ChannelState, page_url: str, **more: object) -> BridgeStatus:
    """Return the status of this process at this moment."""
    return BridgeStatus.model_validate(
        {"pid": os.getpid(), "ready": ready, "state": state, "page_url": page_url, "at": datetime.now(UTC), **more}
    )
