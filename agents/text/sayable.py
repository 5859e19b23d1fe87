"""What keeps a model's wording from being a reply at all: another language than the customer's, absurd length, or holes."""

from collections.abc import Mapping
from typing import Any

from agents.text.veil import Veil
from core.aal.language import LanguageDetector, base_of
from core.aal.ports import Accepts

_LONGEST_CHARS = 3000
_LEAST_WORDS = 4


def sayable(detector: LanguageDetector, language: str | None, veil: Veil | None = None) -> Accepts:
    """Return what looks at the `parts` of an answer. A text too short or too mixed to tell its language passes."""

    def wrong(answer: Mapping[str, Any]) -> str | None:
        said = "\n".join(str(part) for part in answer.get("parts") or ())
        if len(said) > _LONGEST_CHARS:
            return f"the reply is longer than {_LONGEST_CHARS} characters"
        hole = veil.unknown(answer) if veil is not None else None
        if hole is not None:
            return hole
        if language is None or len(said.split()) < _LEAST_WORDS:
            return None
        found = detector.detect(said).tag
        if found is None or base_of(found) == base_of(language):
            return None
        return f"the reply is in the language {found} and has to be in {language}"

    return wrong
