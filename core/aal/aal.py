"""`Aal`: what the rest of WAXOS sees of artificial intelligence. Built once per process from the settings."""

import asyncio
import copy
import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from core.aal.asking import Caller, Limits, limits_of
from core.aal.catalog import Catalog, catalog
from core.aal.chain import Link, build_chain
from core.aal.circuits import memory_circuits
from core.aal.data_use import permitted, refusal
from core.aal.embedding import BUNDLED, build_embedder
from core.aal.engine import Engine
from core.aal.lazy import LazyEngine
from core.aal.ports import (
    Accepts,
    Budget,
    CallLog,
    CooldownStore,
    Embedder,
    NoLimit,
    Purpose,
    UsageRecorder,
)
from core.contracts.base import Wire
from core.contracts.policies import DataUsePolicy
from core.settings import AalSettings

if TYPE_CHECKING:
    from pydantic_ai.models import Model


class LinkStatus(Wire):
    """One provider of the chain as people may see it."""

    provider: str
    title: str
    model: str
    resting_seconds: float
    price_known: bool
    may_train: bool
    why_not: str | None = None
    trains: str
    keeps_days: str
    region: str
    source: str
    source_date: str


class AalStatus(Wire):
    """The chain in the order it is asked, and the model that sentences are judged by. An empty chain means extractive drafts."""

    chain: list[LinkStatus]
    embedder: str
    catalog_version: str


class Aal:
    """Models by purpose, the state of the chain, and the embedder that sentences are judged by: the bundled one on every desk, which
    drafter and checker are fitted to. What the knowledge is searched by is `core.aal.embedding.Embedders`."""

    def __init__(
        self,
        links: Sequence[Link],
        embedder: Embedder,
        *,
        facts: Catalog,
        limits: Limits,
        cooldowns: CooldownStore,
        budget: Budget,
        engine: Engine | None = None,
    ) -> None:
        self.embedder = embedder
        self._links = tuple(links)
        self._facts = facts
        self._views: dict[tuple[tuple[str, bool], ...], Aal] = {}
        self._cooldowns = cooldowns
        self._engine = engine or LazyEngine(self._links)
        self._caller = Caller(
            self._engine, self._links, catalog=facts, limits=limits, cooldowns=cooldowns, budget=budget
        )

    @property
    def configured(self) -> bool:
        """Whether any provider is on the chain."""
        return bool(self._links)

    def model(
        self, purpose: Purpose, recorder: UsageRecorder | None = None, accepts: Accepts | None = None
    ) -> "Model | None":
        """Return the pydantic-ai model for a purpose, none when the chain is empty. `recorder` gets a row for every call.

        What `accepts` finds wrong with an answer is corrected once, and then the next provider is asked.
        """
        if not self._links:
            return None
        module = importlib.import_module("core.aal.model")
        return cast("Model", module.AalModel(self._caller, purpose, recorder or CallLog(), accepts))

    def under(self, policy: DataUsePolicy) -> "Aal":
        """Return the layer as a tenant's policy lets it be used: providers that it keeps out are not on its chain at all."""
        return self._with(permitted(self._links, policy))

    def without_models(self) -> "Aal":
        """Return the layer with an empty chain: drafts of the business's own sentences."""
        return self._with(())

    def _with(self, links: tuple[Link, ...]) -> "Aal":
        key = tuple((link.name, link.zero_retention) for link in links)
        if key not in self._views:
            view = copy.copy(self)
            view._links, view._caller, view._views = links, self._caller.over(links), {}
            self._views[key] = view
        return self._views[key]

    async def warm(self) -> None:
        """Load what the first draft would otherwise wait for: the embedding model, and LiteLLM where a provider is set."""
        await self.embedder.embed(["warm"])
        if self._links:
            await asyncio.to_thread(self.model, Purpose.DRAFT)
            await self._engine.ready()

    async def status(self, policy: DataUsePolicy | None = None) -> AalStatus:
        """Return the chain with its health, and whom a policy keeps out and why; asks no provider."""
        chain = [
            LinkStatus(
                provider=link.provider,
                title=link.facts.title,
                model=link.model,
                resting_seconds=round(await self._cooldowns.resting(link.circuit), 1),
                price_known=self._facts.cost_micro(link.provider, link.model, 0, 0) is not None,
                may_train=link.data.may_train,
                why_not=refusal(link, policy) if policy is not None else None,
                trains=link.data.trains,
                keeps_days=link.data.keeps_days,
                region=link.data.region,
                source=link.data.source,
                source_date=link.data.source_date,
            )
            for link in self._links
        ]
        return AalStatus(chain=chain, embedder=self.embedder.name, catalog_version=self._facts.version)


def build_aal(
    settings: AalSettings,
    *,
    cooldowns: CooldownStore | None = None,
    budget: Budget | None = None,
    embedder: Embedder | None = None,
) -> Aal:
    """Make the process's `Aal`. Imports neither LiteLLM nor a model: those come with the first call or `warm()`.

    Raises:
        SetupError: the settings name a provider without its key.
    """
    facts = catalog()
    return Aal(
        build_chain(settings, facts),
        embedder or build_embedder(BUNDLED),
        facts=facts,
        limits=limits_of(settings),
        cooldowns=cooldowns or memory_circuits(),
        budget=budget or NoLimit(),
    )
