"""Storage of sources, their chunks and vectors."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import Text, bindparam, cast, delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import REGCONFIG, insert
from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.states import PassageReview, SourceState
from domain.knowledge.chunking import Chunk
from domain.knowledge.models import KnowledgeChunk, KnowledgeDecision, KnowledgeSource, KnowledgeVersion
from domain.knowledge.screening import Sign, as_json, fingerprint
from domain.knowledge.spaces import SpaceRepository

_FRESH = {"state": SourceState.QUEUED, "version": 1, "pages": 0, "chunks_total": 0, "chunks_done": 0, "attempt": 0}
_GIVEN = (
    "tenant_id", "id", "kind", "title", "mime", "size", "sha256", "blob_key", "url", "parent_id", "crawl_pages", "sync_hours",
    "valid_from", "valid_until",
)  # fmt: skip
# As text: a bound value would not name the index once prepared.
_SAME_BYTES = KnowledgeSource.sha256, text("state <> 'removed'")
_SAME_PAGE = KnowledgeSource.url, text("state <> 'removed' and url is not null")
_AT_WORK = (SourceState.QUEUED, SourceState.PARSING, SourceState.EMBEDDING)


@dataclass(frozen=True, slots=True)
class NewChunk:
    """A chunk to be stored: `searched` is what full text finds, `search_config` how it is stemmed, `vectors` what it is near to,
    by the name of the space. With `signs` it is held, until somebody has decided on this very text.
    """

    id: UUID
    position: int
    page: int | None
    heading: str | None
    text: str
    curated_answer: str | None
    language: str | None
    search_config: str
    searched: str
    vectors: Mapping[str, list[float]]
    signs: tuple[Sign, ...] = ()
    review: PassageReview | None = None

    @property
    def is_found(self) -> bool:
        """Whether a search may find it."""
        return self.review in {None, PassageReview.ALLOWED}


@dataclass(frozen=True, slots=True)
class SourceRepository:
    """Sources of the tenant of the session."""

    session: AsyncSession

    async def find(self, source_id: UUID) -> KnowledgeSource | None:
        """Return one source that was not removed."""
        return await self.session.scalar(
            select(KnowledgeSource)
            .where(KnowledgeSource.id == source_id, KnowledgeSource.state != SourceState.REMOVED)
            .execution_options(populate_existing=True)
        )

    async def lock(self, source_id: UUID) -> KnowledgeSource | None:
        """Return one source that was not removed, locked until the transaction ends."""
        return await self.session.scalar(
            select(KnowledgeSource)
            .where(KnowledgeSource.id == source_id, KnowledgeSource.state != SourceState.REMOVED)
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    async def add_or_find(self, source: KnowledgeSource) -> tuple[KnowledgeSource, bool]:
        """Store a source, or return the one of the same address or else the same bytes, locked; the second value: whether it is new."""
        key, where = _SAME_PAGE if source.url is not None else _SAME_BYTES
        values = {name: given for name in _GIVEN if (given := getattr(source, name)) is not None}
        row = insert(KnowledgeSource).values(values | _FRESH)
        added = await self.session.scalar(
            row.on_conflict_do_nothing(index_elements=[KnowledgeSource.tenant_id, key], index_where=where).returning(
                KnowledgeSource.id
            )
        )
        found = await self.session.scalar(
            select(KnowledgeSource)
            .where(key == getattr(source, key.key), KnowledgeSource.state != SourceState.REMOVED)
            .with_for_update()
        )
        if found is None:  # removed by another between the two statements: the second try stores it
            return await self.add_or_find(source)
        return found, added is not None

    async def page(self, before: UUID | None, limit: int) -> Sequence[KnowledgeSource]:
        """Return up to `limit` sources older than `before`, newest first."""
        query = select(KnowledgeSource).where(KnowledgeSource.state != SourceState.REMOVED)
        if before is not None:
            query = query.where(KnowledgeSource.id < before)
        return (await self.session.scalars(query.order_by(KnowledgeSource.id.desc()).limit(limit))).all()

    async def pages_of(self, root_id: UUID) -> Sequence[KnowledgeSource]:
        """Return the pages of a crawl but the first, oldest first."""
        query = select(KnowledgeSource).where(
            KnowledgeSource.parent_id == root_id, KnowledgeSource.state != SourceState.REMOVED
        )
        return (await self.session.scalars(query.order_by(KnowledgeSource.id))).all()

    async def versions(self, source_id: UUID) -> Sequence[KnowledgeVersion]:
        """Return the versions of a source, newest first."""
        query = select(KnowledgeVersion).where(KnowledgeVersion.source_id == source_id)
        return (await self.session.scalars(query.order_by(KnowledgeVersion.version.desc()))).all()

    async def claim(self, source_id: UUID, claim_id: UUID, lease_s: float) -> KnowledgeSource | None:
        """Take a source that waits, or whose worker fell silent, for `lease_s` seconds; none where another has it."""
        return await self.session.scalar(
            update(KnowledgeSource)
            .where(
                KnowledgeSource.id == source_id,
                KnowledgeSource.state.in_(_AT_WORK),
                or_(KnowledgeSource.lease_until.is_(None), KnowledgeSource.lease_until < func.now()),
            )
            .values(
                claim_id=claim_id,
                lease_until=func.now() + func.make_interval(0, 0, 0, 0, 0, 0, lease_s),
                attempt=KnowledgeSource.attempt + 1,
                state=SourceState.PARSING,
                chunks_done=0,
                chunks_total=0,
                pages_done=0,
                seconds_left=None,
            )
            .returning(KnowledgeSource)
        )

    async def hold(self, source_id: UUID, claim_id: UUID) -> KnowledgeSource | None:
        """Return a claimed source, locked; none where the claim is no longer ours."""
        return await self.session.scalar(
            select(KnowledgeSource)
            .where(
                KnowledgeSource.id == source_id,
                KnowledgeSource.claim_id == claim_id,
                KnowledgeSource.state.in_(_AT_WORK),
            )
            .with_for_update()
            .execution_options(populate_existing=True)
        )

    async def date_chunks(self, source: KnowledgeSource) -> None:
        """Write from when and until when a source holds beside each of its chunks."""
        await self.session.execute(
            update(KnowledgeChunk)
            .where(KnowledgeChunk.source_id == source.id)
            .values(valid_from=source.valid_from, valid_until=source.valid_until)
        )

    async def now(self) -> datetime:
        """Return the database's clock, the one that leases go by."""
        now: datetime = (await self.session.execute(select(func.clock_timestamp()))).scalar_one()
        return now


