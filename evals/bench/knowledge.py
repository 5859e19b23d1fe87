"""`waxos bench knowledge`: how well questions find their passage and what is said to be missing, and how fast a PDF becomes searchable."""

import asyncio
import json
import statistics
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Annotated

import structlog
import typer

from agents.drafter import build_drafter
from agents.retriever import build_retriever
from core.aal import build_aal
from core.aal.language import tier_of
from core.contracts.ids import new_id
from core.contracts.reasoning import Conversation, ToneProfile, Turn
from core.contracts.states import Direction, MessageKind
from core.settings import AalSettings
from domain.knowledge.evidence import SecondLook
from domain.knowledge.nearness import Found
from domain.knowledge.search import FLOOR
from evals.bench.pdfload import pdf_figures
from evals.quality.retrieval.calibrate import look
from evals.quality.retrieval.desk import MeasuringDesk, measuring_desk
from evals.quality.retrieval.fitting import Fitted, Seen, held_out
from evals.quality.retrieval.questions import BUSINESSES, Question, overlap, questions

LIMITS = {
    "hybrid_lead_points": 5.0,
    "hybrid_hit_at_3": 0.85,
    "missing_unanswered": 0.9,
    "missing_answered": 0.1,
    "pdf_10_pages_s": 3.0,
}
SPLIT = "Each business is judged by weights that were fitted on the questions of all the others."
_WAYS = ("vectors", "text", "fusion", "hybrid")
_NOT_FOUND = 1000

Places = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One question: the place of its passage by each way, from 0; whether the floor kept it; whether the draft says it is missing."""

    question: Question
    places: Places
    kept: bool
    missing: bool


def knowledge(
    pages: Annotated[
        int, typer.Option(min=0, max=5000, help="Pages of the long PDF; 0 leaves out the part with PDFs.")
    ] = 1000,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line: metric and value.")] = False,
) -> None:
    """Ask nine businesses a thousand questions by search and keyless draft, on a Postgres of its own; upload PDFs to a desk of its own."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    found = asyncio.run(measure(BUSINESSES))
    if pages:
        found |= asyncio.run(pdf_figures(pages))
    found |= {f"{name}_limit": limit for name, limit in LIMITS.items() if name in found}
    if as_json:
        for metric, value in found.items():
            typer.echo(json.dumps({"metric": metric, "value": value}))
        return
    for line in table(found):
        typer.echo(line)


async def measure(businesses: Sequence[str]) -> dict[str, float]:
    """Return the figures of the questions to some businesses, two at the least."""
    asked = questions(businesses)
    async with measuring_desk(businesses) as desk:
        seen = [await look(desk, question) for question in asked]
        weights = held_out(seen)
        outcomes = [outcome async for outcome in _outcomes(desk, seen, weights)]
    return _of_the_set(asked) | figures(outcomes)


async def _outcomes(desk: MeasuringDesk, seen: Sequence[Seen], weights: Mapping[str, Fitted]) -> AsyncIterator[Outcome]:
    """Play each question through search, retriever and the drafter that needs no key."""
    drafter = build_drafter(build_aal(AalSettings()))
    for one in seen:
        question = one.question
        fitted = weights[question.business]
        conversation = _conversation(question.text, desk.detector.detect(question.text).tag)
        search = replace(
            desk.search(question.business, fitted), floor=0.0
        )  # as in a run: what answers is the drafter's to judge
        retrieval = await build_retriever(search).retrieve(conversation)
        proposal, _ = await drafter.draft(conversation, retrieval, ToneProfile())
        judged = await SecondLook(weights=fitted).judge(question.text, conversation.language, one.found)
        places = {
            "vectors": _place(question, one.named, lambda row: row.near_rank),
            "text": _place(question, one.named, lambda row: row.said_rank),
            "fusion": _first(question, one.found),
            "hybrid": _first(question, [entry.row for entry in judged]),
        }
        kept = any(question.is_answered_by(e.row.heading, e.row.text) and e.relevance >= FLOOR for e in judged)
        yield Outcome(question, places, kept, bool(proposal.missing))


