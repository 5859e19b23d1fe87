"""Policies have safe defaults and are changed only on top of what was seen."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import text

from core.contracts.ids import TenantId, new_id
from core.contracts.policies import DataUsePolicy, RetentionPolicy
from core.contracts.principal import Principal
from core.contracts.states import Role
from core.db.session import Database
from core.errors import Conflict
from domain.policies import service


@pytest.fixture
def owner(tenant: UUID) -> Principal:
    return Principal(TenantId(tenant), new_id(), Role.OWNER)


async def write(db: Database, owner: Principal, policy: DataUsePolicy | RetentionPolicy, version: int) -> int:
    async with db.unit_of_work(owner.tenant_id) as session:
        return await service.write(session, owner, policy, version)


async def test_a_policy_is_its_default_until_it_is_set_for_that_tenant_alone(
    db: Database, owner: Principal, other_tenant: UUID
) -> None:
    async with db.unit_of_work(owner.tenant_id) as session:
        standing = await service.read(session, DataUsePolicy)
    assert (standing.version, standing.value.providers, standing.value.keep_texts) == (0, None, False)
    assert await write(db, owner, DataUsePolicy(providers=["local"]), 0) == 1
    assert await write(db, owner, RetentionPolicy(message_days=90), 0) == 1
    async with db.unit_of_work(owner.tenant_id) as session:
        assert (await service.read(session, DataUsePolicy)).value.providers == ["local"]
        fields = await session.scalar(text("select fields from audit_entries where fields->>'kind' = 'data_use'"))
        assert fields == {"kind": "data_use", "version": 1, "fields": ["providers"]}
    async with db.unit_of_work(other_tenant) as session:
        assert (await service.read(session, DataUsePolicy)).version == 0


async def test_of_two_changes_on_the_same_version_one_is_refused(db: Database, owner: Principal) -> None:
    for version in (0, 1):
        tries = (write(db, owner, DataUsePolicy(providers=[name]), version) for name in ("groq", "gemini"))
        results = await asyncio.gather(*tries, return_exceptions=True)
        [refused] = [result for result in results if isinstance(result, Conflict)]
        assert version + 1 in results
        assert refused.current is not None
        assert refused.current["version"] == version + 1
