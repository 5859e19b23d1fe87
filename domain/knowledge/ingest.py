"""From stored bytes to searchable chunks. The work is claimed by a lease, done in steps that each commit, and may be begun again at
any time: a worker that dies leaves a lease that ends, and the next one replaces what it had written.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import structlog
from sqlalchemy import func

from core.aal.language import LanguageDetector
from core.aal.ports import Vector
from core.contracts.ids import new_id
from core.contracts.states import SourceState
from core.db.session import Database
from core.errors import NotFound, ProviderError, SetupError, Unavailable
from core.steering import marks
from core.storage.blobs import BlobStore
from domain.drafts.store import retire_citing
from domain.due import service as due
from domain.knowledge import words
from domain.knowledge.chunking import Chunk, chunk
from domain.knowledge.crawling import Crawler
from domain.knowledge.documents import Document, PageGone, Unreadable
from domain.knowledge.embedding import EmbedderSource, TenantEmbedding, asked_for
from domain.knowledge.fetching import WebFetcher
from domain.knowledge.models import KnowledgeSource, KnowledgeVersion
from domain.knowledge.reading import FileReader
from domain.knowledge.repository import ChunkRepository, NewChunk, SourceRepository
from domain.knowledge.screening import Sign, screened
from domain.knowledge.service import INGEST_TASK, SYNC_TASK, announce, holds_answers, once, standing
from domain.knowledge.spaces import SpaceRepository
from domain.proposals.soon import compare_soon

_log = structlog.get_logger(__name__)

MOST_ATTEMPTS = 3
"""A source whose worker died so often is given up: it may be what kills them."""
MOST_BYTES = 200 * 1024 * 1024
MOST_CHUNKS = 50_000
_BATCH = 64
_PATIENCE_S = 60.0
"""For so long a batch is tried with its embedding model; with the last try it must stay below the lease."""
_PROVIDER_REST_S = 60.0
_OWN_LANGUAGE_CHARS = 80
"""A shorter chunk is taken to be in the language of its source."""
_SAMPLE_CHARS = 4_000


class _ClaimLost(Exception):
    """The source is no longer ours to write."""


@dataclass(frozen=True, slots=True)
class Ingester:
    """Reads, cuts, embeds and stores one source. `lease_s` must be longer than reading a file or embedding a batch takes."""

    db: Database
    blobs: BlobStore
    embedders: EmbedderSource
    reader: FileReader = field(default_factory=FileReader)
    detector: LanguageDetector = field(default_factory=LanguageDetector)
    fetcher: WebFetcher = field(default_factory=WebFetcher)
    lease_s: float = 120.0

    @property
    def crawler(self) -> Crawler:
        """What follows the links of a page."""
        return Crawler(self.db, self.fetcher)

    async def ingest(self, tenant_id: UUID, source_id: UUID) -> None:
        """Make one source searchable, or note on it why it cannot be. Does nothing where another worker has it.

        Raises:
            ProviderError, NotFound, …: what kept it from an end this time; the sweep rings again after the lease.
        """
        claim_id = new_id()
        source = await self._claim(tenant_id, source_id, claim_id)
        if source is None:
            return
        try:
            if source.url is not None and not await self._bring(source, claim_id):
                return
            document = await self._read(source)
            chunks = await asyncio.to_thread(chunk, document.blocks)
            await self._store(source, claim_id, document, chunks)
            if source.url is not None:
                await self.crawler.follow(source, document.links)
        except Unreadable as reason:
            await self._fail(source, claim_id, str(reason), gone=isinstance(reason, PageGone))
        except Unavailable as error:
            if source.url is not None and source.attempt >= MOST_ATTEMPTS:
                await self._fail(source, claim_id, " ".join(filter(None, (error.detail, error.hint))))
            else:
                await self._put_off(tenant_id, source_id, claim_id, error.retry_after or 5.0)
        except (ProviderError, SetupError) as error:
            await self._await_provider(tenant_id, source_id, claim_id, error)
        except _ClaimLost:
            _log.info("knowledge.claim_lost", tenant_id=str(tenant_id), source_id=str(source_id))

    async def _claim(self, tenant_id: UUID, source_id: UUID, claim_id: UUID) -> KnowledgeSource | None:
        async with self.db.unit_of_work(tenant_id) as session:
            repository = SourceRepository(session)
            source = await repository.claim(source_id, claim_id, self.lease_s)
            if source is None:
                current = await repository.find(source_id)
                if current is None or current.lease_until is None:
                    await due.clear(session, tenant_id, INGEST_TASK, source_id)
                return None
            await self._due_after_lease(repository, source)
            announce(session, source)
        if source.attempt > MOST_ATTEMPTS:
            reason = f"Reading it was broken off {MOST_ATTEMPTS} times. Check the file, split it, and upload it again."
            await self._fail(source, claim_id, reason)
            return None
        return source

    async def _bring(self, source: KnowledgeSource, claim_id: UUID) -> bool:
        """Fetch the page of a source into the blob store; tell whether it is another one than what search finds already."""
        known = source.live_version is not None
        page = await self.fetcher.fetch(
            source.url or "", etag=source.etag if known else None, modified=source.modified if known else None
        )
        blob = None
        if page.content is not None:
            blob = await self.blobs.put(source.tenant_id, once(page.content), limit=len(page.content))
        changed = blob is not None and not (known and blob.sha256 == source.content_sha256)
        async with self.db.unit_of_work(source.tenant_id) as session:
            row = await self._held(SourceRepository(session), source.id, claim_id)
            row.fetched_at, row.etag, row.modified = func.now(), page.etag, page.modified
            if blob is not None and changed:
                row.blob_key, row.size, row.mime, row.content_sha256 = blob.key, blob.size, page.mime, blob.sha256
                source.blob_key, source.size, source.mime = blob.key, blob.size, page.mime
            else:
                row.chunks_done = row.chunks_total = row.live_chunks + row.held + row.left_out
                await self._finish(SourceRepository(session), row, *standing(row))
            announce(session, row)
        return changed

    async def _read(self, source: KnowledgeSource) -> Document:
        if source.size is not None and source.size > MOST_BYTES:
            raise _too_large()
        try:
            return await self.reader.read(self.blobs.get(source.tenant_id, source.blob_key or ""), source.mime)
        except NotFound:
            raise Unreadable("The uploaded file is no longer in the storage.", hint="Upload it again.") from None

    async def _store(self, source: KnowledgeSource, claim_id: UUID, document: Document, chunks: list[Chunk]) -> None:
        if len(chunks) > MOST_CHUNKS:
            raise _too_large()
        sample = "\n".join(piece.text for piece in chunks[:40])[:_SAMPLE_CHARS]
        language = (await asyncio.to_thread(self.detector.detect, sample)).tag
        signs = await asyncio.to_thread(screened, chunks)
        async with self.db.unit_of_work(source.tenant_id) as session:
            row = await self._held(SourceRepository(session), source.id, claim_id)
            await ChunkRepository(session).remove_of(source.id, but=row.live_version)
            row.state, row.mime, row.pages, row.language = (
                SourceState.EMBEDDING,
                document.mime,
                document.pages,
                language,
            )
            row.version = (row.live_version or 0) + 1
            row.chunks_total, row.chunks_done = len(chunks), 0
            if row.title == row.url and document.title and not marks(document.title):
                row.title = document.title
            announce(session, row)
        began = time.monotonic()
        for start, batch in _batches(chunks):
            done = start + len(batch)
            while True:
                fresh = await self._embed(source, batch, start, language, signs)
                left = round((time.monotonic() - began) / done * (len(chunks) - done))
                if await self._store_batch(source, claim_id, fresh, last=done == len(chunks), seconds_left=left):
                    break
                _log.info("knowledge.model_switched", tenant_id=str(source.tenant_id), source_id=str(source.id))

    async def _store_batch(
        self, source: KnowledgeSource, claim_id: UUID, fresh: Sequence[NewChunk], *, last: bool, seconds_left: int
    ) -> bool:
        """Store a batch; not where the knowledge moved to a model that the batch was not embedded by."""
        async with self.db.unit_of_work(source.tenant_id) as session:
            if last and source.live_version is not None:
                await retire_citing(session, source.id)  # first: chats are locked before anything else
            row = await self._held(SourceRepository(session), source.id, claim_id)
            if not await ChunkRepository(session).add(row, fresh):
                return False
            row.chunks_done, row.pages_done = fresh[-1].position + 1, fresh[-1].page or 0
            row.seconds_left = seconds_left
            if last:
                await self._publish(SourceRepository(session), row)
            announce(session, row)
        return True

    async def _publish(self, repository: SourceRepository, row: KnowledgeSource) -> None:
        """Let search find the version that is whole now instead of the one before, whose bytes are kept."""
        row.live_version = row.version
        await ChunkRepository(repository.session).remove_of(row.id, but=row.version)
        await ChunkRepository(repository.session).count(row)
        names = ("tenant_id", "version", "mime", "size", "blob_key", "pages")
        kept = {name: getattr(row, name) for name in names} | {"content_sha256": row.content_sha256 or row.sha256}
        repository.session.add(KnowledgeVersion(id=new_id(), source_id=row.id, chunks=row.chunks_done, **kept))
        await self._finish(repository, row, *standing(row))

    async def _vectors(self, source: KnowledgeSource, texts: Sequence[str]) -> dict[str, list[Vector]]:
        """Return the vectors of texts in every space that is written. Only the one that is searched must be reached: what another
        lacks, the move that fills it adds.
        """
        async with self.db.unit_of_work(source.tenant_id) as session:
            active, *others = await SpaceRepository(session).written()
        embedding = TenantEmbedding(self.db, self.embedders, source.tenant_id)
        found = {active.name: await embedding.embed_patiently(active.model, texts, _PATIENCE_S)}
        for space in others:
            try:
                found[space.name] = await embedding.embed(space.model, texts)
            except (ProviderError, SetupError) as error:
                _log.warning("knowledge.left_to_the_move", model=space.name, code=error.reason_code)
        return found

    async def _embed(
        self,
        source: KnowledgeSource,
        batch: Sequence[Chunk],
        start: int,
        language: str | None,
        signs: Sequence[tuple[Sign, ...]],
    ) -> list[NewChunk]:
        vectors = await self._vectors(source, [words.embedded(piece.embedded_text()) for piece in batch])
        languages = await asyncio.to_thread(lambda: [self._language(piece, language) for piece in batch])
        return [
            NewChunk(
                id=new_id(),
                position=start + offset,
                page=piece.page,
                heading=piece.heading,
                text=piece.text,
                curated_answer=piece.answer,
                language=own,
                search_config=words.search_config(own),
                searched=words.indexed(piece.searched_text()),
                vectors={name: rows[offset] for name, rows in vectors.items()},
                signs=signs[start + offset],
            )
            for offset, (piece, own) in enumerate(zip(batch, languages, strict=True))
        ]

    def _language(self, piece: Chunk, language: str | None) -> str | None:
        if len(piece.text) < _OWN_LANGUAGE_CHARS and language is not None:
            return language
        return self.detector.detect(piece.text).tag or language

    async def _fail(self, source: KnowledgeSource, claim_id: UUID, reason: str, *, gone: bool = False) -> None:
        """Note why there is nothing (new) to read. What search finds stays, unless the page is `gone`."""
        async with self.db.unit_of_work(source.tenant_id) as session:
            if gone and source.live_version is not None:
                await retire_citing(session, source.id)  # first: chats are locked before anything else
            repository = SourceRepository(session)
            row = await repository.hold(source.id, claim_id)
            if row is None:
                return
            if gone:
                row.live_version, row.live_chunks, row.held, row.left_out = None, 0, 0, 0
            await ChunkRepository(session).remove_of(source.id, but=row.live_version)
            row.chunks_done = row.chunks_total = row.live_chunks + row.held + row.left_out
            state = SourceState.FAILED if row.live_version is None else standing(row)[0]
            await self._finish(repository, row, state, reason)
            announce(session, row)

    async def _put_off(self, tenant_id: UUID, source_id: UUID, claim_id: UUID, seconds: float) -> None:
        async with self.db.unit_of_work(tenant_id) as session:
            repository = SourceRepository(session)
            row = await repository.hold(source_id, claim_id)
            if row is None:
                return
            row.state, row.claim_id, row.lease_until = SourceState.QUEUED, None, None
            again = await repository.now() + timedelta(seconds=seconds)
            await due.schedule(session, tenant_id, INGEST_TASK, source_id, again)
            announce(session, row)

    async def _await_provider(
        self, tenant_id: UUID, source_id: UUID, claim_id: UUID, error: ProviderError | SetupError
    ) -> None:
        """Say what the source waits for. It is not the file's fault: such a try does not count towards giving the file up."""
        wait_s = (asked_for(error) if isinstance(error, ProviderError) else None) or _PROVIDER_REST_S
        async with self.db.unit_of_work(tenant_id) as session:
            row = await SourceRepository(session).hold(source_id, claim_id)
            if row is not None:
                row.attempt, row.failure = max(0, row.attempt - 1), f"Waits for the embedding model: {error.detail}"
        await self._put_off(tenant_id, source_id, claim_id, wait_s)

    async def _finish(
        self, repository: SourceRepository, row: KnowledgeSource, state: SourceState, failure: str | None
    ) -> None:
        row.state, row.failure, row.claim_id, row.lease_until, row.seconds_left = state, failure, None, None, None
        if state is SourceState.READY:
            row.ready_at = await repository.now()
            if holds_answers(row):
                await compare_soon(repository.session, row.tenant_id)
        await due.clear(repository.session, row.tenant_id, INGEST_TASK, row.id)
        if row.sync_hours is not None:
            again = await repository.now() + timedelta(hours=row.sync_hours)
            await due.schedule(repository.session, row.tenant_id, SYNC_TASK, row.id, again)

    async def _held(self, repository: SourceRepository, source_id: UUID, claim_id: UUID) -> KnowledgeSource:
        row = await repository.hold(source_id, claim_id)
        if row is None:
            raise _ClaimLost
        row.lease_until = await repository.now() + timedelta(seconds=self.lease_s)
        await self._due_after_lease(repository, row)
        return row

    async def _due_after_lease(self, repository: SourceRepository, row: KnowledgeSource) -> None:
        """Let the sweep ring again only once the lease has ended."""
        if row.lease_until is not None:
            await due.schedule(repository.session, row.tenant_id, INGEST_TASK, row.id, row.lease_until)


def _batches(chunks: Sequence[Chunk]) -> Iterator[tuple[int, Sequence[Chunk]]]:
    for start in range(0, len(chunks), _BATCH):
        yield start, chunks[start : start + _BATCH]


def _too_large() -> Unreadable:
    return Unreadable("The file is too large to be read at once.", hint="Split it into smaller files and upload those.")
