"""Storage of prompts and of where their labels stand."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from domain.prompts.models import Prompt, PromptLabel


@dataclass(frozen=True, slots=True)
class PromptRepository:
    """Prompts of the tenant of the session."""

    session: AsyncSession

    def add(self, prompt: Prompt) -> None:
        """Write a version with the transaction."""
        self.session.add(prompt)

    async def move(self, label: PromptLabel) -> None:
        """Write a move of a label, after the prompt that it refers to."""
        await self.session.flush()
        self.session.add(label)

    async def labelled(self, agent: str, label: str) -> Prompt | None:
        """Return the version on which a label stands: that of its newest move."""
        return await self.session.scalar(
            select(Prompt)
            .join(PromptLabel, (PromptLabel.tenant_id == Prompt.tenant_id) & (PromptLabel.prompt_id == Prompt.id))
            .where(PromptLabel.agent == agent, PromptLabel.label == label)
            .order_by(PromptLabel.moved_at.desc(), PromptLabel.id.desc())
            .limit(1)
        )

    async def versions(self, agent: str) -> Sequence[Prompt]:
        """Return every version of an agent's prompt, newest first."""
        found = await self.session.scalars(select(Prompt).where(Prompt.agent == agent).order_by(Prompt.version.desc()))
        return found.all()
