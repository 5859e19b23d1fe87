"""Engine and unit of work: the only place that begins and commits a transaction, and that says who the tenant is.

`Database.unit_of_work(tenant_id)` yields a session inside one transaction whose `app.tenant_id` is set for that transaction alone
(`set_config(…, true)`), so a pooled connection can never carry a tenant over. What should happen only if the commit succeeds is
said with `after_commit(session, effect)`; effects are handed to the sink that the `Database` was built with, never awaited on.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from core.contracts.bridge import BridgeHint
from core.contracts.events import Event


@dataclass(frozen=True, slots=True)
class Ring:
    """A doorbell: run task `task` for (tenant, id), after `delay_s` seconds. Carries no content (decision 2)."""

    task: str
    tenant_id: UUID
    id: UUID
    delay_s: float = 0.0


@dataclass(frozen=True, slots=True)
class DeviceHint:
    """A doorbell for one paired bridge."""

    device_id: UUID
    hint: BridgeHint


Effect = Ring | Event | DeviceHint


class EffectSink(Protocol):
    """Where effects go after a commit: must return at once and never raise."""

    def __call__(self, effects: Sequence[Effect]) -> None: ...


@dataclass(slots=True)
class Effects:
    """A sink that keeps effects in a list; for tests and tools that publish nothing."""

    seen: list[Effect] = field(default_factory=list)

    def __call__(self, effects: Sequence[Effect]) -> None:
        self.seen.extend(effects)


def after_commit(session: AsyncSession, *effects: Effect) -> None:
    """Queue effects for the moment after this transaction's commit; a rollback drops them."""
    session.info.setdefault("effects", []).extend(effects)


@dataclass(slots=True)
class Database:
    """One engine and how to open units of work on it."""

    engine: AsyncEngine
    sink: EffectSink
    _sessions: async_sessionmaker[AsyncSession] = field(init=False)

    def __post_init__(self) -> None:
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False, autoflush=True)

    @asynccontextmanager
    async def unit_of_work(self, tenant_id: UUID) -> AsyncIterator[AsyncSession]:
        """Yield a session in one transaction that sees and writes only `tenant_id`'s rows; commits at the end, once."""
        async with self._begin() as session:
            await session.execute(text("select set_config('app.tenant_id', :t, true)"), {"t": str(tenant_id)})
            yield session

    @asynccontextmanager
    async def without_tenant(self) -> AsyncIterator[AsyncSession]:
        """Yield a session that sees only `directory` and `due`: for login, pairing, webhooks and the sweep (decision 3)."""
        async with self._begin() as session:
            yield session

    @asynccontextmanager
    async def _begin(self) -> AsyncIterator[AsyncSession]:
        async with self._sessions() as session:
            async with session.begin():
                yield session
            effects: list[Effect] = session.info.pop("effects", [])
        if effects:
            self.sink(effects)

    async def close(self) -> None:
        """Close every pooled connection."""
        await self.engine.dispose()


def create_engine(
    url: str, *, pool_size: int = 10, application_name: str = "waxos", statement_timeout_ms: int = 15_000
) -> AsyncEngine:
    """Build the engine for a `postgresql://` address: psycopg 3, connections checked before use, 10 s to connect.

    No statement runs longer than `statement_timeout_ms`, and no error shows the values that were bound to one.
    """
    plain = url.replace("postgres://", "postgresql://", 1)
    return create_async_engine(
        plain.replace("postgresql://", "postgresql+psycopg://", 1),
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=5,
        pool_pre_ping=True,
        pool_recycle=1800,
        hide_parameters=True,
        connect_args={
            "application_name": application_name,
            "connect_timeout": 10,
            "options": f"-c timezone=UTC -c statement_timeout={statement_timeout_ms}",
        },
    )
