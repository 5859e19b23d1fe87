"""Tools act for the caller alone: identity from deps, scopes as a guard, arguments checked."""

import dataclasses
import hashlib
from pathlib import Path
from uuid import UUID

import pytest

from core.aal.embedding import Embedders
from core.contracts.ids import TenantId, new_id
from core.contracts.knowledge import NewTextSource
from core.contracts.principal import Principal, Scope
from core.contracts.states import Role
from core.db.session import Database
from core.errors import InvalidInput, NotAllowed
from core.settings import AalSettings
from core.storage.blobs import LocalBlobs
from domain.knowledge import service
from domain.knowledge.ingest import Ingester
from tools.catalog import tools_for
from tools.registry import ToolDeps

EVERYBODY = [Role.OWNER, Role.ADMIN, Role.STAFF, Role.DEVICE]


def member(tenant_id: UUID, role: Role = Role.STAFF) -> Principal:
    return Principal(TenantId(tenant_id), new_id(), role)


@pytest.fixture
async def deps(db: Database, tenant: UUID, tmp_path: Path) -> ToolDeps:
    embedders, blobs = Embedders(AalSettings()), LocalBlobs(tmp_path)
    async with db.unit_of_work(tenant) as session:
        body = NewTextSource(title="Hours", text="On Sundays the shop is open from ten to two.")
        source = await service.add_text(session, blobs, member(tenant, Role.ADMIN), body)
    await Ingester(db, blobs, embedders).ingest(tenant, source.id)
    return ToolDeps(member(tenant), db, embedders)


async def test_the_search_finds_what_the_callers_own_business_says(deps: ToolDeps, other_tenant: UUID) -> None:
    [tool] = tools_for(deps.principal)
    found = await tool.call(deps, {"query": "is the shop open on sundays?"})
    assert found["passages"][0]["source_title"] == "Hours"
    elsewhere = dataclasses.replace(deps, principal=member(other_tenant))
    assert (await tool.call(elsewhere, {"query": "is the shop open on sundays?"}))["passages"] == []


async def test_no_argument_names_a_tenant_or_a_person(deps: ToolDeps) -> None:
    for tool in tools_for(member(new_id(), Role.OWNER)):
        assert not {"tenant_id", "user_id", "principal"} & set(tool.arguments.model_fields)
        with pytest.raises(InvalidInput, match="tenant_id"):
            await tool.call(deps, {"query": "x", "tenant_id": hashlib.sha256(b"x").hexdigest()})


async def test_a_caller_without_the_scope_is_not_offered_the_tool_and_cannot_call_it(deps: ToolDeps) -> None:
    [tool] = tools_for(member(new_id(), Role.OWNER))
    for role in EVERYBODY:
        allowed = Scope.KNOWLEDGE_READ in member(new_id(), role).scopes
        assert (tool.name in [one.name for one in tools_for(member(new_id(), role))]) is allowed
    with pytest.raises(NotAllowed):
        await tool.call(dataclasses.replace(deps, principal=member(new_id(), Role.DEVICE)), {"query": "hours"})
