"""From the best unit to what is said: a sentence with what it cannot stand without, a whole short list, or one row of a table."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from agents.drafter.evidence import Candidate, Match
from agents.text.questions import Ask
from agents.text.units import Kind, leans_back
from agents.text.words import words

MOST_CHARS = 500
_WHOLE_LIST_ITEMS = 8
_WHOLE_LIST_CHARS = 320
_WHOLE_ANSWER_CHARS = 420
_CLOSE_BEHIND = 0.8
_SHORT_ENTRY = 30

_LIMITS = re.compile(
    r"\b(?:except|unless|only if|but not|however|otherwise|excluding|not included|excepto|salvo|menos|solo si|exceto|apenas|außer"
    r"|jedoch|sonst|nur wenn|sauf|uniquement|hormis|tranne|eccetto|hariç|кроме|однако)\b|除外|除了|باستثناء",
    re.I,
)


@dataclass(frozen=True, slots=True)
class Piece:
    """Something to say and the passage that says it."""

    text: str
    passage_id: UUID


def compose(ask: Ask, best: Match, ranked: Sequence[Match], pool: Sequence[Candidate]) -> list[Piece]:
    """Return what answers an ask, in the order of the passage, at most about `MOST_CHARS` characters."""
    chosen = best.candidate
    group = [c for c in pool if c.passage.id == chosen.passage.id and c.unit.group == chosen.unit.group]
    if chosen.unit.kind in {Kind.ITEM, Kind.ROW} or _is_timetable(ask, group):
        return [Piece(_listed(best, ask, ranked, group), chosen.passage.id)]
    picked = _with_support(best, ranked, group)
    return within_limit([Piece(_end(c.unit.text), c.passage.id) for c in sorted(picked, key=lambda c: c.unit.order)])


def _is_timetable(ask: Ask, group: Sequence[Candidate]) -> bool:
    """Opening hours without a day in the question: the answer is the whole block of lines with days."""
    return "hours" in ask.wants and not ask.days and sum(bool(c.read.days) for c in group) > 1 and len(group) > 1


def _with_support(best: Match, ranked: Sequence[Match], group: Sequence[Candidate]) -> list[Candidate]:
    """Take the sentence before one that leans on it, the one after that limits it, and the rest of a short answer."""
    chosen = best.candidate
    if chosen.unit.kind is Kind.ANSWER and sum(len(c.unit.text) for c in group) <= _WHOLE_ANSWER_CHARS:
        return list(group)
    at = next(i for i, c in enumerate(group) if c.unit.order == chosen.unit.order)
    picked = [chosen]
    while at > 0 and leans_back(picked[0].unit.text) and len(picked) < 3:
        at -= 1
        picked.insert(0, group[at])
    after = next(i for i, c in enumerate(group) if c.unit.order == chosen.unit.order) + 1
    if after < len(group) and len(picked) < 3:
        follower = group[after]
        near = next((m.score for m in ranked if m.candidate is follower), 0.0)
        if _LIMITS.search(follower.unit.text) or (
            leans_back(follower.unit.text) and near >= _CLOSE_BEHIND * best.score
        ):
            picked.append(follower)
    return picked


def _listed(best: Match, ask: Ask, ranked: Sequence[Match], group: Sequence[Candidate]) -> str:
    """Say one entry where the question means it alone, else the whole list under its name."""
    entries = [c for c in group if c.unit.kind in {Kind.ITEM, Kind.ROW, Kind.SENTENCE}]
    rivals = sum(
        1 for m in ranked if m.candidate in entries and m.own_cover >= best.own_cover and m.fitting >= best.fitting
    )
    meant_alone = (best.own_cover > 0 and rivals == 1) or (bool(ask.days) and ask.days <= best.candidate.read.days)
    title = best.candidate.unit.lead if best.candidate.unit.kind is Kind.ITEM else ""
    whole = sum(len(c.unit.text) for c in entries)
    fits = 1 < len(entries) <= _WHOLE_LIST_ITEMS and whole <= _WHOLE_LIST_CHARS
    if fits and (not meant_alone or (title and _is_plain_list(c.unit.text for c in entries))):
        heading = title or (best.candidate.unit.headings[-1] if best.candidate.unit.headings else "")
        return _whole(heading, [c.unit.text for c in entries])
    text = best.candidate.unit.text
    return f"{title}: {text}" if title and len(words(text)) <= 8 else text


def _whole(heading: str, entries: Sequence[str]) -> str:
    name = heading.rstrip(":：").strip()
    if name.isupper():
        name = name.capitalize()
    if heading and _is_plain_list(entries):
        return _end(f"{name}: {', '.join(entry.rstrip('.;,') for entry in entries)}")
    lines = "\n".join(f"- {entry}" for entry in entries)
    return f"{name}:\n{lines}" if name else lines


def _is_plain_list(entries: Iterable[str]) -> bool:
    """Short names without values, as in "We accept: cash, Visa"."""
    return all(len(entry) <= _SHORT_ENTRY and not any(char.isdigit() for char in entry) for entry in entries)


def _end(text: str) -> str:
    return text if text[-1:] in ".!?…。！？؟:" else f"{text}."


def within_limit(pieces: list[Piece]) -> list[Piece]:
    """Return the first pieces that fit into about `MOST_CHARS` characters, one at the least."""
    kept: list[Piece] = []
    size = 0
    for piece in pieces:
        if kept and size + len(piece.text) > MOST_CHARS:
            break
        kept.append(piece)
        size += len(piece.text)
    return kept
