"""From stored bytes to searchable chunks. The work is claimed by a lease, done in steps that each commit, and may be begun again at
any time: a worker that dies leaves a lease that ends, and the next one replaces what it had written.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import structlog

from core.aal.language import LanguageDetector
from core.aal.ports import Embedder
from core.contracts.ids import new_id
from core.contracts.states import SourceState
from core.db.session import Database
from core.errors import NotFound, Unavailable
from core.storage.blobs import BlobStore
from domain.due import service as due
from domain.knowledge import words
from domain.knowledge.chunking import Chunk, chunk
from domain.knowledge.documents import Document, Unreadable
from domain.knowledge.models import KnowledgeSource
from domain.knowledge.reading import FileReader
from domain.knowledge.repository import VECTOR_TABLES, ChunkRepository, NewChunk, SourceRepository
from domain.knowledge.service import INGEST_TASK, announce

_log = structlog.get_logger(__name__)

MOST_ATTEMPTS = 3
"""A source whose worker died so often is given up: it may be what kills them."""
MOST_BYTES = 200 * 1024 * 1024
MOST_CHUNKS = 50_000
_BATCH = 64
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
    embedder: Embedder
    reader: FileReader = field(default_factory=FileReader)
    detector: LanguageDetector = field(default_factory=LanguageDetector)
    lease_s: float = 120.0

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
            document = await self._read(source)
            chunks = await asyncio.to_thread(chunk, document.blocks)
            await self._store(source, claim_id, document, chunks)
        except Unreadable as reason:
            await self._fail(tenant_id, source_id, claim_id, str(reason))
        except Unavailable as error:
            await self._put_off(tenant_id, source_id, claim_id, error.retry_after or 5.0)
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
            await self._fail(tenant_id, source_id, claim_id, reason)
            return None
        return source

    async def _read(self, source: KnowledgeSource) -> Document:
        if source.size is not None and source.size > MOST_BYTES:
            raise _too_large()
        try:
            data = b"".join([part async for part in self.blobs.get(source.tenant_id, source.blob_key or "")])
        except NotFound:
            raise Unreadable("The uploaded file is no longer in the storage.", hint="Upload it again.") from None
        return await self.reader.read(data, source.mime)

    async def _store(self, source: KnowledgeSource, claim_id: UUID, document: Document, chunks: list[Chunk]) -> None:
        if len(chunks) > MOST_CHUNKS:
            raise _too_large()
        sample = "\n".join(piece.text for piece in chunks[:40])[:_SAMPLE_CHARS]
        language = (await asyncio.to_thread(self.detector.detect, sample)).tag
        table = VECTOR_TABLES[self.embedder.name]
        async with self.db.unit_of_work(source.tenant_id) as session:
            row = await self._held(SourceRepository(session), source.id, claim_id)
            await ChunkRepository(session, table).remove_of(source.id)
            row.state, row.mime, row.pages, row.language = (
                SourceState.EMBEDDING,
                document.mime,
                document.pages,
                language,
            )
            row.chunks_total, row.chunks_done = len(chunks), 0
            announce(session, row)
        for start, batch in _batches(chunks):
            fresh = await self._embed(batch, start, language)
            async with self.db.unit_of_work(source.tenant_id) as session:
                row = await self._held(SourceRepository(session), source.id, claim_id)
                await ChunkRepository(session, table).add(row, fresh)
                row.chunks_done = start + len(fresh)
                if row.chunks_done == row.chunks_total:
                    await self._finish(SourceRepository(session), row, SourceState.READY, None)
                announce(session, row)

    async def _embed(self, batch: Sequence[Chunk], start: int, language: str | None) -> list[NewChunk]:
        vectors = await self.embedder.embed([words.embedded(piece.embedded_text()) for piece in batch])
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
                vector=vector,
            )
            for offset, (piece, vector, own) in enumerate(zip(batch, vectors, languages, strict=True))
        ]

    def _language(self, piece: Chunk, language: str | None) -> str | None:
        if len(piece.text) < _OWN_LANGUAGE_CHARS and language is not None:
            return language
        return self.detector.detect(piece.text).tag or language

    async def _fail(self, tenant_id: UUID, source_id: UUID, claim_id: UUID, reason: str) -> None:
        async with self.db.unit_of_work(tenant_id) as session:
            repository = SourceRepository(session)
            row = await repository.hold(source_id, claim_id)
            if row is None:
                return
            await ChunkRepository(session, VECTOR_TABLES[self.embedder.name]).remove_of(source_id)
            row.chunks_done = row.chunks_total = 0
            await self._finish(repository, row, SourceState.FAILED, reason)
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

    async def _finish(
        self, repository: SourceRepository, row: KnowledgeSource, state: SourceState, failure: str | None
    ) -> None:
        row.state, row.failure, row.claim_id, row.lease_until = state, failure, None, None
        if state is SourceState.READY:
            row.ready_at = await repository.now()
        await due.clear(repository.session, row.tenant_id, INGEST_TASK, row.id)

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
