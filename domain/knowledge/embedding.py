"""Embedding for a tenant: every call of a provider leaves its row, whether it was answered or not."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from core.aal.embedding import EmbeddingModel
from core.aal.ports import CallLog, Embedder, UsageRecorder, Vector
from core.db.session import Database
from core.errors import ProviderError
from domain.usage.service import record_calls

_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 20.0


class EmbedderSource(Protocol):
    """Gives the embedder of a model; `core.aal.embedding.Embedders` in every process."""

    def of(self, model: EmbeddingModel, recorder: UsageRecorder | None = None) -> Embedder:
        """Return the embedder; `recorder` gets a row for every call."""


@dataclass(frozen=True, slots=True)
class TenantEmbedding:
    """Embeds texts of one tenant. No transaction may be open meanwhile."""

    db: Database
    embedders: EmbedderSource
    tenant_id: UUID

    async def embed(self, model: EmbeddingModel, texts: Sequence[str]) -> list[Vector]:
        """Return a unit vector a text.

        Raises:
            ProviderError: no provider of the model answered, or the budget is spent.
            SetupError: no provider of the model has a key.
        """
        calls = CallLog()
        try:
            return await self.embedders.of(model, calls).embed(texts)
        finally:
            if calls.calls:
                async with self.db.unit_of_work(self.tenant_id) as session:
                    await record_calls(session, self.tenant_id, None, None, calls.calls)

    async def embed_patiently(self, model: EmbeddingModel, texts: Sequence[str], patience_s: float) -> list[Vector]:
        """Return the same, asking again for `patience_s` seconds where providers fail: for work in batches. Raises like `embed`."""
        deadline, pause = time.monotonic() + patience_s, _FIRST_PAUSE_S
        while True:
            try:
                return await self.embed(model, texts)
            except ProviderError as error:
                rest = min(asked_for(error) or pause, _LONGEST_PAUSE_S)
                if time.monotonic() + rest > deadline:
                    raise
            await asyncio.sleep(rest)  # house: sleep - a provider tells nobody when it has room again
            pause *= 2


def asked_for(error: ProviderError) -> float | None:
    """Return for how many seconds the providers that failed want to be left alone, none where they did not say."""
    waits = [attempt.retry_after for attempt in getattr(error, "attempts", ()) if attempt.retry_after]
    return min(waits, default=error.retry_after)
