"""The draft card: the text with its warnings marked in place, the claims with their passages, and what may be done with it."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID

from core.contracts.byok import OwnerDraft
from core.contracts.chats import ChatContext
from core.contracts.drafts import Draft, DraftRun, DraftSource, Send
from core.contracts.reasoning import Finding
from core.contracts.states import DraftOrigin, DraftStatus, RunState, Verdict
from ui.views.cameback import CameBack, came_back

_EDITABLE = frozenset({DraftStatus.PENDING, DraftStatus.HELD, DraftStatus.BLOCKED})
_EXTRACTIVE = frozenset({"extractive", "none", "bundled"})


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of characters of one part, and the finding that marks it, if any."""

    text: str
    verdict: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """One bubble of the draft: its text, and the same text cut where findings begin and end."""

    text: str
    pieces: list[Piece]


@dataclass(frozen=True, slots=True)
class Mark:
    """A finding as listed under the text; `start`/`end` count UTF-16 units, as the browser's text box does."""

    verdict: str
    check: str
    reason: str
    part: int | None
    start: int | None
    end: int | None


@dataclass(frozen=True, slots=True)
class ClaimLine:
    """A claim with the numbers of the sources that carry it."""

    text: str
    numbers: list[int]


@dataclass(frozen=True, slots=True)
class Numbered:
    """A source with the number that claims name it by."""

    number: int
    source: DraftSource
    percent: int


@dataclass(frozen=True, slots=True)
class Card:
    """What the card shows. `state` is draft, checking, owner, drafting, failed or empty."""

    state: str
    draft: Draft | None = None
    run: DraftRun | None = None
    owner: OwnerDraft | None = None
    parts: list[Part] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    claims: list[ClaimLine] = field(default_factory=list)
    sources: list[Numbered] = field(default_factory=list)
    verdict: str | None = None
    percent: int | None = None
    extractive: bool = False
    by_person: bool = False
    unanswered: bool = False
    back: CameBack | None = None

    @property
    def facts(self) -> dict[str, Any] | None:
        """Return what a decision has to name, none where there is nothing to decide."""
        if self.state != "draft" or self.draft is None:
            return None
        return {
            "id": str(self.draft.id),
            "version": self.draft.version,
            "sha": self.draft.text_sha256,
            "parts": [part.text for part in self.parts],
            "verdict": self.verdict,
            "blocked": self.unanswered or self.draft.status is DraftStatus.BLOCKED or self.verdict == Verdict.BLOCK,
        }


def build_card(context: ChatContext, sends: Sequence[Send] = ()) -> Card:
    """Return the card of a chat; by its sends it knows text that came back."""
    draft, run = context.draft, context.run
    if draft is not None and draft.status in _EDITABLE:
        return replace(_of_draft(draft), back=came_back(draft, sends, context.messages))
    if draft is not None and draft.status is DraftStatus.CHECKING:
        return _of_draft(draft, state="checking")
    if context.owner_draft is not None:
        return Card(state="owner", owner=context.owner_draft)
    if run is not None and run.state in {RunState.DUE, RunState.RUNNING}:
        return Card(state="drafting", run=run)
    if run is not None and run.state is RunState.FAILED:
        return Card(state="failed", run=run)
    return Card(state="empty", draft=draft)


def _of_draft(draft: Draft, state: str = "draft") -> Card:
    findings = draft.check.findings if draft.check else []
    numbered = [
        Numbered(number, source, round(source.score * 100))
        for number, source in enumerate(sorted(draft.sources, key=lambda s: (not s.cited, s.rank)), start=1)
    ]
    numbers = {n.source.passage_id: n.number for n in numbered}
    return Card(
        state=state,
        draft=draft,
        # A draft without a text still has a box: staff write the answer there that the knowledge did not have.
        parts=[Part(t, cut(t, [f for f in findings if f.part == i])) for i, t in enumerate(draft.parts or [""])],
        marks=[_mark(f, draft.parts) for f in findings if f.verdict is not Verdict.PASS],
        claims=[ClaimLine(c.text, _numbers(c.passage_ids, numbers)) for c in draft.claims],
        sources=numbered,
        verdict=draft.check.verdict.value if draft.check else None,
        percent=round(draft.confidence * 100) if draft.confidence is not None else None,
        extractive=draft.origin is DraftOrigin.MACHINE and (draft.provider or "none").lower() in _EXTRACTIVE,
        by_person=draft.origin is DraftOrigin.HUMAN,
        unanswered=not draft.parts,
    )


def _numbers(passages: Sequence[UUID], numbers: dict[UUID, int]) -> list[int]:
    return sorted({numbers[p] for p in passages if p in numbers})


def cut(text: str, findings: Sequence[Finding]) -> list[Piece]:
    """Cut a text where findings begin and end; the worse finding wins where two overlap."""
    marks = [f for f in findings if f.start is not None and f.end is not None and f.verdict is not Verdict.PASS]
    edges = sorted({0, len(text)} | {min(max(edge or 0, 0), len(text)) for f in marks for edge in (f.start, f.end)})
    pieces: list[Piece] = []
    for start, end in itertools.pairwise(edges):
        over = [f for f in marks if (f.start or 0) <= start and end <= (f.end or 0)]
        worst = next((f for f in over if f.verdict is Verdict.BLOCK), over[0] if over else None)
        pieces.append(Piece(text[start:end], worst.verdict.value if worst else None, worst.reason if worst else None))
    return pieces


def _mark(finding: Finding, parts: Sequence[str]) -> Mark:
    start, end = finding.start, finding.end
    if finding.part is not None and finding.part < len(parts) and start is not None and end is not None:
        text = parts[finding.part]
        start, end = _utf16(text[:start]), _utf16(text[:end])
    reason = finding.reason[:1].upper() + finding.reason[1:]
    return Mark(finding.verdict.value, finding.check, reason, finding.part, start, end)


def _utf16(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
