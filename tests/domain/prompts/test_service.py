"""Prompts are seeded once, and the newest move of a label says which version is at work."""

import asyncio
import hashlib
from datetime import UTC, datetime
from uuid import UUID

from core.contracts.ids import new_id
from core.db.session import Database
from domain.prompts import service
from domain.prompts.models import Prompt, PromptLabel
from domain.prompts.repository import PromptRepository

SEEDS = {"drafter": "Write the facts.", "humanizer": "Sound like the business."}


async def seed(db: Database, tenant_id: UUID, seeds: dict[str, str]) -> int:
    async with db.unit_of_work(tenant_id) as session:
        return await service.seed_prompts(session, tenant_id, seeds)


async def test_seeds_become_the_first_version_in_production_once(
    db: Database, tenant: UUID, other_tenant: UUID
) -> None:
    assert sorted(await asyncio.gather(*(seed(db, tenant, SEEDS) for _ in range(3)))) == [0, 0, 2]
    assert await seed(db, tenant, {"drafter": "Another text.", "checker": "Check."}) == 1
    async with db.unit_of_work(tenant) as session:
        active = await service.production(session, "drafter")
        assert active is not None
        assert (active.name, active.text) == ("drafter@1", SEEDS["drafter"])
        assert active.text_sha256 == hashlib.sha256(active.text.encode()).hexdigest()
        assert await service.production(session, "nobody") is None
    async with db.unit_of_work(other_tenant) as session:
        assert await service.production(session, "drafter") is None


async def test_production_follows_its_label(db: Database, tenant: UUID) -> None:
    await seed(db, tenant, SEEDS)
    async with db.unit_of_work(tenant) as session:
        better = Prompt(
            tenant_id=tenant, id=new_id(), agent="drafter", version=2, text="Better.", text_sha256="x", reason="shorter"
        )
        repository = PromptRepository(session)
        repository.add(better)
        await repository.move(
            PromptLabel(
                tenant_id=tenant, agent="drafter", label="candidate", prompt_id=better.id, moved_at=datetime.now(UTC)
            )
        )
    async with db.unit_of_work(tenant) as session:
        active = await service.production(session, "drafter")
        assert active is not None
        assert active.version == 1
        await PromptRepository(session).move(
            PromptLabel(
                tenant_id=tenant, agent="drafter", label="production", prompt_id=better.id, moved_at=datetime.now(UTC)
            )
        )
    async with db.unit_of_work(tenant) as session:
        active = await service.production(session, "drafter")
        assert active is not None
        assert (active.version, active.text) == (2, "Better.")
