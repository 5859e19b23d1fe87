"""Fits order and relevance of `domain.knowledge.evidence` on the question set and writes `domain/knowledge/relevance.toml`:
`python -m evals.quality.retrieval.calibrate`. How good they are is said by `waxos bench knowledge`, which judges each business by
weights that were fitted on the others.
"""

import asyncio
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import typer

from domain.knowledge.search import ranked
from evals.quality.retrieval.desk import MeasuringDesk, measuring_desk
from evals.quality.retrieval.fitting import Fitted, Seen, fit
from evals.quality.retrieval.questions import BUSINESSES, Question, questions

_LOOKED_AT = 20
_FILE = "relevance.toml"
_ABOUT = (
    "# Written by `python -m evals.quality.retrieval.calibrate`: how the signs of `evidence.py` count, for questions and passages in\n"
    "# English and for others. `rank` orders what was found; `relevance` is a logistic regression.\n"
)


def main() -> None:
    """Ask, fit and write."""
    target = Path(str(files("domain.knowledge").joinpath(_FILE)))
    target.write_text(toml(fit(asyncio.run(_collect()))), encoding="utf-8")
    typer.echo(f"wrote {target.name}")


async def look(desk: MeasuringDesk, question: Question) -> Seen:
    """Ask one question and return what a second look saw."""
    search = desk.search(question.business)
    found = await search.found(question.text, _LOOKED_AT)
    first = ranked(found)[:_LOOKED_AT]
    language = search.detector.detect(question.text).tag
    return Seen(question, first, await search.second_look.signs(question.text, language, first), found)


def toml(fitted: Fitted) -> str:
    """Return weights as the file has them."""
    parts = [_ABOUT]
    for english, weights in fitted.items():
        for name, numbers in (("rank", weights.rank), ("relevance", weights.relevance)):
            parts.append(f"\n[{'english' if english else 'other'}.{name}]\n")
            parts += [f"{sign} = {number:.3f}\n" for sign, number in numbers.items()]
    return "".join(parts)


async def _collect(businesses: Sequence[str] = BUSINESSES) -> list[Seen]:
    async with measuring_desk(businesses) as desk:
        return [await look(desk, question) for question in questions(businesses)]


if __name__ == "__main__":
    main()
