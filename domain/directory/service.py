"""Who is behind an address or a code, before a tenant is known (decision 3). Keys are hashed with the server's directory key."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from core.security.keys import DirectoryHasher
from domain.directory.repository import DirectoryRepository

MOST_PER_KEY = 8
"""Tenants that are looked at for one key: a person may belong to several businesses, not to dozens."""


class Kind(StrEnum):
    """What a key is."""

    EMAIL = "email"
    PAIRING = "pairing"


@dataclass(frozen=True, slots=True)
class Whose:
    """The tenant and the thing in it that a key stands for."""

    tenant_id: UUID
    subject_id: UUID


@dataclass(frozen=True, slots=True)
class Directory:
    """The directory, with the key that its hashes are made with."""

    hasher: DirectoryHasher

    async def register(self, session: AsyncSession, kind: Kind, value: str, whose: Whose) -> None:
        """Make `value` lead to `whose`."""
        key = self.hasher(kind, value)
        await DirectoryRepository(session).put(kind, key, whose.tenant_id, whose.subject_id)

    async def remove(self, session: AsyncSession, kind: Kind, value: str, tenant_id: UUID) -> None:
        """Make `value` lead nowhere in that tenant any more."""
        await DirectoryRepository(session).remove(kind, self.hasher(kind, value), tenant_id)

    async def find(self, session: AsyncSession, kind: Kind, value: str) -> list[Whose]:
        """Return whose `value` is; empty where nobody's."""
        rows = await DirectoryRepository(session).find(kind, self.hasher(kind, value), MOST_PER_KEY)
        return [Whose(row.tenant_id, row.subject_id) for row in rows]
