"""Fits the relevance of `domain.knowledge.search` on the question set: `python -m evals.quality.retrieval.calibrate`.

Each business is judged by weights that were fitted on the others. Prints how often the right passage came first by vectors, by
words and by both; the weights; and for some floors how many answered questions keep their passage and how many unanswered ones are
turned away. The weights and the floor chosen are constants of the search.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import typer
from numpy.typing import NDArray

from domain.knowledge.nearness import Found
from domain.knowledge.search import contrast, ranked
from evals.quality.retrieval.desk import measuring_desk
from evals.quality.retrieval.questions import BUSINESSES, Question, questions

FLOORS = (0.2, 0.3, 0.4, 0.5, 0.6)
_JUDGED = 5
_NOT_FOUND = 1000

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Asked:
    """One question with what was found, best first."""

    question: Question
    found: list[Found]

    def right(self, row: Found) -> bool:
        """Say whether a passage answers the question."""
        return self.question.is_answered_by(row.heading, row.text)

    def fused_rank(self, row: Found) -> int:
        """Return the rank of a passage in both searches together."""
        return self.found.index(row) + 1

    def place(self, rank: Callable[[Found], int | None]) -> int:
        """Return the place of the first right passage, from 0, among those that have a `rank`; 1000 where it is not there."""
        rows = sorted((row for row in self.found if rank(row) is not None), key=lambda row: rank(row) or 0)
        return next((place for place, row in enumerate(rows) if self.right(row)), _NOT_FOUND)


def main() -> None:
    """Measure, fit and print."""
    asked = asyncio.run(collect())
    answered = [one for one in asked if one.question.has]
    print_hits("vectors", [one.place(lambda row: row.near_rank) for one in answered])
    print_hits("words", [one.place(lambda row: row.said_rank) for one in answered])
    print_hits("both", [one.place(one.fused_rank) for one in answered])
    weights = fit(asked)
    typer.echo("weights: bias, cosine, coverage, contrast = " + ", ".join(f"{weight:.2f}" for weight in weights))
    scores = held_out_scores(asked)
    for floor in FLOORS:
        kept = [
            any(one.right(r) and s >= floor for r, s in zip(one.found, scores[i], strict=False))
            for i, one in enumerate(asked)
        ]
        turned_away = [max(scores[i], default=0.0) < floor for i in range(len(asked))]
        keeps = np.mean([kept[i] for i, one in enumerate(asked) if one.question.has])
        refuses = np.mean([turned_away[i] for i, one in enumerate(asked) if not one.question.has])
        typer.echo(
            f"floor {floor}: {keeps:.2f} of answered questions keep their passage, {refuses:.2f} of the others are turned away"
        )


async def collect() -> list[Asked]:
    """Ask every business its questions."""
    asked: list[Asked] = []
    async with measuring_desk() as desk:
        for question in questions():
            found = ranked(await desk.search(question.business).found(question.text, 40))
            asked.append(Asked(question, [row for row, _ in found]))
    return asked


def fit(asked: Sequence[Asked], ridge: float = 0.01) -> Numbers:
    """Return the weights of a logistic regression that tells right passages from others, by Newton's method."""
    evidence = np.array([line for one in asked for line in _evidence(one)])
    right = np.array([one.right(row) for one in asked for row in one.found[:_JUDGED]], dtype=np.float64)
    penalty = ridge * np.diag([0.0, 1.0, 1.0, 1.0])
    weights = np.zeros(4)
    for _ in range(50):
        likely = 1 / (1 + np.exp(-evidence @ weights))
        curvature = evidence.T @ (evidence * (likely * (1 - likely) + 1e-9)[:, None]) + penalty
        weights += np.linalg.solve(curvature, evidence.T @ (right - likely) - penalty @ weights)
    return weights


def held_out_scores(asked: Sequence[Asked]) -> list[list[float]]:
    """Return the relevance of the best passages of each question, by weights fitted on the other businesses."""
    weights = {name: fit([one for one in asked if one.question.business != name]) for name in BUSINESSES}
    return [list(1 / (1 + np.exp(-np.array(_evidence(one)) @ weights[one.question.business]))) for one in asked]


def print_hits(name: str, ranks: Sequence[int]) -> None:
    """Print how often the right passage came first and among three, and the mean reciprocal rank."""
    places = np.array(ranks)
    mrr = np.mean(1 / (places + 1))
    typer.echo(
        f"{name:<8} hit@1 {np.mean(places == 0):.2f}  hit@3 {np.mean(places < 3):.2f}  MRR {mrr:.3f}  n {len(places)}"
    )


def _evidence(one: Asked) -> list[list[float]]:
    cosines = [row.cosine for row in one.found if row.near_rank is not None]
    return [[1.0, row.cosine, row.coverage, contrast(row, cosines)] for row in one.found[:_JUDGED]]


if __name__ == "__main__":
    main()
