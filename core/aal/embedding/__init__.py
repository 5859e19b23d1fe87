"""Embedders by name. A new one is a module here with a class that satisfies `core.aal.ports.Embedder`, and a line below."""

from functools import cache

from core.aal.embedding.usem3 import Usem3Embedder
from core.aal.ports import Embedder
from core.errors import SetupError


@cache
def build_embedder(name: str) -> Embedder:
    """Return the process's one embedder of that name (a second copy of the model would only cost memory); loaded at its first use.

    Raises:
        SetupError: no embedder of that name.
    """
    if name != "usem3":
        raise SetupError(f"unknown embedding model {name!r}", hint="set WAXOS_AAL__EMBEDDING to usem3")
    return Usem3Embedder()
