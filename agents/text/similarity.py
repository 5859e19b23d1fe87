"""How alike two unit vectors are."""

from collections.abc import Sequence
from operator import mul


def cosine(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the cosine of two vectors of length 1; 0 where one is the zero vector."""
    return float(sum(map(mul, a, b)))
