"""`waxos bench search` in small: its field is what it says, and its figures are those of the product's own search."""

import statistics

import numpy as np
import pytest

from core.errors import WaxosError
from domain.knowledge import nearness
from evals.bench import search
from evals.bench.chunkfield import Field, sizes


def test_tenants_are_of_very_different_size() -> None:
    assert sizes(200_000, 50)[:2] == [80_000, 20_000]
    for chunks, tenants in ((200_000, 50), (2_000, 12)):
        found = sizes(chunks, tenants)
        assert (sum(found), len(found)) == (chunks, tenants)
        assert found == sorted(found, reverse=True)
        assert found[0] > 10 * found[-1] > 0


def test_vectors_lie_as_those_of_the_bundled_model() -> None:
    """The ratio of the two nearest distances tells the intrinsic dimension; noise without clusters would have hundreds."""
    vectors = Field.seeded(1).tenant(2_000).vectors
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1)
    near = -np.sort(-cosines, axis=1)[:, :2]
    first, second = (np.sqrt(2 - 2 * near[:, place]) for place in (0, 1))
    ratios = np.sort(second / first)[: int(0.9 * len(vectors))]
    assert 20 < len(ratios) / np.log(ratios).sum() < 35
    assert 0.5 < statistics.median(near[:, 0].tolist()) < 0.8


def test_a_small_run_measures_and_is_exact() -> None:
    found = search.measure(2_000, 12, 5)
    assert found["recall_at_10_min_tenant"] == 1.0
    assert (found["chunks"], found["tenants"]) == (2_000, 12)
    assert found["p95_ms"] > 0
    assert found["p95_largest_ms"] > 0


def test_a_search_that_finds_too_little_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearness, "_EXACT", nearness._EXACT.replace("limit :candidates", "limit 9"))
    with pytest.raises(WaxosError, match="of the nearest 9"):
        search.measure(1_000, 3, 5)
