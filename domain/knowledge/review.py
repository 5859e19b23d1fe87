"""Passages that speak to the assistant: showing them, and an admin's decision on them, which is kept by their text."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.base import Page
from core.contracts.knowledge import HeldPassage, PassageSign
from core.contracts.principal import Principal
from core.contracts.states import PassageReview, SourceState
from core.db.session import Database, Ring, after_commit
from core.errors import NotFound
from core.steering import Sign, why
from domain.audit.service import record
from domain.drafts.store import retire_citing
from domain.due import service as due
from domain.knowledge import words
from domain.knowledge.chunking import Chunk
from domain.knowledge.embedding import EmbedderSource, TenantEmbedding
from domain.knowledge.held import HeldRepository
from domain.knowledge.missing import MissingRepository
from domain.knowledge.models import KnowledgeChunk, KnowledgeSource
from domain.knowledge.repository import ChunkRepository, SourceRepository
from domain.knowledge.service import ADMIT_TASK, announce, found, standing
from domain.knowledge.spaces import SpaceRepository
from domain.paging import before_of

_BATCH = 64
_PATIENCE_S = 60.0


async def list_held(
    session: AsyncSession,
    review: PassageReview = PassageReview.WAITING,
    source_id: UUID | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[HeldPassage]:
    """Return a page of passages in one state of review, newest first.

    Raises:
        InvalidInput: the cursor is not one of ours.
    """
    rows = await HeldRepository(session).page(review, source_id, before_of(cursor), limit + 1)
    items = [_wire(chunk, source) for chunk, source in rows[:limit]]
    return Page[HeldPassage](items=items, next_cursor=str(items[-1].id) if len(rows) > limit else None)


async def review_passage(session: AsyncSession, caller: Principal, passage_id: UUID, decision: PassageReview) -> None:
    """Allow a passage or leave it out, wherever its text stands. Whoever leaves it out retires the drafts that cite it.

    Raises:
        NotFound: no such passage in the tenant, or it was read again since.
    """
    text = await HeldRepository(session).text_of(passage_id)
    if text is None:
        raise NotFound("There is no such passage.", hint="Its source may have been read again; reload the list.")
    await _decide(session, caller, [text], decision)


async def review_source(session: AsyncSession, caller: Principal, source_id: UUID, decision: PassageReview) -> None:
    """Decide on every passage of a source that waits.

    Raises:
        NotFound: no such source in the tenant, or it was removed.
    """
    found(await SourceRepository(session).find(source_id))
    await _decide(session, caller, await HeldRepository(session).waiting_texts(source_id), decision)


async def admit(db: Database, embedders: EmbedderSource, tenant_id: UUID, source_id: UUID) -> None:
    """Give the allowed passages of a source their vectors, with which search finds them.

    Raises:
        ProviderError, SetupError: the embedding model does not answer; the sweep rings again.
    """
    embedding = TenantEmbedding(db, embedders, tenant_id)
    while True:
        async with db.unit_of_work(tenant_id) as session:
            space = await SpaceRepository(session).active()
            batch = await MissingRepository(session, space).page(None, _BATCH, source_id)
            if not batch:
                await due.clear(session, tenant_id, ADMIT_TASK, source_id)
                return
        texts = [words.embedded(piece.embedded_text()) for piece in batch]
        vectors = await embedding.embed_patiently(space.model, texts, _PATIENCE_S)
        async with db.unit_of_work(tenant_id) as session:
            await MissingRepository(session, space).add(tenant_id, batch, vectors)


async def _decide(session: AsyncSession, caller: Principal, texts: Sequence[str], decision: PassageReview) -> None:
    held = HeldRepository(session)
    places = await held.places(texts)
    by_source: dict[UUID, list[UUID]] = {}
    for chunk_id, source_id in places:
        by_source.setdefault(source_id, []).append(chunk_id)
    retired = {}
    if decision is PassageReview.LEFT_OUT:  # first: chats are locked before anything else
        retired = {source_id: await retire_citing(session, source_id, ids) for source_id, ids in by_source.items()}
    sources = [(await SourceRepository(session).lock(source_id), ids) for source_id, ids in sorted(by_source.items())]
    await held.keep(caller.tenant_id, caller.subject_id, texts, decision)
    for source, ids in sources:
        if source is None:
            continue
        await held.set(ids, decision)
        await ChunkRepository(session).count(source)
        if source.state in {SourceState.READY, SourceState.QUARANTINED}:
            source.state, source.failure = standing(source)
        if decision is PassageReview.ALLOWED:
            await due.schedule(session, source.tenant_id, ADMIT_TASK, source.id, await SourceRepository(session).now())
            after_commit(session, Ring(ADMIT_TASK, source.tenant_id, source.id))
        fields = {"passages": len(ids), "drafts_retired": retired.get(source.id, 0), "sha256": sorted(texts)}
        record(session, caller, f"passage.{decision.value}", "source", source.id, fields)
        announce(session, source)


def _wire(chunk: KnowledgeChunk, source: KnowledgeSource) -> HeldPassage:
    return HeldPassage(
        id=chunk.id,
        source_id=source.id,
        source_title=source.title,
        source_url=source.url,
        page=chunk.page,
        position=chunk.position,
        text=Chunk(chunk.text, chunk.heading).searched_text(),
        signs=[PassageSign(**sign, why=why(Sign(sign["sign"]))) for sign in chunk.signs or ()],
        review=PassageReview(chunk.review or PassageReview.WAITING),
        created_at=chunk.created_at,
    )
