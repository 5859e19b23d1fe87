"""The role words of each language, read from `lexicon.toml` once."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from core.aal.language import base_of, known_languages

FALLBACK = "en"


@dataclass(frozen=True, slots=True)
class Lexicon:
    """One language. All phrases are lower case; `stopwords` carry no matter."""

    tag: str
    greetings: frozenset[str]
    thanks: frozenset[str]
    asks: frozenset[str]
    requests: frozenset[str]
    follows: frozenset[str]
    pronouns: frozenset[str]
    joins: frozenset[str]
    weak: frozenset[str]
    live: frozenset[str]
    business: frozenset[str]
    wants: Mapping[str, frozenset[str]]
    names: Mapping[str, str]
    stopwords: frozenset[str]

    @property
    def pleasantries(self) -> frozenset[str]:
        """Greetings and thanks: what needs no answer."""
        return self.greetings | self.thanks


@cache
def lexicons() -> Mapping[str, Lexicon]:
    """Return the lexicons by language."""
    data = tomllib.loads(files("agents.text").joinpath("lexicon.toml").read_text("utf-8"))
    return {tag: _lexicon(tag, entry) for tag, entry in data.items()}


def lexicon(tag: str | None) -> Lexicon:
    """Return the lexicon of a language, English where we have none."""
    return lexicons().get(base_of(tag) if tag else FALLBACK) or lexicons()[FALLBACK]


def stopwords(tag: str | None) -> frozenset[str]:
    """Return the function words of a language, none where it is unknown."""
    known = known_languages().get(base_of(tag)) if tag else None
    return known.words if known else frozenset()


def _lexicon(tag: str, entry: Mapping[str, Any]) -> Lexicon:
    lists = {name: frozenset(words) for name, words in entry.items() if isinstance(words, list)}
    return Lexicon(
        tag=tag,
        wants={kind: frozenset(words) for kind, words in entry["wants"].items()},
        names=entry["names"],
        stopwords=stopwords(tag),
        **lists,
    )
