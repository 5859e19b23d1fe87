"""Facts about providers and models, read from `catalog.toml`: address, output mode, price, and what happens to the data."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Literal

from pydantic import BaseModel, ConfigDict

OutputMode = Literal["tool", "native", "prompted"]
"""How a model is asked for a structured answer: by a tool call, by a JSON schema, or by words."""

_PER = 1_000_000


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DataFacts(_Fact):
    """What happens to what a vendor reads, and who says so. "unknown" is read as the worst: it trains, and it keeps."""

    trains: Literal["yes", "no", "unknown"]
    keeps_days: str
    region: str
    source: str
    source_date: str

    @property
    def may_train(self) -> bool:
        """Whether the vendor may train on what it reads; unknown counts as yes."""
        return self.trains != "no"

    @property
    def may_keep(self) -> bool:
        """Whether the vendor may keep what it reads; unknown counts as yes."""
        return self.keeps_days != "0"


class ProviderFacts(DataFacts):
    """One vendor. `zero_retention_body` is what a request carries where nothing may be kept, for vendors that can be asked."""

    title: str
    prefix: str
    base_url: str
    default_model: str
    mode: OutputMode
    headers: dict[str, str] = {}
    extra_body: dict[str, object] = {}
    zero_retention_body: dict[str, object] = {}


class ModelFacts(_Fact):
    """One model of a vendor; prices in micro-units for a million tokens; `data` where it differs from the vendor's own."""

    provider: str
    name: str
    mode: OutputMode
    price_in: int | None = None
    price_out: int | None = None
    data: DataFacts | None = None


class EmbeddingFacts(_Fact):
    """One embedding model: `served` says what each provider that has it calls it, the preferred one first."""

    name: str
    width: int
    served: dict[str, str]


class Catalog(_Fact):
    """All facts of one version; `version` goes into every cost row."""

    version: str
    currency: str
    unknown_price_in: int
    unknown_price_out: int
    providers: dict[str, ProviderFacts]
    models: list[ModelFacts]
    embeddings: list[EmbeddingFacts]

    def model(self, provider: str, name: str) -> ModelFacts:
        """Return the facts of a model; an unknown one gets its provider's output mode and no price."""
        for facts in self.models:
            if facts.provider == provider and facts.name == name:
                return facts
        return ModelFacts(provider=provider, name=name, mode=self.providers[provider].mode)

    def data_facts(self, provider: str, name: str) -> DataFacts:
        """Return what happens to what a model reads: its own facts, else its vendor's."""
        return self.model(provider, name).data or self.providers[provider]

    def cautious_micro(self, tokens_in: int, tokens_out: int) -> int:
        """Return what a call of a model without a known price counts as towards a limit."""
        return -(-(tokens_in * self.unknown_price_in + tokens_out * self.unknown_price_out) // _PER)

    def embedding(self, name: str) -> EmbeddingFacts | None:
        """Return the facts of an embedding model, none where it is not known."""
        return next((facts for facts in self.embeddings if facts.name == name), None)

    def cost_micro(self, provider: str, name: str, tokens_in: int, tokens_out: int) -> int | None:
        """Return the price of a call in micro-units, rounded up; none where the catalog knows no price."""
        facts = self.model(provider, name)
        if provider == "local":
            return 0
        if facts.price_in is None or facts.price_out is None:
            return None
        return -(-(tokens_in * facts.price_in + tokens_out * facts.price_out) // _PER)


@cache
def catalog() -> Catalog:
    """Return the catalog that ships with this version."""
    return Catalog.model_validate(tomllib.loads(files("core.aal").joinpath("catalog.toml").read_text("utf-8")))
