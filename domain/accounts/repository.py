"""Storage of tenants, members and refresh tokens."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from domain.accounts.models import RefreshToken, Tenant, User


@dataclass(frozen=True, slots=True)
class AccountsRepository:
    """The tenant of the session and its members."""

    session: AsyncSession

    async def tenant(self, tenant_id: UUID) -> Tenant | None:
        """Return the tenant."""
        return await self.session.get(Tenant, tenant_id)

    async def add_tenant(self, tenant: Tenant) -> None:
        """Write the tenant before anything that refers to it."""
        self.session.add(tenant)
        await self.session.flush()

    def add_user(self, user: User) -> None:
        """Write a member with the transaction."""
        self.session.add(user)

    async def user(self, user_id: UUID) -> User | None:
        """Return one member."""
        return await self.session.scalar(select(User).where(User.id == user_id))

    async def lock_user(self, user_id: UUID) -> User | None:
        """Return one member, kept from changes of others until the transaction ends."""
        return await self.session.scalar(select(User).where(User.id == user_id).with_for_update())

    async def users(self) -> Sequence[User]:
        """Return every member, by name."""
        return (await self.session.scalars(select(User).order_by(User.name, User.id))).all()


@dataclass(frozen=True, slots=True)
class RefreshTokenRepository:
    """The links of the sessions' chains."""

    session: AsyncSession

    def add(self, token: RefreshToken) -> None:
        """Write a token with the transaction."""
        self.session.add(token)

    async def lock(self, sha256: str) -> RefreshToken | None:
        """Return a token by its hash, kept from a second use at the same moment."""
        return await self.session.scalar(
            select(RefreshToken).where(RefreshToken.token_sha256 == sha256).with_for_update()
        )

    async def get(self, token_id: UUID) -> RefreshToken | None:
        """Return a token by its id."""
        return await self.session.scalar(select(RefreshToken).where(RefreshToken.id == token_id))

    async def end_family(self, family_id: UUID, at: datetime) -> None:
        """Revoke every token of a session."""
        await self.session.execute(
            update(RefreshToken)
            .where(RefreshToken.family_id == family_id, RefreshToken.revoked_at.is_(None))
            .values(revoked_at=at)
        )
