"""Knowledge: what the business has written down. Files are streamed to storage; reading and searching are a worker's."""

from collections.abc import AsyncIterator
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, File, Form, Query, Response, UploadFile

from api.deps import Db, KnowledgeRead, KnowledgeSearched, KnowledgeWrite, Res
from api.refusals import problems
from core.contracts.base import Page, Utc
from core.contracts.knowledge import (
    HeldPassage,
    NewCuratedAnswer,
    NewPageSource,
    NewTextSource,
    ReviewPassage,
    SearchQuery,
    SearchResult,
    Source,
    SourceChange,
    SourceVersion,
)
from core.contracts.states import PassageReview
from core.errors import InvalidInput
from domain.knowledge import pages, review
from domain.knowledge import service as knowledge

router = APIRouter(prefix="/knowledge", tags=["knowledge"])
_REFUSALS = problems(401, 403, 409, 413, 422, 429, 503)
_ONE = problems(401, 403, 404, 422, 429, 503)
_CHUNK = 256 * 1024
_SEARCH_S = 5.0


@router.post("/sources", summary="Upload a file", status_code=201, responses=_REFUSALS)
async def add_file(
    caller: KnowledgeWrite,
    res: Res,
    file: Annotated[UploadFile, File(description="PDF, DOCX, HTML, Markdown, CSV or plain text")],
    title: Annotated[str, Form(max_length=200, description="the file's name where left out")] = "",
    valid_from: Annotated[Utc | None, Form(description="not used before")] = None,
    valid_until: Annotated[
        Utc | None, Form(description="marked as stale, and not used by itself, from then on")
    ] = None,
) -> Source:
    """Store a file and have it read; events tell how far it got. The same bytes again are the same source."""
    limit = res["settings"].api.max_upload_mb * 1024 * 1024
    blob = await res["blobs"].put(caller.tenant_id, _chunks(file), limit=limit)
    if blob.size == 0:
        raise InvalidInput("the file is empty", hint="choose another one")
    async with res["db"].unit_of_work(caller.tenant_id) as session:
        return await knowledge.add_file(
            session,
            caller,
            title=title,
            filename=(file.filename or "file")[:255],
            mime=file.content_type,
            size=blob.size,
            sha256=blob.sha256,
            blob_key=blob.key,
            valid_from=valid_from,
            valid_until=valid_until,
        )


@router.post("/texts", summary="Add a text", status_code=201, responses=_REFUSALS)
async def add_text(caller: KnowledgeWrite, db: Db, res: Res, body: NewTextSource) -> Source:
    """Add a text that was typed or pasted."""
    return await knowledge.add_text(db, res["blobs"], caller, body)


@router.post("/answers", summary="Add an exact answer", status_code=201, responses=_REFUSALS)
async def add_answer(caller: KnowledgeWrite, db: Db, res: Res, body: NewCuratedAnswer) -> Source:
    """Add the exact answer to a question; it is found before anything else."""
    return await knowledge.add_curated(db, res["blobs"], caller, body)


@router.post("/pages", summary="Add a page of the web", status_code=201, responses=_REFUSALS)
async def add_page(caller: KnowledgeWrite, db: Db, body: NewPageSource) -> Source:
    """Add a page of the public web, or a small crawl that begins there; a worker fetches it. The same address is the same source."""
    return await pages.add_page(db, caller, body)


@router.get("/sources", summary="List sources", responses=problems(401, 403, 422, 429, 503))
async def list_sources(
    _caller: KnowledgeRead,
    db: Db,
    cursor: Annotated[str | None, Query(max_length=200, description="`next_cursor` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> Page[Source]:
    """Return a page of sources, newest first, each with how far it got or why it yielded nothing."""
    return await knowledge.list_sources(db, cursor, limit)


@router.get("/sources/{source_id}", summary="Read a source", responses=_ONE)
async def get_source(_caller: KnowledgeRead, db: Db, source_id: UUID) -> Source:
    """Return one source."""
    return await knowledge.get_source(db, source_id)


@router.patch("/sources/{source_id}", summary="Change a source", responses=_ONE)
async def change_source(caller: KnowledgeWrite, db: Db, source_id: UUID, body: SourceChange) -> Source:
    """Change its title, from when and until when it holds, or how often its page is read again; drafts that cite it are retired."""
    return await knowledge.change_source(db, caller, source_id, body)


@router.get("/sources/{source_id}/versions", summary="List the versions of a source", responses=_ONE)
async def list_versions(_caller: KnowledgeRead, db: Db, source_id: UUID) -> list[SourceVersion]:
    """Return what a source held before and holds now, newest first."""
    return await knowledge.list_versions(db, source_id)


@router.post("/sources/{source_id}/sync", summary="Read a page again", status_code=202, responses=_ONE)
async def sync_source(caller: KnowledgeWrite, db: Db, source_id: UUID) -> Source:
    """Have a page of the web, and the other pages of its crawl, read again; what did not change stays as it is."""
    return await pages.sync_now(db, caller, source_id)


@router.get("/held", summary="List held passages", responses=problems(401, 403, 422, 429, 503))
async def list_held(
    _caller: KnowledgeRead,
    db: Db,
    state: Annotated[
        PassageReview, Query(description="those that wait, or that were decided on")
    ] = PassageReview.WAITING,
    source_id: Annotated[UUID | None, Query(description="of this source only")] = None,
    cursor: Annotated[str | None, Query(max_length=200, description="`next_cursor` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 50,
) -> Page[HeldPassage]:
    """Return passages that speak to the assistant, each with the words that gave it away. Only allowed ones are ever found."""
    return await review.list_held(db, state, source_id, cursor, limit)


@router.post("/held/{passage_id}/review", summary="Decide on a held passage", status_code=204, responses=_ONE)
async def review_passage(caller: KnowledgeWrite, db: Db, passage_id: UUID, body: ReviewPassage) -> Response:
    """Allow a passage or leave it out, also after another decision; it holds for this text wherever it stands."""
    await review.review_passage(db, caller, passage_id, body.decision)
    return Response(status_code=204)


@router.post("/sources/{source_id}/review", summary="Decide on all held passages", status_code=204, responses=_ONE)
async def review_source(caller: KnowledgeWrite, db: Db, source_id: UUID, body: ReviewPassage) -> Response:
    """Allow or leave out every passage of a source that waits."""
    await review.review_source(db, caller, source_id, body.decision)
    return Response(status_code=204)


@router.delete(
    "/sources/{source_id}",
    summary="Remove a source",
    status_code=204,
    responses=_ONE,
)
async def remove_source(caller: KnowledgeWrite, db: Db, source_id: UUID) -> Response:
    """Remove a source with all that was made of it; waiting drafts that cite it are retired."""
    await knowledge.remove_source(db, caller, source_id)
    return Response(status_code=204)


@router.post("/search", summary="Search", responses=problems(401, 403, 422, 429, 503))
async def search(caller: KnowledgeSearched, res: Res, body: SearchQuery) -> SearchResult:
    """Return the best passages with their scores. Asked of a worker, which has the embedding model: 503 while none answers."""
    question = {"tenant_id": str(caller.tenant_id), **body.model_dump(mode="json")}
    return SearchResult.model_validate(await res["asker"].ask(knowledge.SEARCH_QUESTION, question, timeout_s=_SEARCH_S))


async def _chunks(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(_CHUNK):
        yield chunk
