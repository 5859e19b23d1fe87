"""Embedding models: the bundled one, and those that providers serve. A new bundled one is a module here with a class that satisfies
`core.aal.ports.Embedder`, and a line below.
"""

import importlib
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from core.aal.catalog import catalog
from core.aal.circuits import memory_circuits
from core.aal.embedding.minilm import MiniLmEmbedder
from core.aal.embedding.usem3 import Usem3Embedder
from core.aal.ports import Budget, CallLog, CooldownStore, Embedder, NoLimit, UsageRecorder
from core.errors import SetupError
from core.settings import AalSettings

if TYPE_CHECKING:
    from core.aal.asking import Caller

BUNDLED = "usem3"
ENGLISH = "minilm"
"""Bundled as well, for judging English sentences; no knowledge is stored by it."""


@dataclass(frozen=True, slots=True)
class EmbeddingModel:
    """A model and the width of its vectors, which together say what may be compared."""

    model: str
    width: int

    @property
    def name(self) -> str:
        """The name of its embedder, and the key of its vectors."""
        return f"{self.model}-{self.width}"


def embedding_model(name: str, width: int | None = None) -> EmbeddingModel:
    """Return the model that a setting names.

    Raises:
        SetupError: it is not known and no width was given, or another one than it has.
    """
    facts = catalog().embedding(name)
    known = Usem3Embedder.dims if name == BUNDLED else facts.width if facts is not None else None
    if known is None and "/" not in name:
        raise SetupError(
            f"unknown embedding model {name!r}", hint=f"set WAXOS_AAL__EMBEDDING to {BUNDLED} or provider/model"
        )
    if known is None and width is None:
        raise SetupError(
            f"the width of the embedding model {name} is not known", hint="set WAXOS_AAL__EMBEDDING_WIDTH as well"
        )
    if known is not None and width not in {None, known}:
        raise SetupError(f"{name} has vectors of {known} numbers, not of {width}", hint="leave the width out")
    return EmbeddingModel(name, known or width or 0)


@cache
def build_embedder(name: str) -> Embedder:
    """Return the process's one embedder of that name (a second copy of the model would only cost memory); loaded at its first use.

    Raises:
        SetupError: no bundled embedder of that name.
    """
    match name:
        case "usem3":
            return Usem3Embedder()
        case "minilm":
            return MiniLmEmbedder()
    raise SetupError(f"unknown embedding model {name!r}", hint=f"set WAXOS_AAL__EMBEDDING to {BUNDLED}")


@dataclass(frozen=True, slots=True)
class Embedders:
    """Every embedding model that this process can speak. Make one for a process: providers' cooldowns and connections are in it."""

    settings: AalSettings
    cooldowns: CooldownStore = field(default_factory=memory_circuits)
    budget: Budget = field(default_factory=NoLimit)
    _callers: "dict[str, Caller]" = field(default_factory=dict)

    def of(self, model: EmbeddingModel, recorder: UsageRecorder | None = None) -> Embedder:
        """Return the embedder of a model; `recorder` gets a row for every call of a provider.

        Raises:
            SetupError: no provider that has the model has a key.
        """
        if model.model == BUNDLED:
            return build_embedder(model.model)
        # Loaded here: a desk on the bundled model needs neither chain nor engine for its knowledge.
        remote = importlib.import_module("core.aal.embedding.remote")
        embedder: Embedder = remote.RemoteEmbedder(
            self._caller(model.model), model.name, model.width, recorder or CallLog()
        )
        return embedder

    def _caller(self, model: str) -> "Caller":
        if model not in self._callers:
            self._callers[model] = importlib.import_module("core.aal.embedding.remote").build_caller(
                self.settings, model, self.cooldowns, self.budget
            )
        return self._callers[model]
