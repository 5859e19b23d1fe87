"""What a channel can do now, from end to end, in one plain sentence: judged by what its bridge read and sent, not by its line."""

from datetime import datetime, timedelta

from core.contracts.sessions import BreakerState, BridgeHealth, ChannelHealth, ChannelVerdict
from core.contracts.states import ChannelState
from domain.channels.models import Channel
from domain.channels.risk import consented

SCAN_LATE = timedelta(seconds=120)
"""The list is looked over at least every 30 seconds; four looks that failed are no accident."""

CLOCK_OFF = timedelta(seconds=90)
UNACKED = timedelta(minutes=10)

_STATES: dict[str, tuple[str, str | None]] = {
    ChannelState.STARTING: ("The chat page is being opened.", None),
    ChannelState.QR: ("The number is not linked.", "Show the code here and scan it with the phone."),
    ChannelState.OFFLINE: ("WhatsApp says that the computer is not connected.", "Look at that computer's network."),
    ChannelState.TAKEN_OVER: (
        "WhatsApp Web is open in another window.",
        "Close that window, or take the session back here.",
    ),
    ChannelState.RESTRICTED: ("WhatsApp has restricted this number.", "Read the guide below before you resume."),
    ChannelState.LOGGED_OUT: ("The number was logged out on this computer.", "Link it again with the phone."),
    ChannelState.BROKEN: (
        "The bridge does not understand the chat page.",
        "Update the bridge; approved replies wait and nothing is lost.",
    ),
}


def judge(channel: Channel, now: datetime) -> ChannelHealth:
    """Return the verdict over a channel at this moment."""
    seen = BridgeHealth.model_validate(channel.health) if channel.health is not None else None
    off = _clock_off(seen, channel.health_at)
    verdict, says, hint = _verdict(channel, seen, now)
    if off is not None and hint is None and verdict is ChannelVerdict.WORKS:
        says, hint = (
            f"{says} That computer's clock is {off:+.0f} s off.",
            "Let the system set its clock by the network.",
        )
    return ChannelHealth(verdict=verdict, says=says, hint=hint, clock_off_seconds=off, seen=seen)


def takes_sends(channel: Channel) -> bool:
    """Tell whether new sends may be handed to a channel's bridge; what is armed is settled in any case."""
    if channel.stopped_at is not None or not consented(channel):
        return False
    breaker = (channel.health or {}).get("breaker")
    return not isinstance(breaker, dict) or breaker.get("state") == BreakerState.CLOSED


def _verdict(channel: Channel, seen: BridgeHealth | None, now: datetime) -> tuple[ChannelVerdict, str, str | None]:
    if channel.last_seen_at is None:
        first = "Pair a computer." if consented(channel) else "An owner reads about the risk and accepts it first."
        return ChannelVerdict.NEVER, "No computer has served this channel yet.", first
    if channel.lease_until is None or channel.lease_until <= now:
        silent = f"Nothing was heard for {_ago(now - channel.last_seen_at)}."
        return ChannelVerdict.SILENT, silent, "Start the bridge on its computer, and look at that computer's network."
    if not consented(channel):
        says = "The chat page stays closed until the owner has accepted the risk."
        return ChannelVerdict.NOTHING, says, "An owner reads and accepts it below."
    if channel.state != ChannelState.LINKED and not _breaker_open(seen):
        says, hint = _STATES[channel.state]
        return ChannelVerdict.NOTHING, says, hint
    if seen is None:
        return ChannelVerdict.WORKS, "Linked.", "This bridge is older and tells nothing about its health: update it."
    return _of_linked(channel, seen, now)


def _of_linked(channel: Channel, seen: BridgeHealth, now: datetime) -> tuple[ChannelVerdict, str, str | None]:
    if seen.last_scan_at is None:
        return ChannelVerdict.NOTHING, "Linked. The first look over the chats is under way.", None
    late = seen.at - seen.last_scan_at > SCAN_LATE
    if seen.page_answers is False or late:
        says = "The chat page does not answer." if not late else "The list of chats was not read for some minutes."
        return ChannelVerdict.NOTHING, says, "The bridge starts its browser again by itself; look at that computer."
    if channel.stopped_at is not None:
        says = "Reads, but sends nothing: it was stopped and waits until a person resumes it."
        return ChannelVerdict.READS_ONLY, says, "Read the guide, then resume."
    if _breaker_open(seen) and seen.breaker is not None:
        why = seen.breaker.reason or "sends failed several times in a row"
        says = f"Reads, but cannot send: {why}."
        return ChannelVerdict.READS_ONLY, says, "It tries again by itself, ever more slowly; or press “Try again”."
    if seen.landmarks_missing:
        says = f"Reads, but may not be able to send: not found on the page: {', '.join(seen.landmarks_missing)}."
        return ChannelVerdict.READS_ONLY, says, "Update the bridge."
    if seen.unacked_since is not None and now - seen.unacked_since > UNACKED:
        says = f"Reads and sends, but the newest reply has no tick since {_ago(now - seen.unacked_since)}."
        return ChannelVerdict.WORKS, says, "Look at the phone: is it online?"
    if seen.last_read_back_at is None:
        return ChannelVerdict.WORKS, "Reads, and is ready to send; nothing was sent yet.", None
    return ChannelVerdict.WORKS, "Reads and sends.", None


def _breaker_open(seen: BridgeHealth | None) -> bool:
    return seen is not None and seen.breaker is not None and seen.breaker.state is not BreakerState.CLOSED


def _clock_off(seen: BridgeHealth | None, told_at: datetime | None) -> float | None:
    if seen is None or told_at is None or abs(seen.at - told_at) <= CLOCK_OFF:
        return None
    return (seen.at - told_at).total_seconds()


def _ago(passed: timedelta) -> str:
    minutes = int(passed.total_seconds() // 60)
    if minutes < 1:
        return "less than a minute"
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} hours" if minutes < 60 * 48 else f"{minutes // 1440} days"
