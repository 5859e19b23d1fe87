"""The AI abstraction layer: models by purpose, embeddings, and the language of a text. See README.md."""

from core.aal.aal import Aal, AalStatus, LinkStatus, build_aal
from core.aal.ports import Budget, CallLog, CooldownStore, Embedder, Purpose, UsageRecorder, Vector

__all__ = [
    "Aal",
    "AalStatus",
    "Budget",
    "CallLog",
    "CooldownStore",
    "Embedder",
    "LinkStatus",
    "Purpose",
    "UsageRecorder",
    "Vector",
    "build_aal",
]
