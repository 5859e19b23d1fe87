"""What a worker does for knowledge: reading new sources, and searching for the API, which has no embedding model."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from pydantic import Field

from core.aal.embedding import build_embedder
from core.aal.language import LanguageDetector
from core.contracts.base import Command
from core.contracts.knowledge import SearchResult
from core.jobs.registry import Registry, Resources
from core.storage.blobs import LocalBlobs
from domain.knowledge.fetching import WebFetcher
from domain.knowledge.ingest import Ingester
from domain.knowledge.pages import sync_due
from domain.knowledge.search import FLOOR, KnowledgeSearch
from domain.knowledge.service import INGEST_TASK, SEARCH_QUESTION, SYNC_TASK

_INGEST_SECONDS = 1800.0
_SEARCH_SECONDS = 10.0
_SYNC_SECONDS = 10.0


class SearchFor(Command):
    """The question `knowledge.search`: asked by the API for a caller whose tenant it has verified."""

    tenant_id: UUID
    query: str
    limit: int = Field(default=5, ge=1, le=50)
    include_below_floor: bool = False


@dataclass(frozen=True, slots=True)
class KnowledgeTasks:
    """The handlers of one process; they share what costs memory."""

    detector: LanguageDetector = field(default_factory=LanguageDetector)

    async def ingest(self, resources: Resources, tenant_id: UUID, source_id: UUID) -> None:
        """Read one source."""
        settings = resources.settings
        blobs, embedder = LocalBlobs(settings.storage.folder), build_embedder(settings.aal.embedding)
        fetcher = WebFetcher(permitted=tuple(map(str, settings.knowledge.private_networks)))
        reading = Ingester(resources.db, blobs, embedder, detector=self.detector, fetcher=fetcher)
        await reading.ingest(tenant_id, source_id)

    async def sync(self, resources: Resources, tenant_id: UUID, source_id: UUID) -> None:
        """Have a page of the web read again."""
        await sync_due(resources.db, tenant_id, source_id)

    async def search(self, resources: Resources, question: Mapping[str, Any]) -> Mapping[str, Any]:
        """Answer `SearchFor` with a `SearchResult`."""
        asked = SearchFor.model_validate(question)
        embedder = build_embedder(resources.settings.aal.embedding)
        began = time.perf_counter()
        search = KnowledgeSearch(resources.db, asked.tenant_id, embedder, self.detector)
        if asked.include_below_floor:
            passages = await search.candidates(asked.query, asked.limit)
        else:
            passages = (await search.search(asked.query, asked.limit)).passages
        took_ms = round((time.perf_counter() - began) * 1000, 1)
        return SearchResult(query=asked.query, floor=FLOOR, passages=passages, took_ms=took_ms).model_dump(mode="json")


def register(registry: Registry) -> None:
    """Announce reading and searching."""
    tasks = KnowledgeTasks()
    registry.task(INGEST_TASK, tasks.ingest, timeout_s=_INGEST_SECONDS, queue="cpu")
    registry.task(SYNC_TASK, tasks.sync, timeout_s=_SYNC_SECONDS)
    registry.answer(SEARCH_QUESTION, tasks.search, timeout_s=_SEARCH_SECONDS)
