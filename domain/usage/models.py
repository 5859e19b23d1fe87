"""What the AI layer did and what it cost: one row a call. Money in integer micro-units with its currency (decision 8)."""

from datetime import date
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db.base import Base, TenantRow


class AiInteraction(TenantRow, Base):
    """One call. `text` is kept only where the tenant's policy says so."""

    __tablename__ = "ai_interactions"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"]),
        Index(None, "tenant_id", "created_at"),
        Index(None, "tenant_id", "run_id"),
    )

    run_id: Mapped[UUID | None]
    chat_id: Mapped[UUID | None]
    purpose: Mapped[str] = mapped_column(Text)
    provider: Mapped[str] = mapped_column(Text)
    model: Mapped[str] = mapped_column(Text)
    prompt_version: Mapped[str | None] = mapped_column(Text)
    tokens_in: Mapped[int] = mapped_column(default=0)
    tokens_out: Mapped[int] = mapped_column(default=0)
    cost_micro: Mapped[int] = mapped_column(BigInteger, default=0)
    currency: Mapped[str] = mapped_column(Text, default="USD")
    price_version: Mapped[str | None] = mapped_column(Text)
    latency_ms: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=1)
    outcome: Mapped[str] = mapped_column(Text)
    text: Mapped[str | None] = mapped_column(Text)
    paid_by: Mapped[str] = mapped_column(Text, default="house")


class AiSpending(TenantRow, Base):
    """What the calls of one month cost, by whose key paid. The limits that staff were told of stand with it, so that each is told once."""

    __tablename__ = "ai_spending"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id"], ["tenants.id"]),
        UniqueConstraint("tenant_id", "month", "paid_by"),
    )

    month: Mapped[date]
    paid_by: Mapped[str] = mapped_column(Text)
    cost_micro: Mapped[int] = mapped_column(BigInteger)
    warned_of_micro: Mapped[int | None] = mapped_column(BigInteger)
    ended_at_micro: Mapped[int | None] = mapped_column(BigInteger)
