"""The humanizer: the same facts in the business's voice and the customer's language. It adds none, and never claims to be a person."""

import importlib
from typing import cast

from agents.humanizer.rules import RuleHumanizer
from agents.ports import Humanizer
from core.aal import Aal
from core.aal.language import LanguageDetector


def build_humanizer(
    aal: Aal, *, instructions: str | None = None, detector: LanguageDetector | None = None
) -> Humanizer:
    """Return the humanizer for this process's AI layer; `instructions` replace the seed prompt."""
    if not aal.configured:
        return RuleHumanizer()
    module = importlib.import_module("agents.humanizer.agent")
    return cast(Humanizer, module.ModelHumanizer(aal, instructions, detector))