def figures(outcomes: Sequence[Outcome]) -> dict[str, float]:
    """Return the figures by name: of all questions, and of those in the language of the knowledge and in others by themselves."""
    answered = [one for one in outcomes if one.question.has]
    own = [one for one in answered if not one.question.cross_lingual]
    other = [one for one in answered if one.question.cross_lingual]
    found: dict[str, float] = {}
    for suffix, group in (("", answered), ("_same_language", own), ("_cross_lingual", other)):
        for way in _WAYS:
            found |= _hits(f"{way}{{}}{suffix}", [one.places[way] for one in group])
    for language in sorted({one.question.language for one in other}):
        places = [one.places["hybrid"] for one in other if one.question.language == language]
        found |= _hits(f"hybrid{{}}_{language}", places)
    found["hybrid_lead_points"] = round(
        100 * (found["hybrid_hit_at_1"] - max(found["vectors_hit_at_1"], found["text_hit_at_1"])), 1
    )
    unanswered = [one for one in outcomes if not one.question.has]
    found["missing_unanswered"] = _share(one.missing for one in unanswered)
    found["missing_unanswered_same_language"] = _share(
        one.missing for one in unanswered if not one.question.cross_lingual
    )
    # With no key a passage in another language is shown to staff and never said: those questions always end in `missing`.
    found["missing_answered"] = _share(one.missing for one in own)
    found["passage_kept_same_language"] = _share(one.kept for one in own)
    found["passage_kept_cross_lingual"] = _share(one.kept for one in other)
    return found


def table(found: Mapping[str, float]) -> list[str]:
    """Return the figures as lines to read."""
    lines = [SPLIT, "", f"{'':<28}{'hit@1':>8}{'hit@3':>8}{'MRR':>8}"]
    told: set[str] = set()
    for suffix in ("", "_same_language", "_cross_lingual"):
        named = suffix.replace("_", " ", 1).replace("_", "-")
        lines += [_row(way + named, way, suffix, found, told) for way in _WAYS]
    languages = sorted(name.rpartition("_")[2] for name in found if name.startswith("hybrid_mrr_") and len(name) == 13)
    lines += [_row(f"hybrid {language}", "hybrid", f"_{language}", found, told) for language in languages]
    lines.append("")
    lines += [f"{name:<34}{value:>10.3f}" for name, value in found.items() if name not in told]
    return lines


def _row(title: str, way: str, suffix: str, found: Mapping[str, float], told: set[str]) -> str:
    names = [f"{way}_{name}{suffix}" for name in ("hit_at_1", "hit_at_3", "mrr")]
    told.update(names)
    return f"{title:<28}" + "".join(f"{found[name]:>8.3f}" for name in names)


def _of_the_set(asked: Sequence[Question]) -> dict[str, float]:
    answered = [question for question in asked if question.has]
    shared = [overlap(question) for question in answered]
    own = [one.share for one, question in zip(shared, answered, strict=True) if not question.cross_lingual]
    return {
        "businesses": float(len({question.business for question in asked})),
        "questions_answered": float(len(answered)),
        "questions_unanswered": float(len(asked) - len(answered)),
        "questions_cross_lingual": float(sum(question.cross_lingual for question in answered)),
        "share_unanswered": round((len(asked) - len(answered)) / len(asked), 3),
        "overlap_share": round(statistics.fmean(own), 3),
        "overlap_most_in_a_row": float(max(one.in_a_row for one in shared)),
    }


def _hits(name: str, places: Sequence[int]) -> dict[str, float]:
    return {
        name.format("_hit_at_1"): _share(place == 0 for place in places),
        name.format("_hit_at_3"): _share(place < 3 for place in places),
        name.format("_mrr"): round(
            statistics.fmean(1 / (1 + place) if place < _NOT_FOUND else 0.0 for place in places), 3
        ),
    }


def _share(marks: Iterable[bool]) -> float:
    found = [float(mark) for mark in marks]
    return round(statistics.fmean(found), 3) if found else 0.0


def _place(question: Question, rows: Sequence[Found], rank: Callable[[Found], int | None]) -> int:
    return _first(question, sorted((row for row in rows if rank(row) is not None), key=lambda row: rank(row) or 0))


def _first(question: Question, rows: Sequence[Found]) -> int:
    right = (place for place, row in enumerate(rows) if question.is_answered_by(row.heading, row.text))
    return next(right, _NOT_FOUND)


def _conversation(text: str, language: str | None) -> Conversation:
    turn = Turn(
        message_id=new_id(),
        seq=1,
        direction=Direction.IN,
        kind=MessageKind.TEXT,
        text=text,
        at=datetime.now(UTC),
    )
    return Conversation(
        chat_id=new_id(), contact_name=None, language=language, tier=tier_of(language), history=[], burst=[turn]
    )
