"""What a worker does for knowledge: reading new sources, and searching for the API, which has no embedding model."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog
from pydantic import Field

from core.aal.embedding import Embedders, embedding_model
from core.aal.language import LanguageDetector
from core.contracts.base import Command
from core.contracts.knowledge import SearchResult
from core.errors import ProviderError, SetupError
from core.jobs.registry import Registry, Resources
from core.storage.blobs import LocalBlobs
from domain.knowledge.evidence import SecondLook
from domain.knowledge.fetching import WebFetcher
from domain.knowledge.ingest import Ingester
from domain.knowledge.pages import sync_due
from domain.knowledge.reindex import adopt
from domain.knowledge.review import admit
from domain.knowledge.search import FLOOR, KnowledgeSearch
from domain.knowledge.service import ADMIT_TASK, INGEST_TASK, SEARCH_QUESTION, SYNC_TASK
from domain.knowledge.spaces import is_bundled
from domain.usage.circuits import shared_circuits

_INGEST_SECONDS = 1800.0
_SEARCH_SECONDS = 10.0
_SYNC_SECONDS = 10.0
_ADMIT_SECONDS = 120.0
_log = structlog.get_logger(__name__)


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
    _embedders: list[Embedders] = field(default_factory=list)

    async def open(self, resources: Resources) -> None:
        """Search by the model of the settings where there is no knowledge yet, and load what the first question would wait for.

        Raises:
            SetupError: the settings name an embedding model that is none.
        """
        wanted = embedding_model(resources.settings.aal.embedding, resources.settings.aal.embedding_width)
        embedders = self.embedders(resources)
        await SecondLook().warm()
        try:
            space = await adopt(resources.db, embedders, wanted)
            if not is_bundled(space):
                await embedders.of(space.model).embed(["warm"])
        except (ProviderError, SetupError) as error:
            _log.warning("knowledge.model_silent", wanted=wanted.name, code=error.reason_code, detail=error.detail)
            return
        if space.model != wanted:
            _log.warning("knowledge.other_model", searched_by=space.name, wanted=wanted.name, hint="waxos kb reindex")

    def embedders(self, resources: Resources) -> Embedders:
        """Return the embedding models of this process."""
        if not self._embedders:
            self._embedders.append(Embedders(resources.settings.aal, shared_circuits(resources.settings)))
        return self._embedders[0]

    async def ingest(self, resources: Resources, tenant_id: UUID, source_id: UUID) -> None:
        """Read one source."""
        settings = resources.settings
        blobs, embedders = LocalBlobs(settings.storage.folder), self.embedders(resources)
        fetcher = WebFetcher(permitted=tuple(map(str, settings.knowledge.private_networks)))
        reading = Ingester(resources.db, blobs, embedders, detector=self.detector, fetcher=fetcher)
        await reading.ingest(tenant_id, source_id)

    async def sync(self, resources: Resources, tenant_id: UUID, source_id: UUID) -> None:
        """Have a page of the web read again."""
        await sync_due(resources.db, tenant_id, source_id)

    async def admit(self, resources: Resources, tenant_id: UUID, source_id: UUID) -> None:
        """Let search find what an admin has allowed."""
        await admit(resources.db, self.embedders(resources), tenant_id, source_id)

    async def search(self, resources: Resources, question: Mapping[str, Any]) -> Mapping[str, Any]:
        """Answer `SearchFor` with a `SearchResult`."""
        asked = SearchFor.model_validate(question)
        began = time.perf_counter()
        search = KnowledgeSearch(resources.db, asked.tenant_id, self.embedders(resources), self.detector)
        if asked.include_below_floor:
            passages = await search.candidates(asked.query, asked.limit)
        else:
            passages = (await search.search(asked.query, asked.limit)).passages
        took_ms = round((time.perf_counter() - began) * 1000, 1)
        return SearchResult(query=asked.query, floor=FLOOR, passages=passages, took_ms=took_ms).model_dump(mode="json")


def register(registry: Registry) -> None:
    """Announce reading and searching."""
    tasks = KnowledgeTasks()
    registry.on_start(tasks.open)
    registry.task(INGEST_TASK, tasks.ingest, timeout_s=_INGEST_SECONDS, queue="cpu")
    registry.task(ADMIT_TASK, tasks.admit, timeout_s=_ADMIT_SECONDS)
    registry.task(SYNC_TASK, tasks.sync, timeout_s=_SYNC_SECONDS)
    registry.answer(SEARCH_QUESTION, tasks.search, timeout_s=_SEARCH_SECONDS)
