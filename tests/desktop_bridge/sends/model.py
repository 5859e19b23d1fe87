"""A model of the page and of the server that misbehave on command, to try the send machine through thousands of stories."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

from core.contracts.bridge import ABSENCE_PROOF, NEVER_CLICKED, Armed, SendOrder, SendOutcome, SendReport
from core.contracts.ids import new_id
from core.contracts.states import ChatKind, Tick
from core.contracts.texts import text_sha256
from core.errors import Unavailable
from desktop_bridge.errors import ArmRefused, BoxNotEmpty, ChatNotProven, PageStuck
from desktop_bridge.sends.ports import Click, Sighting, Standing, Target

TEXT = "We open at nine."


class Crash(BaseException):
    """The process dies here."""


@dataclass
class Whims:
    """Decides by a list of numbers what goes wrong next; an exhausted list means that all goes well."""

    numbers: Iterator[int]

    def strikes(self, one_in: int) -> bool:
        """Tell whether a mishap of this frequency happens now."""
        return next(self.numbers, 1) % one_in == 0


@dataclass
class ModelPage:
    """A chat page: box, bubbles as (id, own, text, pending), clicks that are lost, late, or kept in an outbox."""

    whims: Whims
    bubbles: list[tuple[str, bool, str]] = field(default_factory=lambda: [("C1", False, "When do you open?")])
    box: str = ""
    late: list[str] = field(default_factory=list)
    outbox: list[str] = field(default_factory=list)
    received: list[str] = field(default_factory=list)
    clicks: int = 0
    counter: int = 1
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    # -- what the world does ------------------------------------------------------------------------------------------

    def customer_writes(self) -> None:
        self.counter += 1
        self.bubbles.append((f"C{self.counter}", False, "and another thing"))

    def _leave(self, text: str) -> None:
        self.counter += 1
        self.bubbles.append((f"O{self.counter}", True, text))
        self.received.append(text)

    def time_passes(self) -> None:
        """A late click takes effect now, if its browser still lives."""
        for _ in range(len(self.late)):
            self.late.pop()
            if self.box:
                self._leave(self.box)
                self.box = ""

    def process_dies(self) -> None:
        """The browser may do what it was handed before it dies as well."""
        if self.whims.strikes(2):
            self.time_passes()

    def _mishap(self) -> None:
        if self.late and self.whims.strikes(2):
            self.time_passes()
        if self.whims.strikes(9):
            self.customer_writes()
        if self.whims.strikes(11):
            raise PageStuck("the model page does not answer")

    # -- the port -----------------------------------------------------------------------------------------------------

    async def open(self, target: Target) -> None:
        self._mishap()
        if not set(target.known) & {one[0] for one in self.bubbles}:
            raise ChatNotProven("nothing is known here")

    async def clear_box(self, own: Sequence[str]) -> None:
        self._mishap()
        if self.box and not any(text.startswith(self.box) for text in own):
            raise BoxNotEmpty("somebody writes here")
        self.box = ""

    async def type(self, text: str, char_ms: float, go_on: Callable[[], None]) -> None:
        del char_ms
        go_on()
        if self.box:
            raise BoxNotEmpty("somebody writes here")
        self.box = text[: len(text) // 2]
        self._mishap()
        self.box = text

    async def look(self) -> Standing:
        self._mishap()
        tail = self.bubbles[-1][0]
        return Standing("Anna", "Type a message to Anna", (self.box,), tail, tail, 0.0, 0.0)

    async def click(self, standing: Standing, deadline: float) -> Click:
        del deadline
        if self.whims.strikes(6):
            self.customer_writes()
        if self.bubbles[-1][0] != standing.tail or self.box != standing.text:
            return Click(passed=False, reason="tail")
        if self.whims.strikes(8):
            return Click(passed=False, reason="deadline")
        self.clicks += 1
        silent = self.whims.strikes(5)
        if self.whims.strikes(4):
            pass  # lost
        elif self.whims.strikes(4):
            self.late.append(self.box)
        elif self.whims.strikes(5):
            self.outbox.append(self.box)
            self.counter += 1
            self.bubbles.append((f"P{self.counter}", True, self.box))
            self.box = ""
        else:
            self._leave(self.box)
            self.box = ""
        return Click(passed=not silent)

    async def find_sent(self, text: str, tail: str | None, exclude: frozenset[str], wait: float) -> Sighting:
        if wait > 0 and self.whims.strikes(3):
            self.time_passes()
        self._mishap()
        ids = [one[0] for one in self.bubbles]
        below = self.bubbles[ids.index(tail) + 1 :] if tail in ids else []
        own = [one for one in below if one[1] and one[0] not in exclude]
        found = next((one for one in own if one[2] == text), None)
        pending = any(one[0].startswith("P") for one in own) and bool(self.outbox)
        tick = None if found is None else Tick.PENDING if found[0].startswith("P") and self.outbox else Tick.SENT
        return Sighting(
            external_id=found[0] if found else None,
            tick=tick,
            page_online=True,
            page_synced=True,
            tail_on_screen=tail in ids,
            nothing_pending=not pending,
        )

    async def ensure_restarted(self, after: datetime) -> None:
        if self.started_at <= after:
            self.restart()
        self._mishap()

    def restart(self) -> None:
        """A new browser: what the old one was handed is gone, what the page kept in its outbox leaves."""
        self.late.clear()
        self.received.extend(self.outbox)
        self.outbox.clear()
        self.started_at = datetime.now(UTC)


@dataclass
class ModelServer:
    """One send on the server's side, by the rules of design section 3.4; answers may be lost."""

    whims: Whims
    page: ModelPage
    send_id: UUID = field(default_factory=new_id)
    chat_id: UUID = field(default_factory=new_id)
    status: str = "queued"
    version_tail: str = "C1"
    known: list[str] = field(default_factory=lambda: ["C1"])
    armed_tail: str | None = None
    armed_by: UUID | None = None
    arming: UUID | None = None

    def next_send(self) -> SendOrder | None:
        """Give the send if it is still to be worked on."""
        if self.status not in {"queued", "leased", "armed"}:
            return None
        settle = self.status == "armed"
        if not settle:
            self.status = "leased"
        return SendOrder(
            send_id=self.send_id, epoch=1, chat_id=self.chat_id, title="Anna", kind=ChatKind.PERSON, text=TEXT,
            text_sha256=text_sha256([TEXT]), part=0, parts_total=1, known_external_ids=self.known,
            previous_part_external_id=None, settle_only=settle,
            armed_tail_external_id=self.armed_tail if settle else None,
            armed_by_installation=self.armed_by if settle else None, arming=self.arming if settle else None,
        )  # fmt: skip

    def observe(self) -> None:
        """Learn what the page shows; our own bubbles are not news of the chat."""
        self.known = [one[0] for one in reversed(self.page.bubbles)][:8]

    async def arm(self, order: SendOrder, tail: str | None, arming: UUID) -> Armed:
        if self.whims.strikes(10):
            raise Unavailable("not reached")
        if self.status not in {"leased", "armed"}:
            raise ArmRefused("not leased", code="not_leased")
        if tail != self.version_tail:
            self.status = "returned"
            raise ArmRefused("the chat changed", code="chat_moved")
        if self.status == "armed" and arming != self.arming:
            raise Unavailable("armed before", code="armed_before")
        self.status, self.armed_tail, self.armed_by, self.arming = "armed", tail, self._installation, arming
        if self.whims.strikes(8):
            raise Unavailable("the answer was lost")
        return Armed(send_id=order.send_id, click_within_ms=3000, deadline_at=datetime.now(UTC) + timedelta(seconds=3))

    _installation: UUID | None = None

    async def report(self, send_id: UUID, report: SendReport) -> str:
        assert send_id == self.send_id
        if self.whims.strikes(10):
            raise Unavailable("not reached")
        if self.status == "leased":
            self._apply_leased(report)
        elif self.status == "armed" and report.arming == self.arming:
            self._apply_armed(report)
        if self.whims.strikes(8):
            raise Unavailable("the answer was lost")
        return self.status

    def _apply_leased(self, report: SendReport) -> None:
        match report.outcome:
            case SendOutcome.DISARMED | SendOutcome.RETURNED:
                self.status = "returned"
            case SendOutcome.ABSENT:
                pass
            case SendOutcome.POSTPONED:
                self.status = "queued"
            case outcome:
                self.status = outcome.value

    def _apply_armed(self, report: SendReport) -> None:
        said = report.evidence
        proven = said.get(NEVER_CLICKED) is True or all(said.get(proof) is True for proof in ABSENCE_PROOF)
        match report.outcome:
            case SendOutcome.SENT:
                self.status = "sent"
            case SendOutcome.ABSENT if proven and report.installation_id == self.armed_by:
                self.status = "queued"
            case SendOutcome.DISARMED | SendOutcome.RETURNED | SendOutcome.FAILED:
                self.status = "returned"
            case _:
                self.status = "unknown"