@dataclass(frozen=True, slots=True)
class ChunkRepository:
    """Chunks and vectors of the tenant of the session."""

    session: AsyncSession

    async def add(self, source: KnowledgeSource, chunks: Sequence[NewChunk]) -> bool:
        """Store a batch of chunks with their vectors; not where they lack those of the space that is searched by now."""
        if not chunks:
            return True
        active, *others = await SpaceRepository(self.session).hold_written()
        if active.name not in chunks[0].vectors:
            return False
        chunks = await self._reviewed(chunks)
        own = {"tenant_id": source.tenant_id, "source_id": source.id}
        version = {"version": source.version}
        valid = {"valid_from": source.valid_from, "valid_until": source.valid_until}
        statement = insert(KnowledgeChunk).values(
            search=func.to_tsvector(
                cast(bindparam("stemmed_as", type_=Text), REGCONFIG), bindparam("searched", type_=Text)
            )
        )
        await self.session.execute(statement, [own | version | valid | _row(chunk) for chunk in chunks])
        for space in (active, *others):
            vectors = [
                own | {"id": chunk.id, "embedding": chunk.vectors[space.name]}
                for chunk in chunks
                if space.name in chunk.vectors and chunk.is_found
            ]
            if vectors:
                await self.session.execute(insert(space.rows), vectors)
        return True

    async def _reviewed(self, chunks: Sequence[NewChunk]) -> list[NewChunk]:
        """Hold what speaks to the assistant, unless somebody has decided on this very text."""
        held = {fingerprint(_said(chunk.heading, chunk.text)) for chunk in chunks if chunk.signs}
        decided: dict[str, str] = {}
        if held:
            known = select(KnowledgeDecision.text_sha256, KnowledgeDecision.decision)
            rows = await self.session.execute(known.where(KnowledgeDecision.text_sha256.in_(held)))
            decided = {row[0]: row[1] for row in rows}
        return [
            replace(
                chunk,
                review=PassageReview(decided.get(fingerprint(_said(chunk.heading, chunk.text)), PassageReview.WAITING)),
            )
            if chunk.signs
            else chunk
            for chunk in chunks
        ]

    async def count(self, source: KnowledgeSource) -> None:
        """Write on a source how many passages of its live version are found, held and left out."""
        query = (
            select(KnowledgeChunk.review, func.count())
            .where(KnowledgeChunk.source_id == source.id, KnowledgeChunk.version == source.live_version)
            .group_by(KnowledgeChunk.review)
        )
        counts = {row[0]: row[1] for row in await self.session.execute(query)}
        source.held = counts.get(PassageReview.WAITING, 0)
        source.left_out = counts.get(PassageReview.LEFT_OUT, 0)
        source.live_chunks = counts.get(None, 0) + counts.get(PassageReview.ALLOWED, 0)

    async def remove_of(self, source_id: UUID, *, but: int | None = None) -> None:
        """Delete the chunks and vectors of a source, of every embedding model; those of the version `but` stay."""
        others = KnowledgeChunk.source_id == source_id
        if but is not None:
            others &= KnowledgeChunk.version != but
        for space in await SpaceRepository(self.session).kept():
            old = select(KnowledgeChunk.id).where(others)
            await self.session.execute(
                delete(space.rows).where(space.rows.c.source_id == source_id, space.rows.c.id.in_(old))
            )
        await self.session.execute(delete(KnowledgeChunk).where(others))


def _row(chunk: NewChunk) -> dict[str, object]:
    row = asdict(chunk)
    del row["vectors"]
    row["signs"] = as_json(chunk.signs) or None
    row["text_sha256"] = fingerprint(_said(chunk.heading, chunk.text)) if chunk.signs else None
    row["searched"] = chunk.searched if chunk.is_found else ""
    return row | {"stemmed_as": chunk.search_config}


def _said(heading: str | None, text: str) -> str:
    return Chunk(text, heading).searched_text()
