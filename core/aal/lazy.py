"""LiteLLM behind a door: imported with the first question that needs it, because that takes seconds."""

import asyncio
import importlib
import os
from collections.abc import Sequence
from typing import Any, cast

from core.aal.chain import Link
from core.aal.embedding.vectors import Embedded
from core.aal.engine import Answer, Engine, Question

_LITELLM_ENVIRONMENT = {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_MODE": "PRODUCTION"}


class LazyEngine:
    """Loads LiteLLM at the first question, off the event loop."""

    def __init__(self, links: Sequence[Link]) -> None:
        self._links = tuple(links)
        self._loading: asyncio.Task[Engine] | None = None

    async def ask(self, link: Link, question: Question, seconds: float) -> Answer:
        """Pass the question on to LiteLLM."""
        return await (await self._load()).ask(link, question, seconds)

    async def embed(self, link: Link, texts: Sequence[str], seconds: float) -> Embedded:
        """Pass the texts on to LiteLLM."""
        return await (await self._load()).embed(link, texts, seconds)

    async def ready(self) -> None:
        """Load LiteLLM."""
        await self._load()

    async def _load(self) -> Engine:
        """Return the engine, loading it once; callers that come meanwhile wait for the same load."""
        if self._loading is None:
            self._loading = asyncio.create_task(asyncio.to_thread(_load_litellm, self._links))
        return await asyncio.shield(self._loading)


def litellm_module() -> Any:
    """Import the one module that speaks LiteLLM, in the environment that it wants, and return it."""
    # Read by LiteLLM while it is imported: no price list from the network, no `.env` file from the working folder.
    for name, value in _LITELLM_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    return importlib.import_module("core.aal._litellm")


def _load_litellm(links: Sequence[Link]) -> Engine:
    return cast(Engine, litellm_module().LiteLlmEngine(links))
