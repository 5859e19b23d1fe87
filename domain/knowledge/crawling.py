"""A small crawl: the pages of one host that lie beside or below the first one and that it, or another of them, links to."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urljoin

from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.ids import new_id
from core.contracts.states import SourceKind
from core.db.session import Database
from domain.knowledge.addresses import new_pages
from domain.knowledge.fetching import WebFetcher
from domain.knowledge.models import KnowledgeSource
from domain.knowledge.repository import SourceRepository
from domain.knowledge.service import read_anew


@dataclass(frozen=True, slots=True)
class Crawler:
    """Adds what a page links to as sources of their own, as long as the crawl has room."""

    db: Database
    fetcher: WebFetcher

    async def follow(self, page: KnowledgeSource, links: Sequence[str]) -> int:
        """Add the pages that `page` links to, if it belongs to a crawl; return how many are new."""
        root = await self._root(page)
        if root is None or root.url is None or page.url is None:
            return 0
        found = new_pages((urljoin(page.url, link) for link in links), root.url, [root.url])
        welcome = await self.fetcher.welcome(found)
        async with self.db.unit_of_work(page.tenant_id) as session:
            repository = SourceRepository(session)
            locked = await repository.lock(root.id)
            if locked is None or locked.crawl_pages is None:
                return 0
            known = {one.url for one in await repository.pages_of(root.id)}
            fresh = [url for url in welcome if url not in known][: max(0, locked.crawl_pages - 1 - len(known))]
            return sum([await _add(session, locked, url) for url in fresh])

    async def _root(self, page: KnowledgeSource) -> KnowledgeSource | None:
        if page.parent_id is None:
            return page if page.crawl_pages is not None else None
        async with self.db.unit_of_work(page.tenant_id) as session:
            return await SourceRepository(session).find(page.parent_id)


async def _add(session: AsyncSession, root: KnowledgeSource, url: str) -> bool:
    """Add one page to a crawl; one that was added by hand before stays as it is."""
    page = KnowledgeSource(
        tenant_id=root.tenant_id, id=new_id(), kind=SourceKind.URL, title=url[:200], url=url, parent_id=root.id,
        sync_hours=root.sync_hours, valid_from=root.valid_from, valid_until=root.valid_until,
    )  # fmt: skip
    source, is_new = await SourceRepository(session).add_or_find(page)
    if is_new:
        await read_anew(session, source)
    return is_new
