"""What state the session is in, from the page alone."""

from dataclasses import dataclass
from typing import Any

from core.contracts.states import ChannelState
from desktop_bridge.page.landmarks import Landmarks


@dataclass(frozen=True)
class Session:
    """The state and, in plain words, why."""

    state: ChannelState
    detail: str | None = None

    @property
    def usable(self) -> bool:
        """Whether chats can be read and messages sent."""
        return self.state is ChannelState.LINKED


_WORDS = (
    ("restricted", ChannelState.RESTRICTED, "WhatsApp does not let this account in at the moment"),
    ("logged_out", ChannelState.LOGGED_OUT, "this computer was logged out; link it again"),
    ("outdated", ChannelState.BROKEN, "the page says that it is too old; update the browser"),
)

NO_CONSENT = Session(
    ChannelState.STARTING, "consent missing: the page stays closed until the owner accepts the risk in the panel"
)
NOT_UNDERSTOOD = Session(ChannelState.BROKEN, "the page shows neither chats nor a code nor anything else that is known")


def session_of(seen: dict[str, Any], landmarks: Landmarks) -> Session:
    """Decide from `read.session`. A list beats a code, and neither of them usually means that it is still loading."""
    if seen["side"]:
        if seen["barred"]:
            return Session(ChannelState.RESTRICTED, "the page says that the account is restricted")
        if seen["offline"]:
            return Session(ChannelState.OFFLINE, "the page says that it is not connected")
        return Session(ChannelState.LINKED)
    if seen["takenOver"]:
        return Session(
            ChannelState.TAKEN_OVER, "the session is open in another window; only its owner may take it back"
        )
    if seen["qr"]:
        return Session(ChannelState.QR, "waits to be linked with the phone")
    for words, state, detail in _WORDS:
        if landmarks.says(words, seen["words"]):
            return Session(state, detail)
    return Session(ChannelState.STARTING)
