"""A chain of real LiteLLM calls against the provider stand-in."""

from collections.abc import Callable

import pytest
from pydantic import BaseModel, Field, SecretStr

from core.aal import Aal, build_aal
from core.aal.ports import CooldownStore
from core.settings import AalSettings, ProviderSettings
from tests.standins.provider import Asked, ProviderStandin, Reply

MODELS = {
    "bytez": "google/gemma-3-4b-it",
    "openrouter": "openai/gpt-4o-mini",
    "groq": "llama-3.3-70b-versatile",
    "gemini": "gemini-2.5-flash",
    "openai": "gpt-4o-mini",
    "local": "qwen",
}
CANARY = "canary-0123456789abcdef"


class Answer(BaseModel):
    """A structured answer for tests."""

    text: str
    sure: bool
    score: float = Field(default=1.0, ge=0, le=1)


GOOD = {"text": "Yes, on Saturdays.", "sure": True, "score": 1.0}


def scripted(_: Asked) -> Reply:
    """Give the same structured answer to everything."""
    return GOOD


class NeverResting:
    """Cooldowns that rest nobody, and remember how long each failure asked for."""

    def __init__(self) -> None:
        self.asked_for: list[float | None] = []

    async def may_ask(self, circuit: str) -> bool:  # noqa: ARG002 - the protocol's signature
        return True

    async def resting(self, circuit: str) -> float:  # noqa: ARG002
        return 0.0

    async def failed(self, circuit: str, rest_seconds: float | None) -> None:  # noqa: ARG002
        self.asked_for.append(rest_seconds)

    async def worked(self, circuit: str) -> None:
        pass


@pytest.fixture
def providers(running: ProviderStandin) -> ProviderStandin:
    """The stand-in with nothing in its journal and nothing scripted."""
    running.clear()
    running.answer_with(scripted)
    return running


Chain = Callable[..., Aal]


def link(name: str, base_url: str) -> ProviderSettings:
    """Return one provider of a chain, with a key that must be seen nowhere else."""
    key = None if name == "local" else SecretStr(f"{CANARY}-{name}")
    return ProviderSettings(provider=name, model=MODELS[name], api_key=key, base_url=base_url)  # type: ignore[arg-type]


@pytest.fixture
def chain(providers: ProviderStandin) -> Chain:
    """Build an `Aal` whose links are the named providers, all at the stand-in; the time is ample for a busy machine."""

    def build(
        *names: str,
        attempt_seconds: float = 20.0,
        total_seconds: float = 60.0,
        hedge_seconds: float = 0.0,
        dead: str | None = None,
        cooldowns: CooldownStore | None = None,
    ) -> Aal:
        links = [
            link(name, providers.refused_url(name) if name == dead else providers.base_url(name)) for name in names
        ]
        settings = AalSettings(
            chain=links, attempt_seconds=attempt_seconds, total_seconds=total_seconds, hedge_seconds=hedge_seconds
        )
        return build_aal(settings, cooldowns=cooldowns)

    return build
