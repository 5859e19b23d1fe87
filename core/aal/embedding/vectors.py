"""Vectors as providers send them: what is wrong with them, and how they become unit vectors."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from core.aal.ports import Vector


@dataclass(frozen=True, slots=True)
class Embedded:
    """One answer of a provider: a vector a text, in the order of the texts."""

    vectors: Sequence[Vector]
    tokens_in: int = 0
    tokens_out: int = 0


def wrong_vectors(vectors: Sequence[Vector], count: int, width: int) -> str | None:
    """Return what keeps vectors from being those of `count` texts, `width` wide; none where nothing does."""
    if len(vectors) != count:
        return f"{len(vectors)} vectors for {count} texts"
    for vector in vectors:
        if len(vector) != width:
            return f"vectors of {len(vector)} numbers in place of {width}"
        if not all(math.isfinite(number) for number in vector) or not any(vector):
            return "a vector without a direction"
    return None


def unit(vector: Vector) -> Vector:
    """Return the vector at length 1."""
    length = math.sqrt(sum(number * number for number in vector))
    return [number / length for number in vector]
