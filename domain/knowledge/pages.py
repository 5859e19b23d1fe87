"""Pages of the web as sources: adding one or a small crawl, and reading them again, by hand or when it is due."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.ids import new_id
from core.contracts.knowledge import NewPageSource, Source
from core.contracts.principal import Principal
from core.contracts.states import SourceKind, SourceState
from core.db.session import Database
from core.errors import InvalidInput
from domain.audit.service import record
from domain.due import service as due
from domain.knowledge.addresses import page_url
from domain.knowledge.models import KnowledgeSource
from domain.knowledge.repository import SourceRepository
from domain.knowledge.service import SYNC_TASK, found, read_anew

_AT_REST = (SourceState.READY, SourceState.FAILED, SourceState.QUARANTINED)


async def add_page(session: AsyncSession, caller: Principal, body: NewPageSource) -> Source:
    """Have a page read, and with `crawl_pages` what it links to beside and below it. The same address is the same source.

    Raises:
        InvalidInput: not the address of a web page.
    """
    url = page_url(body.url)
    page = KnowledgeSource(
        tenant_id=caller.tenant_id, id=new_id(), kind=SourceKind.URL, title=(body.title or url)[:200], url=url,
        crawl_pages=body.crawl_pages, sync_hours=body.sync_hours, valid_from=body.valid_from, valid_until=body.valid_until,
    )  # fmt: skip
    source, is_new = await SourceRepository(session).add_or_find(page)
    if is_new or source.state == SourceState.FAILED:
        await read_anew(session, source)
        record(session, caller, "source.added", "source", source.id, {"kind": source.kind, "url": url})
    return Source.model_validate(source)


async def sync_now(session: AsyncSession, caller: Principal, source_id: UUID) -> Source:
    """Have a page, and with it the other pages of its crawl, read again; what did not change stays as it is.

    Raises:
        NotFound: no such source in the tenant, or it was removed.
        InvalidInput: it is no page of the web.
    """
    repository = SourceRepository(session)
    row = found(await repository.lock(source_id))
    if row.url is None:
        raise InvalidInput("Only pages of the web can be read again.", hint="Upload a newer file instead.")
    for page in (row, *await repository.pages_of(source_id)):
        if page.state in _AT_REST:
            await read_anew(session, page)
    record(session, caller, "source.synced", "source", source_id, {"url": row.url})
    return Source.model_validate(row)


async def sync_due(db: Database, tenant_id: UUID, source_id: UUID) -> None:
    """Have a page read again because its time has come."""
    async with db.unit_of_work(tenant_id) as session:
        row = await SourceRepository(session).lock(source_id)
        if row is not None and row.sync_hours is not None and row.state in _AT_REST:
            await read_anew(session, row)
        await due.clear(session, tenant_id, SYNC_TASK, source_id)
