"""An embedding model that providers serve, spoken through the AAL's one engine: with time limits, usage rows, budget and fallback.

Only providers of the same model stand in for each other: vectors of two models are never compared.
"""

from collections.abc import Sequence

from core.aal.asking import Caller, limits_of
from core.aal.catalog import Catalog, catalog
from core.aal.chain import Link, data_of
from core.aal.lazy import LazyEngine
from core.aal.ports import Budget, CooldownStore, UsageRecorder, Vector
from core.errors import SetupError
from core.settings import AalSettings, ProviderSettings

_LONGEST_TEXT = 8000


class RemoteEmbedder:
    """One model for one recorder; `name` carries the width, since some models have several."""

    def __init__(self, caller: Caller, name: str, dims: int, recorder: UsageRecorder) -> None:
        self.name = name
        self.dims = dims
        self._caller = caller
        self._recorder = recorder

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return one unit vector per text, in order. A blank text gets the zero vector, which is like nothing.

        Raises:
            NoProviderAnswered: every provider of the model failed or the time was up.
            BudgetSpent: the tenant's limit is reached.
        """
        wanted = [text.strip()[:_LONGEST_TEXT] for text in texts]
        asked = list(dict.fromkeys(text for text in wanted if text))
        if not asked:
            return [[0.0] * self.dims for _ in wanted]
        found = dict(zip(asked, await self._caller.embed(asked, self.dims, self._recorder), strict=True))
        return [found.get(text) or [0.0] * self.dims for text in wanted]


def embedding_links(settings: AalSettings, facts: Catalog, model: str) -> tuple[Link, ...]:
    """Return the providers of an embedding model in the order they are asked.

    Raises:
        SetupError: no provider that has the model has a key.
    """
    served = _served(facts, model)
    wanted = [entry for entry in settings.embedding_chain if served.get(entry.provider) == entry.model]
    named = {entry.provider for entry in wanted}
    for provider, called in served.items():
        known = _known(settings, provider)
        if provider not in named and known is not None:
            wanted.append(known.model_copy(update={"model": called}))
    if not wanted:
        raise SetupError(
            f"no provider of the embedding model {model} has a key",
            hint=f"give one to {' or '.join(served) or 'a provider'} on WAXOS_AAL__EMBEDDING_CHAIN or WAXOS_AAL__CHAIN",
        )
    return tuple(
        Link(
            name=f"embedding {position}:{entry.provider}/{entry.model}",
            provider=entry.provider,
            model=entry.model,
            base_url=(entry.base_url or facts.providers[entry.provider].base_url).rstrip("/"),
            key=entry.api_key,
            facts=facts.providers[entry.provider],
            model_facts=facts.model(entry.provider, entry.model),
            data=data_of(entry, facts),
        )
        for position, entry in enumerate(wanted)
    )


def _served(facts: Catalog, model: str) -> dict[str, str]:
    known = facts.embedding(model)
    if known is not None:
        return known.served
    provider, _, name = model.partition("/")
    return {provider: name} if provider in facts.providers and name else {}


def _known(settings: AalSettings, provider: str) -> ProviderSettings | None:
    """Return how the chain of the drafts reaches a provider, none where it has no way."""
    for entry in settings.chain:
        if entry.provider == provider:
            return entry
    key = getattr(settings, f"{provider}_api_key", None)
    return ProviderSettings.model_validate({"provider": provider, "model": "-", "api_key": key}) if key else None


def build_caller(settings: AalSettings, model: str, cooldowns: CooldownStore, budget: Budget) -> Caller:
    """Return what asks the providers of one model; imports LiteLLM with its first question. Raises like `embedding_links`."""
    facts = catalog()
    links = embedding_links(settings, facts, model)
    return Caller(
        LazyEngine(links), links, catalog=facts, limits=limits_of(settings), cooldowns=cooldowns, budget=budget
    )
