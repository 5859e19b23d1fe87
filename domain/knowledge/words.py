"""Words for full text: which Postgres configuration stems a language, and what is added so that people's spelling still matches.

Postgres splits at spaces, so runs of Han and kana are cut into overlapping pairs; and people leave out accents when they type on a
phone, so a word with accents is also kept without them. Text and question go through the same two steps.
"""

import re
import unicodedata

from core.aal.language import base_of

UNKNOWN = "simple"
"""The configuration without stems and stop words, for a language that is not known or has no stemmer."""

MOST_TERMS = 40
"""Words of a question that are looked up; a longer one is a story whose first words say enough."""

_CONFIGS = {
    "ar": "arabic", "ca": "catalan", "da": "danish", "de": "german", "el": "greek", "en": "english", "es": "spanish",
    "eu": "basque", "fi": "finnish", "fr": "french", "ga": "irish", "hi": "hindi", "hu": "hungarian", "hy": "armenian",
    "id": "indonesian", "it": "italian", "lt": "lithuanian", "ne": "nepali", "nl": "dutch", "no": "norwegian",
    "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian", "sv": "swedish", "ta": "tamil", "tr": "turkish",
    "yi": "yiddish",
}  # fmt: skip
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0e7f"
_RUN = re.compile(f"[{_UNSPACED}]+")
_WORD = re.compile(rf"[^\W_{_UNSPACED}]+(?:[-'’.@_][^\W_{_UNSPACED}]+)*")


def search_config(language: str | None) -> str:
    """Return the text search configuration of a BCP-47 tag; PostgreSQL 16 and newer have each of them."""
    return _CONFIGS.get(base_of(language), UNKNOWN) if language else UNKNOWN


def indexed(text: str) -> str:
    """Return `text` with the extra words that the index needs, ready for `to_tsvector`."""
    normal = unicodedata.normalize("NFC", text)
    bare = {_without_accents(word) for word in _WORD.findall(normal)} - set(_WORD.findall(normal))
    pairs = [pair for run in _RUN.findall(normal) for pair in _pairs(run)]
    return " ".join([_RUN.sub(" ", normal), *sorted(bare), *pairs])


def embedded(text: str) -> str:
    """Return `text` as the embedding model gets it: people on a phone write without capitals, and the model would tell them apart."""
    return unicodedata.normalize("NFC", text).lower()


def terms(question: str) -> list[str]:
    """Return the different words of a question, each with its spelling without accents beside it, in order."""
    normal = unicodedata.normalize("NFC", question).casefold()
    found: dict[str, None] = {}
    for match in re.finditer(f"{_RUN.pattern}|{_WORD.pattern}", normal):
        run = match.group()
        if _RUN.fullmatch(run):
            found.update(dict.fromkeys(_pairs(run)))
        else:
            bare = _without_accents(run)
            found[run if bare == run else f"{run} {bare}"] = None
    return list(found)[:MOST_TERMS]


def _pairs(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(len(run) - 1)] or [run]


def _without_accents(word: str) -> str:
    """Return a Latin or Greek word without its accents; in other scripts the marks are letters."""
    if not any(
        "\u00c0" <= char <= "\u024f" or "\u0370" <= char <= "\u03ff" or "\u1e00" <= char <= "\u1eff" for char in word
    ):
        return word
    return "".join(char for char in unicodedata.normalize("NFD", word) if not unicodedata.combining(char))
