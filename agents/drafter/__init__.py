"""The drafter: the facts of a reply, each with the passages that carry it. With no provider configured it is extractive."""

import importlib
from typing import cast

from agents.drafter.extractive import ExtractiveDrafter
from agents.ports import Drafter
from core.aal import Aal
from core.aal.language import LanguageDetector


def build_drafter(aal: Aal, *, instructions: str | None = None, detector: LanguageDetector | None = None) -> Drafter:
    """Return the drafter for this process's AI layer; `instructions` replace the seed prompt (prompts are rows, decision 12)."""
    if not aal.configured:
        return ExtractiveDrafter(aal.embedder)
    module = importlib.import_module("agents.drafter.agent")
    return cast(Drafter, module.ModelDrafter(aal, instructions, detector))
