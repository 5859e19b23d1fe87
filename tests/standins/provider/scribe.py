"""How the stand-in answers without a script: from the prompt alone, as a careful model would, so that a whole desk can run on it.

It quotes the passages word for word and invents nothing, so what comes out passes the desk's checks exactly when the passages carry it.
"""

import re
from collections.abc import Mapping
from typing import Any

from tests.standins.provider.faults import Asked, Reply

_MOST_PASSAGES = 3
_MOST_CHARS = 400
_PASSAGE = re.compile(r"^\[(\d+)\] (?:\([^\n]*?\) )?", re.MULTILINE)
_SENTENCE = re.compile(r"(?<=[.!?。！？؟])\s+|\n+")
_CURATED = "Approved answer, use it word for word: "
_GREETED = re.compile(r"First reply: greet (?!without)([^.\n]+)\.")
_WORD = re.compile(r"\w{3,}")


def answer(asked: Asked) -> Reply:
    """Return the facts for the drafter, the wording for the humanizer, a filled shape for others, a sentence for plain text."""
    if asked.schema is None:
        return "Thank you for your message."
    wanted = set(asked.schema.get("properties", {}))
    if {"parts", "claims", "missing"} <= wanted:
        return _facts(asked.text())
    if wanted == {"parts"}:
        return {"parts": [_voice(asked.text())]}
    return {name: _filled(facts) for name, facts in asked.schema.get("properties", {}).items()}


def block(text: str, name: str) -> str:
    """Return what stands between the last pair of a prompt's markers, empty where there is none."""
    found = re.findall(rf"⟦{re.escape(name)}⟧\n(.*?)\n?⟦end of {re.escape(name)}⟧", text, re.DOTALL)
    return str(found[-1]).strip() if found else ""


def passages(text: str) -> list[tuple[int, str]]:
    """Return the numbered passages of a drafter's prompt, their titles cut off."""
    pieces = _PASSAGE.split(block(text, "passages"))
    return [(int(number), said.strip()) for number, said in zip(pieces[1::2], pieces[2::2], strict=True)]


def _facts(prompt: str) -> dict[str, Any]:
    question = block(prompt, "new messages")
    given = passages(prompt)[:_MOST_PASSAGES]
    sentences = [(number, sentence) for number, said in given for sentence in _sentences(said)]
    if not sentences:
        return {"parts": [], "claims": [], "missing": [question], "confidence": 0.0}
    asked = _words(question)
    best = max(sentences, key=lambda found: len(asked & _words(found[1])))
    curated = next(((n, text) for n, text in sentences if text.startswith(_CURATED)), None)
    if curated is None and len(asked & _words(best[1])) * 2 < len(asked):
        return {"parts": [], "claims": [], "missing": [question], "confidence": 0.1}
    number, said = curated or best
    said = said.removeprefix(_CURATED)[:_MOST_CHARS]
    claims = [{"text": said, "passages": [number]}]
    return {"parts": [said], "claims": claims, "missing": [], "confidence": 0.9}


def _sentences(said: str) -> list[str]:
    curated = said.find(_CURATED)
    if curated >= 0:
        return [said[curated:]]
    lines = (line.strip("#*- \t") for line in _SENTENCE.split(said))
    return [line for line in lines if line]


def _words(text: str) -> set[str]:
    return set(_WORD.findall(text.lower()))


def _voice(prompt: str) -> str:
    facts = block(prompt, "facts")
    named = _GREETED.search(prompt)
    return f"Hi {named[1]}! {facts}" if named and "Language: en" in prompt else facts


def _filled(facts: Mapping[str, Any]) -> Any:
    kinds: dict[str, Any] = {"string": "yes", "boolean": True, "integer": 1, "number": 0.9, "array": [], "object": {}}
    return kinds.get(str(facts.get("type", "string")).lower(), "yes")
