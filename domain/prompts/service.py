"""Prompts as rows: files seed the first version, a label says which one is at work (decision 12)."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.ids import new_id
from domain.prompts.models import Prompt, PromptLabel
from domain.prompts.repository import PromptRepository

PRODUCTION: Final = "production"
"""The label of the version that answers customers."""
_SEED_REASON = "the prompt as it ships"


@dataclass(frozen=True, slots=True)
class ActivePrompt:
    """A prompt at work. `name` (`drafter@3`) is what drafts and AI calls note as their prompt version."""

    agent: str
    version: int
    text: str
    text_sha256: str

    @property
    def name(self) -> str:
        """Agent and version."""
        return f"{self.agent}@{self.version}"


async def seed_prompts(session: AsyncSession, tenant_id: UUID, seeds: Mapping[str, str]) -> int:
    """Give each agent that has no prompt yet its seed as version 1 in production; return how many were written.

    Safe to repeat and to do at the same time elsewhere; versions that exist are never touched.
    """
    # two seeders at once would both see nothing; the lock lasts until the transaction ends
    await session.execute(text("select pg_advisory_xact_lock(hashtext(:key))"), {"key": f"prompts:{tenant_id}"})
    repository = PromptRepository(session)
    written = 0
    for agent, content in seeds.items():
        if await repository.versions(agent):
            continue
        prompt = Prompt(
            tenant_id=tenant_id,
            id=new_id(),
            agent=agent,
            version=1,
            text=content,
            text_sha256=hashlib.sha256(content.encode()).hexdigest(),
            reason=_SEED_REASON,
        )
        repository.add(prompt)
        await repository.move(
            PromptLabel(
                tenant_id=tenant_id,
                id=new_id(),
                agent=agent,
                label=PRODUCTION,
                prompt_id=prompt.id,
                moved_at=datetime.now(UTC),
                reason=_SEED_REASON,
            )
        )
        written += 1
    return written


async def production(session: AsyncSession, agent: str) -> ActivePrompt | None:
    """Return the prompt that answers customers, none where the agent was never given one: it then uses its seed file."""
    found = await PromptRepository(session).labelled(agent, PRODUCTION)
    return None if found is None else ActivePrompt(found.agent, found.version, found.text, found.text_sha256)
