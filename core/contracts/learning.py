"""A chat of the desk as it is learnt from: what customers asked, what was drafted, and what staff really sent."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.contracts.history import PastChat, PastMessage
from core.contracts.proposals import SourceName


@dataclass(frozen=True, slots=True)
class DeskExchange:
    """What a customer wrote in one go and what of ours left for it; `reply` is empty where nothing did.

    `drafted` is what the machine proposed (no parts: the knowledge had no answer), None where it proposed nothing; `missing` and
    `cited` are that draft's. `seen` says that all of it is readable text, and all parts left. `sighting` names it for good.
    """

    burst: Sequence[PastMessage]
    reply: Sequence[PastMessage]
    drafted: Sequence[str] | None
    missing: Sequence[str]
    cited: Sequence[SourceName]
    seen: bool
    sighting: str


@dataclass(frozen=True, slots=True)
class DeskChat:
    """The last exchanges of a chat; `past` holds all its messages with what the customer is called, for redaction."""

    past: PastChat
    language: str | None
    exchanges: Sequence[DeskExchange]
