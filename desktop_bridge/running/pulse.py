"""What the bridge measures of itself, end to end: when it last read and sent, not whether a line is up."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from core.contracts.sessions import Breaker, BridgeHealth
from core.contracts.states import Tick
from desktop_bridge.journal.journal import Journal

_UNACKED = frozenset({None, Tick.PENDING})


@dataclass
class Pulse:
    """The newest measures. The journal knows what was sent and which ticks came."""

    journal: Journal
    page_answers: bool | None = None
    last_scan_at: datetime | None = None
    landmarks_missing: list[str] = field(default_factory=list)
    memory_mb: int | None = None

    def scanned(self) -> None:
        """Note that the list was read to its end now, so that the page answers and its list is as described."""
        self.last_scan_at, self.page_answers = datetime.now(UTC), True

    def document(self, breaker: Breaker | None) -> BridgeHealth:
        """Return the measures for the server."""
        sent = self.journal.sends.newest_sent()
        read_back, unacked = None, None
        if sent is not None:
            external_id, read_back = sent
            known = self.journal.chats.known([external_id]).get(external_id)
            unacked = read_back if known is not None and known.tick in _UNACKED else None
        return BridgeHealth(
            at=datetime.now(UTC),
            page_answers=self.page_answers,
            last_scan_at=self.last_scan_at,
            last_read_back_at=read_back,
            unacked_since=unacked,
            landmarks_missing=self.landmarks_missing,
            memory_mb=self.memory_mb,
            breaker=breaker,
        )
