"""The ordered list of providers to ask, made from the settings: what is named in `chain` first, then the keys given alone."""

import hashlib
from dataclasses import dataclass

from pydantic import SecretStr

from core.aal.catalog import Catalog, DataFacts, ModelFacts, ProviderFacts
from core.errors import SetupError
from core.settings import AalSettings, ProviderSettings

_SHORTCUTS = ("bytez", "openrouter", "groq", "gemini")


@dataclass(frozen=True, slots=True)
class Link:
    """One provider with its model and key. `name` is unique in a chain and safe to show."""

    name: str
    provider: str
    model: str
    base_url: str
    key: SecretStr | None
    facts: ProviderFacts
    model_facts: ModelFacts
    data: DataFacts
    zero_retention: bool = False
    """Whether each request asks the vendor to keep nothing."""

    @property
    def circuit(self) -> str:
        """Name what fails together: the model at one address under one key, the same in every process; shows neither."""
        key = self.key.get_secret_value() if self.key else ""
        told = hashlib.sha256(f"{self.base_url}\0{key}".encode()).hexdigest()[:8]
        return f"{self.provider}/{self.model}#{told}"


def build_chain(settings: AalSettings, catalog: Catalog) -> tuple[Link, ...]:
    """Return the links in the order they are asked; an empty tuple means that no provider is configured.

    Raises:
        SetupError: a provider that needs a key has none.
    """
    wanted = list(settings.chain)
    named = {entry.provider for entry in wanted}
    for provider in _SHORTCUTS:
        key: SecretStr | None = getattr(settings, f"{provider}_api_key")
        if key is not None and provider not in named:
            model = catalog.providers[provider].default_model
            wanted.append(ProviderSettings(provider=provider, model=model, api_key=key))
    return tuple(_link(position, entry, catalog) for position, entry in enumerate(wanted))


def _link(position: int, entry: ProviderSettings, catalog: Catalog) -> Link:
    facts = catalog.providers[entry.provider]
    if entry.api_key is None and entry.provider != "local":
        raise SetupError(
            f"{facts.title} is on the chain without a key",
            hint=f"give it `api_key` in WAXOS_AAL__CHAIN or take {entry.provider} off the chain",
        )
    return Link(
        name=f"{position}:{entry.provider}/{entry.model}",
        provider=entry.provider,
        model=entry.model,
        base_url=(entry.base_url or facts.base_url).rstrip("/"),
        key=entry.api_key,
        facts=facts,
        model_facts=catalog.model(entry.provider, entry.model),
        data=data_of(entry, catalog),
    )


def data_of(entry: ProviderSettings, catalog: Catalog) -> DataFacts:
    """Return what happens to what an entry's model reads; the owner's own word on training comes before the catalog's."""
    facts = catalog.data_facts(entry.provider, entry.model)
    if entry.trains is None:
        return facts
    return DataFacts(
        trains="no",
        keeps_days=facts.keeps_days,
        region=facts.region,
        source=f"said in the settings of this desk; {facts.source}",
        source_date=facts.source_date,
    )
