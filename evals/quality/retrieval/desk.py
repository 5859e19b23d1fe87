"""Desks that measure: each business of the question set is a tenant of one fresh Postgres and has its knowledge read as any upload."""

import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from uuid import UUID

from core.aal.embedding import Embedders
from core.aal.language import LanguageDetector
from core.contracts.ids import TenantId, new_id
from core.contracts.principal import Principal
from core.contracts.states import Role
from core.db.session import Database, Effects, create_engine
from core.settings import AalSettings
from core.storage.blobs import LocalBlobs
from domain.accounts.models import Tenant
from domain.knowledge import service
from domain.knowledge.evidence import SecondLook, Weights
from domain.knowledge.ingest import Ingester
from domain.knowledge.search import KnowledgeSearch
from evals.database import fresh_database
from evals.quality.retrieval.questions import BUSINESSES, knowledge


@dataclass(frozen=True, slots=True)
class MeasuringDesk:
    """One database with the businesses in it."""

    db: Database
    folder: Path
    embedders: Embedders = field(default_factory=lambda: Embedders(AalSettings()))
    detector: LanguageDetector = field(default_factory=LanguageDetector)
    tenants: dict[str, UUID] = field(default_factory=dict)

    def search(self, business: str, weights: Mapping[bool, Weights] | None = None) -> KnowledgeSearch:
        """Return the search of one business, by other weights than its own where given."""
        search = KnowledgeSearch(self.db, self.tenants[business], self.embedders, self.detector)
        return search if weights is None else replace(search, second_look=SecondLook(weights=weights))

    async def teach(self, business: str) -> None:
        """Make a business that knows its file."""
        name, mime, content = knowledge(business)
        owner = Principal(TenantId(new_id()), new_id(), Role.OWNER)
        blobs = LocalBlobs(self.folder)
        blob = await blobs.put(owner.tenant_id, service.once(content), limit=len(content))
        async with self.db.unit_of_work(owner.tenant_id) as session:
            session.add(Tenant(id=owner.tenant_id, name=business))
            await session.flush()
            source = await service.add_file(
                session,
                owner,
                title=name,
                filename=name,
                mime=mime,
                size=blob.size,
                sha256=blob.sha256,
                blob_key=blob.key,
            )
        await Ingester(self.db, blobs, self.embedders).ingest(owner.tenant_id, source.id)
        self.tenants[business] = owner.tenant_id


@asynccontextmanager
async def measuring_desk(businesses: Sequence[str] = BUSINESSES) -> AsyncIterator[MeasuringDesk]:
    """Yield a desk with businesses that know their files; it is gone afterwards."""
    with fresh_database(durable=False) as server, tempfile.TemporaryDirectory(prefix="waxos-quality-") as folder:
        db = Database(create_engine(server.app_url, pool_size=2), Effects())
        try:
            desk = MeasuringDesk(db, Path(folder))
            for business in businesses:
                await desk.teach(business)
            yield desk
        finally:
            await db.close()
