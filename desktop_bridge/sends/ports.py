"""The two things that a send needs: somebody who decides (`Authority`) and a page to act on (`ChatPage`)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol
from uuid import UUID

from core.contracts.bridge import Armed, SendOrder, SendReport
from core.contracts.states import ChatKind, Tick


@dataclass(frozen=True)
class Target:
    """The chat that is meant: `known` are ids of its newest bubbles, any of which proves it; the title is a hint."""

    chat_id: UUID
    title: str
    kind: ChatKind
    known: tuple[str, ...]


@dataclass(frozen=True)
class Standing:
    """What stands on the page, from one evaluation. `page_ms` is the page's clock, read before `looked_at` (monotonic, s)."""

    title: str
    label: str
    box: tuple[str, ...]
    raw_tail: str | None
    tail: str | None
    page_ms: float
    looked_at: float

    @property
    def text(self) -> str:
        """The text in the box, paragraphs joined by line feeds."""
        return "\n".join(self.box)


@dataclass(frozen=True)
class Click:
    """What became of the one click: `passed` to the page, or stopped for a `reason`; neither is known of a silent page."""

    passed: bool
    reason: str | None = None
    screenshot: Path | None = None

    @property
    def stopped(self) -> bool:
        """Certain that the page never got it."""
        return not self.passed and self.reason is not None


@dataclass(frozen=True)
class Sighting:
    """What a look for the sent bubble found. `tail_on_screen` means that the noted tail and all below it were read.

    `others` are bubbles below the tail that were not told to be it and yet might be: own ones of no other send, and twins of its text.
    """

    external_id: str | None = None
    tick: Tick | None = None
    page_online: bool = False
    page_synced: bool = False
    tail_on_screen: bool = False
    nothing_pending: bool = False
    browser_restarted: bool = False
    others: tuple[str, ...] = field(default=(), repr=False)


class Authority(Protocol):
    """Who decides. Every call may be repeated; a lost answer is asked again."""

    async def arm(self, order: SendOrder, tail: str | None, arming: UUID) -> Armed:
        """Ask to click once, under the name that evidence about it will bear.

        Raises:
            ArmRefused: the authority says no.
            WaxosError: nobody can decide now; the send is offered again later.
        """

    async def report(self, send_id: UUID, report: SendReport) -> str:
        """Tell the outcome and return the send's status: the truth from then on, whatever was told."""


class ChatPage(Protocol):
    """The page as the send machine sees it. Raises PageError where the page cannot be used, SendStopped where it may not."""

    async def open(self, target: Target) -> None:
        """Open the chat and prove it."""

    async def clear_box(self, own: Sequence[str]) -> None:
        """Leave the box empty. Text of ours (a beginning of one of `own`) is removed; anything else is BoxNotEmpty."""

    async def type(self, text: str, char_ms: float, go_on: Callable[[], None]) -> None:
        """Type into the empty box and compare; `go_on` may raise between two strokes to stop."""

    async def look(self) -> Standing:
        """Read what stands on the page in one evaluation."""

    async def click(self, standing: Standing, deadline: float) -> Click:
        """Click the send button once, unless `deadline` (monotonic, s) has passed or the page is not as `standing`."""

    async def find_sent(self, text: str, tail: str | None, exclude: frozenset[str], wait: float) -> Sighting:
        """Look for a new bubble of ours below `tail` that shows `text`, until its tick is past pending or `wait` is over."""

    async def ensure_restarted(self, after: datetime) -> None:
        """Make sure that the browser which may hold an old click is dead: restart it unless it was started after `after`."""


class Witness(Protocol):
    """Who shows staff the chat where a send stopped. Neither call raises: no send and no report waits for a picture."""

    async def look(self, target: Target) -> bytes | None:
        """Take a PNG picture of the target's conversation, None unless it is proven to be open."""

    async def tell(self, send_id: UUID, picture: bytes) -> None:
        """Hand the picture over, after the report about its send."""


class Intake(Protocol):
    """What brings news of the page to the authority."""

    def recognise(self, order: SendOrder) -> None:
        """Call the chat of an order as the authority does, where the journal has it under a name of its own."""

    def refuse_left_out(self, order: SendOrder) -> None:
        """Return if the owner's choice lets the order's chat be opened.

        Raises:
            ChatLeftOut: it does not.
        """

    async def catch_up(self, order: SendOrder) -> None:
        """Read the open chat, which is the order's, and tell the authority everything new in it, before it is asked to arm."""
