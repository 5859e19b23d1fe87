"""What the bundled embedders share: loaded once, at first use, in a thread; vectors of recent texts are kept."""

import asyncio
import threading
from array import array
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

from core.aal.ports import Vector

_LONGEST_TEXT = 2000
_LONGEST_BATCH = 64


class LocalEmbedder:
    """A model that runs in this process. `load` returns what makes rows of numbers, unit vectors, of texts."""

    def __init__(self, name: str, dims: int, load: Callable[[], Callable[[list[str]], Any]], cache_size: int) -> None:
        self.name = name
        self.dims = dims
        self._load = load
        self._encode: Callable[[list[str]], Any] | None = None
        self._lock = threading.Lock()
        self._cache: OrderedDict[str, array[float]] = OrderedDict()
        self._cache_size = cache_size

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return one unit vector per text, in order. A blank text gets the zero vector, which is like nothing."""
        wanted = [text.strip()[:_LONGEST_TEXT] for text in texts]
        if any(text and text not in self._cache for text in wanted):
            return await asyncio.to_thread(self._vectors, wanted)
        return self._vectors(wanted)

    def _vectors(self, texts: Sequence[str]) -> list[Vector]:
        with self._lock:
            missing = list(dict.fromkeys(text for text in texts if text and text not in self._cache))
            fresh: dict[str, array[float]] = {}
            for start in range(0, len(missing), _LONGEST_BATCH):
                fresh |= self._fresh(missing[start : start + _LONGEST_BATCH])
            found = [self._known(text, fresh) for text in texts]
            self._keep(fresh)
        return found

    def _known(self, text: str, fresh: dict[str, "array[float]"]) -> Vector:
        if not text:
            return [0.0] * self.dims
        if text in fresh:
            return fresh[text].tolist()
        self._cache.move_to_end(text)
        return self._cache[text].tolist()

    def _fresh(self, texts: list[str]) -> dict[str, "array[float]"]:
        if self._encode is None:
            self._encode = self._load()
        rows = self._encode(texts)
        return {text: array("f", row.astype("float32").tobytes()) for text, row in zip(texts, rows, strict=True)}

    def _keep(self, fresh: dict[str, "array[float]"]) -> None:
        self._cache.update(fresh)
        while len(self._cache) > self._cache_size:
            self._cache.popitem(last=False)
