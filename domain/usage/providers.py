"""Who reads a business's customers' words, as its people may see it; answered by a worker, since only workers know the chain."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from core.aal import Aal, build_aal
from core.contracts.base import Command
from core.contracts.policies import DataUsePolicy
from core.contracts.usage import AiDataUse, AiProviderView
from core.jobs.registry import Registry, Resources
from domain.policies import service as policies
from domain.usage.circuits import shared_circuits
from domain.usage.service import PROVIDERS_QUESTION

HIDDEN = (
    "phone numbers",
    "e-mail addresses",
    "card and account numbers",
    "names",
    "keys and passwords",
    "long numbers",
)
"""What `agents.text.veil` puts under placeholders."""


class ProvidersFor(Command):
    """The question: asked by the API for a caller whose tenant it has verified."""

    tenant_id: UUID


@dataclass(slots=True)
class ProviderAnswers:
    """The answering side of one worker."""

    _layers: list[Aal] = field(default_factory=list)

    async def providers(self, resources: Resources, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return the chain with what is known of each provider, and whom the business's rules keep out."""
        tenant_id = ProvidersFor.model_validate(payload).tenant_id
        async with resources.db.unit_of_work(tenant_id) as session:
            standing = await policies.read(session, DataUsePolicy)
        if not self._layers:
            self._layers.append(build_aal(resources.settings.aal, cooldowns=shared_circuits(resources.settings)))
        status = await self._layers[0].status(standing.value)
        told = AiDataUse(
            training=standing.value.training,
            zero_retention=standing.value.zero_retention,
            providers_chosen=standing.value.providers,
            version=standing.version,
            providers=[
                AiProviderView.model_validate(
                    {**link.model_dump(exclude={"price_known", "may_train"}), "used": link.why_not is None}
                )
                for link in status.chain
            ],
            hidden=list(HIDDEN),
        )
        return told.model_dump(mode="json")


def register(registry: Registry) -> None:
    """Announce the answer."""
    registry.answer(PROVIDERS_QUESTION, ProviderAnswers().providers)
