"""Fits the weights of `domain.knowledge.evidence` to judged questions: those of the order by which passage is right among those found,
those of the relevance by whether a passage is right at all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from domain.knowledge.evidence import Weights, beside, weighed
from domain.knowledge.nearness import Found
from evals.quality.retrieval.questions import Question

RANKED_BY = {
    True: ("cosine", "sentence", "heading", "coverage", "english", "english_sentence"),
    False: ("cosine", "sentence", "heading", "coverage"),
}
_BESIDE = {
    True: ("one", "score", "leads", "contrast", "english_contrast"),
    False: ("one", "score", "leads", "contrast"),
}
_JUDGED = 4
_RIDGE = {"rank": 0.3, "relevance": 1.0}

Numbers = NDArray[np.float64]
Fitted = Mapping[bool, Weights]


@dataclass(frozen=True, slots=True)
class Seen:
    """One question, what got a second look, the signs of each passage, and all that the two searches named."""

    question: Question
    found: Sequence[Found]
    signs: Sequence[Mapping[str, float]]
    named: Sequence[Found] = ()

    @property
    def english(self) -> bool:
        """Which weights judge it."""
        return bool(self.signs) and "english" in self.signs[0]

    def right(self) -> Numbers:
        """Return 1 for each right passage, else 0."""
        marks = [self.question.is_answered_by(row.heading, row.text) for row in self.found]
        return np.array(marks, dtype=np.float64)


def held_out(seen: Sequence[Seen]) -> dict[str, Fitted]:
    """Return the weights that judge each business, fitted on all the others."""
    names = {one.question.business for one in seen}
    return {name: fit([one for one in seen if one.question.business != name]) for name in names}


def fit(seen: Sequence[Seen]) -> Fitted:
    """Return weights for questions in English and for others."""
    return {
        english: _fit([one for one in seen if one.signs and one.english is english], english)
        for english in (True, False)
    }


def _fit(seen: Sequence[Seen], english: bool) -> Weights:
    names = RANKED_BY[english]
    rank = dict(zip(names, _order(seen, names).tolist(), strict=True))
    names = (*_BESIDE[english], *RANKED_BY[english])
    return Weights(rank, dict(zip(names, _likelihood(seen, names, rank).tolist(), strict=True)))


def _order(seen: Sequence[Seen], names: Sequence[str]) -> Numbers:
    """Fit by the likelihood that the right passage is the one of all found, by Newton's method."""
    cases = [
        (np.array([[signs[name] for name in names] for signs in one.signs]), one.right())
        for one in seen
        if one.right().any()
    ]
    weights = np.zeros(len(names))
    for _ in range(30):
        slope, curvature = _RIDGE["rank"] * weights, _RIDGE["rank"] * np.eye(len(names))
        for signs, right in cases:
            share = np.exp(signs @ weights - (signs @ weights).max())
            share /= share.sum()
            mean = share @ signs
            slope += mean - right @ signs / right.sum()
            curvature += (signs.T * share) @ signs - np.outer(mean, mean)
        weights -= np.linalg.solve(curvature, slope)
    return weights


def _likelihood(seen: Sequence[Seen], names: Sequence[str], rank: Mapping[str, float]) -> Numbers:
    """Fit a logistic regression over the best passages of each question; signs are brought to one scale meanwhile."""
    lines, right = [], []
    for one in seen:
        scores = [weighed(rank, signs) for signs in one.signs]
        for place in np.argsort(scores)[::-1][:_JUDGED]:
            signs = {**one.signs[place], **beside(one.signs[place], scores[place], one.signs, scores)}
            lines.append([signs[name] for name in names])
            right.append(one.right()[place])
    evidence, wanted = np.array(lines), np.array(right)
    scale = evidence.std(axis=0)
    scale[scale == 0] = 1.0
    evidence /= scale
    penalty = _RIDGE["relevance"] * np.diag([0.0, *([1.0] * (len(names) - 1))])
    weights = np.zeros(len(names))
    for _ in range(40):
        likely = 1 / (1 + np.exp(-evidence @ weights))
        curvature = evidence.T @ (evidence * (likely * (1 - likely) + 1e-9)[:, None]) + penalty
        weights += np.linalg.solve(curvature, evidence.T @ (wanted - likely) - penalty @ weights)
    result: Numbers = weights / scale
    return result
