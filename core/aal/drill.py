"""Tries a chain for real: a call to each provider alone, and the whole chain while the first ones are made to fail."""

from collections.abc import Collection, Sequence
from typing import Any

from core.aal.asking import Caller, limits_of
from core.aal.catalog import catalog
from core.aal.chain import Link, build_chain
from core.aal.circuits import memory_circuits
from core.aal.embedding.vectors import Embedded
from core.aal.engine import Answer, Engine, OutputShape, Question
from core.aal.errors import NoProviderAnswered, ProviderDown
from core.aal.lazy import LazyEngine
from core.aal.ports import CallLog, NoLimit, Purpose
from core.contracts.base import Wire
from core.contracts.reasoning import AiCall
from core.settings import AalSettings

_WORDS = "This is a test of the connection. Say that you are ready."
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"ready": {"type": "boolean", "description": "true"}},
    "required": ["ready"],
    "additionalProperties": False,
}


class Tried(Wire):
    """One real call. `forced` are the providers that were made to fail for it; `fault` and `hint` say why nobody answered."""

    asked: list[str]
    forced: list[str]
    answered_by: str | None
    latency_ms: int
    attempts: int
    tokens_in: int
    tokens_out: int
    cost_micro: int
    price_known: bool
    fault: str | None = None
    hint: str | None = None


class ForcedFailures:
    """An engine that refuses some links without asking them, and passes the rest on."""

    def __init__(self, engine: Engine, down: Collection[str]) -> None:
        self._engine = engine
        self._down = frozenset(down)

    async def ready(self) -> None:
        """Load what is slow to load."""
        await self._engine.ready()

    async def ask(self, link: Link, question: Question, seconds: float) -> Answer:
        """Return the provider's answer. Raises ProviderDown for a link that is made to fail."""
        if link.name in self._down:
            raise ProviderDown(link.provider, link.model, reason="forced")
        return await self._engine.ask(link, question, seconds)

    async def embed(self, link: Link, texts: Sequence[str], seconds: float) -> Embedded:
        """Pass the texts on."""
        return await self._engine.embed(link, texts, seconds)


async def try_each(settings: AalSettings) -> list[Tried]:
    """Ask each provider of the chain once, alone, for a structured answer as a draft is."""
    links = build_chain(settings, catalog())
    engine = LazyEngine(links)
    return [await _try(engine, [link], settings) for link in links]


async def drill(settings: AalSettings) -> list[Tried]:
    """Ask the whole chain while the first, then the first two, … and at last all of its providers are made to fail."""
    links = build_chain(settings, catalog())
    engine = LazyEngine(links)
    found = []
    for count in range(1, len(links) + 1):
        down = [link.name for link in links[:count]]
        found.append(await _try(ForcedFailures(engine, down), links, settings, links[:count]))
    return found


async def _try(engine: Engine, links: Sequence[Link], settings: AalSettings, forced: Sequence[Link] = ()) -> Tried:
    caller = Caller(
        engine,
        links,
        catalog=catalog(),
        limits=limits_of(settings.model_copy(update={"hedge_seconds": 0.0})),
        cooldowns=memory_circuits(),
        budget=NoLimit(),
    )
    question = Question(messages=[{"role": "user", "content": _WORDS}], shape=_shape())
    fault: NoProviderAnswered | None = None
    try:
        _, row = await caller.call(Purpose.JUDGE, question, CallLog())
    except NoProviderAnswered as error:
        fault, row = error, error.call
    return _tried(links, forced, row, fault)


def _tried(links: Sequence[Link], forced: Sequence[Link], row: AiCall, fault: NoProviderAnswered | None) -> Tried:
    hints = [attempt.hint for attempt in fault.attempts if attempt.hint] if fault else []
    return Tried(
        asked=[f"{link.provider}/{link.model}" for link in links],
        forced=[f"{link.provider}/{link.model}" for link in forced],
        answered_by=None if fault else f"{row.provider}/{row.model}",
        latency_ms=row.latency_ms,
        attempts=row.attempts,
        tokens_in=row.tokens_in,
        tokens_out=row.tokens_out,
        cost_micro=row.cost_micro,
        price_known=row.price_version is not None,
        fault="; ".join(attempt.detail for attempt in fault.attempts) if fault else None,
        hint="; ".join(dict.fromkeys(hints)) or None,
    )


def _shape() -> OutputShape:
    def wrong(found: object) -> str | None:
        ready = found.get("ready") if isinstance(found, dict) else None
        return None if isinstance(ready, bool) else "`ready` has to be true or false"

    return OutputShape("ready", "Say whether you are ready.", _SCHEMA, wrong)
