"""Knowledge sources: adding, showing and removing them. What becomes of a source after that is in `ingest`."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import PurePath
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.base import Page
from core.contracts.events import Event, EventType
from core.contracts.ids import new_id
from core.contracts.knowledge import NewCuratedAnswer, NewTextSource, Source, SourceChange, SourceVersion
from core.contracts.principal import Principal
from core.contracts.states import SourceKind, SourceState
from core.db.session import Ring, after_commit
from core.errors import InvalidInput, NotFound
from core.storage.blobs import BlobStore
from domain.audit.service import record
from domain.drafts.store import retire_citing
from domain.due import service as due
from domain.knowledge.models import KnowledgeSource
from domain.knowledge.repository import ChunkRepository, SourceRepository
from domain.paging import before_of
from domain.proposals.soon import compare_soon

INGEST_TASK = "knowledge.ingest"
SYNC_TASK = "knowledge.sync"
ADMIT_TASK = "knowledge.admit"
SEARCH_QUESTION = "knowledge.search"

_MIMES = {
    ".pdf": "application/pdf",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".html": "text/html",
    ".htm": "text/html",
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".csv": "text/csv",
    ".txt": "text/plain",
}
_ANSWER_MIME = "application/vnd.waxos.answer+json"


async def add_file(
    session: AsyncSession,
    caller: Principal,
    *,
    title: str,
    filename: str,
    mime: str | None,
    size: int,
    sha256: str,
    blob_key: str,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
) -> Source:
    """Register an uploaded file, whose bytes are stored already, and have it read. The same bytes are the same source: the one
    that is there is returned, and read again if it had failed.
    """
    row = _row(caller, SourceKind.FILE, title or filename, sha256, valid_from, valid_until)
    row.mime, row.size, row.blob_key = _declared(filename, mime), size, blob_key
    return await _add(session, caller, row)


async def add_text(session: AsyncSession, blobs: BlobStore, caller: Principal, body: NewTextSource) -> Source:
    """Store a text that staff typed or pasted, and have it read."""
    row = _row(caller, SourceKind.TEXT, body.title, "", body.valid_from, body.valid_until)
    return await _add_bytes(session, blobs, caller, row, "text/plain", body.text)


async def add_curated(session: AsyncSession, blobs: BlobStore, caller: Principal, body: NewCuratedAnswer) -> Source:
    """Store the exact answer to a question, and have it found before anything else."""
    content = json.dumps({"question": body.question, "answer": body.answer}, ensure_ascii=False)
    row = _row(caller, SourceKind.CURATED, body.question[:200], "", body.valid_from, body.valid_until)
    return await _add_bytes(session, blobs, caller, row, _ANSWER_MIME, content)


async def get_source(session: AsyncSession, source_id: UUID) -> Source:
    """Return one source.

    Raises:
        NotFound: no such source in the tenant, or it was removed.
    """
    return Source.model_validate(found(await SourceRepository(session).find(source_id)))


async def list_sources(session: AsyncSession, cursor: str | None = None, limit: int = 50) -> Page[Source]:
    """Return a page of sources, newest first.

    Raises:
        InvalidInput: the cursor is not one of ours.
    """
    rows = await SourceRepository(session).page(before_of(cursor), limit + 1)
    items = [Source.model_validate(row) for row in rows[:limit]]
    return Page[Source](items=items, next_cursor=str(items[-1].id) if len(rows) > limit else None)


async def remove_source(session: AsyncSession, caller: Principal, source_id: UUID) -> None:
    """Remove a source with its chunks and vectors, and retire the waiting drafts that cite it.

    Raises:
        NotFound: no such source in the tenant, or it was removed already.
    """
    retired = await retire_citing(session, source_id)  # first: chats are locked before anything else
    repository = SourceRepository(session)
    pages = await repository.pages_of(source_id)
    for page in pages:
        retired += await retire_citing(session, page.id)
    row = found(await repository.lock(source_id))
    for one in (row, *pages):
        one.state, one.removed_at, one.claim_id, one.lease_until = SourceState.REMOVED, datetime.now(UTC), None, None
        one.live_version, one.live_chunks, one.chunks_done, one.chunks_total = None, 0, 0, 0
        one.held, one.left_out = 0, 0
        await ChunkRepository(session).remove_of(one.id)
        for task in (INGEST_TASK, SYNC_TASK, ADMIT_TASK):
            await due.clear(session, caller.tenant_id, task, one.id)
        announce(session, one)
        if holds_answers(one):
            await compare_soon(session, caller.tenant_id)
    record(session, caller, "source.removed", "source", source_id, {"drafts_retired": retired, "pages": len(pages)})


async def change_source(session: AsyncSession, caller: Principal, source_id: UUID, body: SourceChange) -> Source:
    """Change the title of a source, from when and until when it holds, or how often its page is read again; what is left out stays.

    Raises:
        NotFound: no such source in the tenant, or it was removed.
        InvalidInput: it would end before it begins, or is no page of the web.
    """
    retired = await retire_citing(session, source_id) if body.model_fields_set & {"valid_from", "valid_until"} else 0
    row = found(await SourceRepository(session).lock(source_id))
    for name in body.model_fields_set:
        setattr(row, name, getattr(body, name))
    if row.valid_from is not None and row.valid_until is not None and row.valid_until <= row.valid_from:
        raise InvalidInput("The source would end before it begins.", hint="Give an end after the beginning.")
    if row.url is None and row.sync_hours is not None:
        raise InvalidInput("Only pages of the web are read again by themselves.", hint="Upload a newer file instead.")
    await SourceRepository(session).date_chunks(row)
    if row.sync_hours is not None:
        begin = row.fetched_at or datetime.now(UTC)
        await due.schedule(session, row.tenant_id, SYNC_TASK, row.id, begin + timedelta(hours=row.sync_hours))
    else:
        await due.clear(session, row.tenant_id, SYNC_TASK, row.id)
    changed = body.model_dump(mode="json", exclude_unset=True)
    record(session, caller, "source.changed", "source", source_id, changed | {"drafts_retired": retired})
    announce(session, row)
    return Source.model_validate(row)


async def list_versions(session: AsyncSession, source_id: UUID) -> list[SourceVersion]:
    """Return what a source held before and holds now, newest first.

    Raises:
        NotFound: no such source in the tenant, or it was removed.
    """
    repository = SourceRepository(session)
    found(await repository.find(source_id))
    return [SourceVersion.model_validate(row) for row in await repository.versions(source_id)]


def announce(session: AsyncSession, row: KnowledgeSource) -> None:
    """Tell open panels, after the commit, that a source has changed."""
    after_commit(
        session,
        Event(
            type=EventType.SOURCE_UPDATED,
            tenant_id=row.tenant_id,
            ids={"source_id": row.id},
            versions={"source": row.version, "chunks_done": row.chunks_done, "chunks_total": row.chunks_total},
        ),
    )


async def read_anew(session: AsyncSession, source: KnowledgeSource) -> None:
    """Have a locked source read, from the first attempt on; what search finds of it stays until then."""
    source.state, source.failure, source.attempt, source.lease_until = SourceState.QUEUED, None, 0, None
    await due.schedule(session, source.tenant_id, INGEST_TASK, source.id, datetime.now(UTC))
    after_commit(session, Ring(INGEST_TASK, source.tenant_id, source.id))
    announce(session, source)


async def _add_bytes(
    session: AsyncSession, blobs: BlobStore, caller: Principal, row: KnowledgeSource, mime: str, content: str
) -> Source:
    data = content.encode()
    blob = await blobs.put(caller.tenant_id, once(data), limit=len(data))
    row.mime, row.size, row.sha256, row.blob_key = mime, blob.size, blob.sha256, blob.key
    return await _add(session, caller, row)


def holds_answers(row: KnowledgeSource) -> bool:
    """Tell whether a source may hold exact answers, which a proposal may wait for."""
    return row.kind == SourceKind.CURATED or row.mime == _MIMES[".csv"]


async def once(data: bytes) -> AsyncIterator[bytes]:
    """Yield all bytes at once."""
    yield data


async def _add(session: AsyncSession, caller: Principal, row: KnowledgeSource) -> Source:
    source, is_new = await SourceRepository(session).add_or_find(row)
    if is_new or source.state == SourceState.FAILED:
        await read_anew(session, source)
        record(session, caller, "source.added", "source", source.id, {"kind": source.kind, "size": source.size})
    return Source.model_validate(source)


def _row(
    caller: Principal,
    kind: SourceKind,
    title: str,
    sha256: str,
    valid_from: datetime | None,
    valid_until: datetime | None,
) -> KnowledgeSource:
    return KnowledgeSource(
        tenant_id=caller.tenant_id,
        id=new_id(),
        kind=kind,
        title=title[:200],
        sha256=sha256,
        valid_from=valid_from,
        valid_until=valid_until,
    )


def _declared(filename: str, mime: str | None) -> str | None:
    """Return what a file says it is: its ending tells more than the type that a browser sends along."""
    return _MIMES.get(PurePath(filename).suffix.lower(), mime)


def standing(row: KnowledgeSource) -> tuple[SourceState, str | None]:
    """Return how a source stands whose live version is whole: ready, or set aside where nothing of it may be found."""
    if row.live_chunks or row.live_version is None:
        return SourceState.READY, None
    if row.held:
        return (
            SourceState.QUARANTINED,
            "All of its text speaks to the assistant. Nothing of it is used until an admin has looked.",
        )
    return SourceState.QUARANTINED, "All of its text was left out by an admin. Nothing of it is used."


def found(row: KnowledgeSource | None) -> KnowledgeSource:
    """Return a source that is there.

    Raises:
        NotFound: it is not.
    """
    if row is None:
        raise NotFound("There is no such source.", hint="It may have been removed; reload the list.")
    return row
