"""Words as terms: folded, stemmed, and compared so that forms, compounds and small typing errors meet."""

import itertools
import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache

import snowballstemmer

from agents.text.lexicon import stopwords
from core.aal.language import base_of

_TOKEN = re.compile(r"[^\W_]+(?:['’\-‐‑][^\W_]+)*|[^\W_]+")
_HAN = re.compile(r"[\u3400-\u9fff]+")
_SPLIT = re.compile(r"['’\-‐‑]")
_ACRONYM = re.compile(r"\b[A-Z]{2,4}\b")
_LONG_NAME = re.compile(r"\b[A-Z][a-z]+(?:\s[A-Z][a-z]+){1,3}\b")
_ALGORITHMS = {
    "en": "english",
    "es": "spanish",
    "pt": "portuguese",
    "de": "german",
    "fr": "french",
    "it": "italian",
    "ar": "arabic",
    "tr": "turkish",
    "ru": "russian",
    "nl": "dutch",
    "hi": "hindi",
    "id": "indonesian",
}
_PREFIXES = (
    "zuruck",
    "nach",
    "vor",
    "mit",
    "aus",
    "auf",
    "ein",
    "bei",
    "weg",
    "los",
    "her",
    "hin",
    "ab",
    "an",
    "um",
    "zu",
)
_COMPOUNDING = {"de", "nl", "sv", "da", "no", "fi"}
_LEAST_COMPOUND = 5
_LONGEST_LINK = 2
_LONGEST_ENDING = 4
_LEAST_VERB = 3
_LEAST_TYPO = 6
_LEAST_PREFIX = 5
_PREFIX_SHARE = 0.75


def fold(text: str) -> str:
    """Return the text in lower case, apostrophes straight, width variants merged."""
    return unicodedata.normalize("NFKC", text).casefold().replace("’", "'").replace("‘", "'")


def plain(text: str) -> str:
    """Return the folded text without its accents: customers leave them out."""
    decomposed = unicodedata.normalize("NFD", fold(text))
    return unicodedata.normalize("NFC", "".join(c for c in decomposed if unicodedata.category(c) != "Mn"))


def words(text: str) -> list[str]:
    """Return the words of a text, folded, in order; Chinese is cut in overlapping pairs of characters."""
    found: list[str] = []
    for token in _TOKEN.findall(fold(text)):
        if _HAN.search(token):
            found += _pairs(token)
        else:
            found.append(token)
    return found


def joined(word: str) -> str:
    """Return a word without its hyphens and apostrophes: "check-in" is "checkin"."""
    return _SPLIT.sub("", word)


def _pairs(token: str) -> list[str]:
    return [token[i : i + 2] for i in range(len(token) - 1)] or [token]


@lru_cache(maxsize=100_000)
def stem(word: str, tag: str | None) -> str:
    """Return the stem of a folded word in a language, without accents; the word itself where we have no stemmer."""
    algorithm = _ALGORITHMS.get(base_of(tag)) if tag else None
    if algorithm is None or any(char.isdigit() for char in word):
        return plain(word)
    # A stemmer keeps state while it works: one of its own per call is cheap and safe in threads.
    return plain(snowballstemmer.stemmer(algorithm).stemWord(word))


def terms(text: str, tag: str | None, *, leave_out: frozenset[str] = frozenset()) -> list[str]:
    """Return the content stems of a text in order, without function words, `leave_out` and single letters."""
    skip = (stopwords(tag) | leave_out) - _acronyms(text)
    found = []
    for word in words(text):
        bare = word.split("'")[-1] if "'" in word and word.split("'")[0] in skip else word
        bare = bare.removesuffix("'s")
        if bare in skip or word in skip or (len(bare) < 2 and not bare.isdigit() and not _HAN.match(bare)):
            continue
        found.append(stem(joined(bare), tag))
    return found


def _acronyms(text: str) -> frozenset[str]:
    """Return the folded words in capitals ("US", "EU"), which are no function words; none where everything is in capitals."""
    if text.isupper():
        return frozenset()
    return frozenset(fold(found) for found in _ACRONYM.findall(text))


def _initials(text: str) -> set[str]:
    """Return the initials of names of several words: "United States" offers "us"."""
    return {"".join(word[0] for word in name.split()).lower() for name in _LONG_NAME.findall(text)}


def vocabulary(text: str, tag: str | None) -> frozenset[str]:
    """Return every stem that a text offers to a question: its words, the parts of its compounds, and neighbours joined."""
    tokens = words(text)
    found = {stem(joined(token), tag) for token in tokens}
    for token in tokens:
        parts = [part for part in _SPLIT.split(token) if len(part) > 1]
        found.update(stem(part, tag) for part in parts)
    if tag is not None and base_of(tag) in _COMPOUNDING:  # the stemmer cuts a compound elsewhere than its last part
        found.update(plain(token) for token in tokens if len(token) > _LEAST_COMPOUND)
    found.update(stem(a + b, tag) for a, b in itertools.pairwise(tokens) if len(a + b) <= 16)
    return frozenset(found | _initials(text))


@lru_cache(maxsize=200_000)
def covered(term: str, offered: frozenset[str], tag: str | None) -> bool:
    """Return whether a question's term is among the offered stems: the same, a longer form, a compound, or one typing error away."""
    if term in offered:
        return True
    if term.isdigit() or any(char.isdigit() for char in term):
        return False
    if len(term) < _LEAST_COMPOUND - 1:
        return False
    compounding = tag is not None and base_of(tag) in _COMPOUNDING
    near = [other for other in offered if len(other) >= _LEAST_COMPOUND - 1]
    if compounding and _separated(term, offered):
        return True
    return any(_alike(term, other, compounding) for other in near) or (compounding and _compounded(term, near))


def _alike(term: str, other: str, compounding: bool) -> bool:
    if compounding and (other.startswith(term) or term in other[-len(term) - _LONGEST_ENDING :]):
        return True
    if len(term) < _LEAST_COMPOUND or (term[0] != other[0] and term[1:2] != other[1:2]):
        return False
    common = _common_prefix(term, other)
    if common >= _LEAST_PREFIX and common >= _PREFIX_SHARE * max(len(term), len(other)):
        return True
    return min(len(term), len(other)) >= _LEAST_TYPO and one_edit_apart(term, other)


def partly(term: str, offered: frozenset[str], tag: str | None) -> bool:
    """Return whether a compound's first or last part is offered: "motorradfuhrerschein" by "motorrad"."""
    if tag is None or base_of(tag) not in _COMPOUNDING or len(term) < 2 * _LEAST_COMPOUND:
        return False
    return any(len(other) >= _LEAST_COMPOUND and (term.startswith(other) or term.endswith(other)) for other in offered)


def _separated(term: str, offered: frozenset[str]) -> bool:
    """Return whether a German verb stands in two words or with "ge" inside: "mitbring" is "bringen ... mit", "absag" is "abgesagt"."""
    for prefix in _PREFIXES:
        rest = term.removeprefix(prefix)
        if rest != term and len(rest) >= _LEAST_VERB:
            whole = prefix in offered and rest in offered
            return whole or any(other.startswith(f"{prefix}ge{rest}") for other in offered)
    return False


def _compounded(term: str, offered: Sequence[str]) -> bool:
    """Return whether a compound is made of two offered words, a linking letter or two between them."""
    heads = [other for other in offered if term.startswith(other)]
    tails = [other for other in offered if term.endswith(other)]
    return any(len(term) - _LONGEST_LINK <= len(a) + len(b) <= len(term) for a in heads for b in tails)


def _common_prefix(a: str, b: str) -> int:
    size = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        size += 1
    return size


def one_edit_apart(a: str, b: str) -> bool:
    """Return whether one letter added, lost, changed or swapped with its neighbour makes `b` of `a`."""
    if abs(len(a) - len(b)) > 1 or a == b:
        return a == b
    start = _common_prefix(a, b)
    rest_a, rest_b = a[start:], b[start:]
    if len(a) == len(b):
        swapped = len(rest_a) > 1 and rest_a[0] == rest_b[1] and rest_a[1] == rest_b[0] and rest_a[2:] == rest_b[2:]
        return rest_a[1:] == rest_b[1:] or swapped
    return rest_a[1:] == rest_b or rest_a == rest_b[1:]


def phrase_in(phrases: Iterable[str], folded: str) -> list[str]:
    """Return the phrases that occur in a folded text as whole words (Chinese: anywhere), longest first."""
    found = [phrase for phrase in phrases if _occurs(phrase, folded)]
    return sorted(found, key=len, reverse=True)


def _occurs(phrase: str, folded: str) -> bool:
    if phrase not in folded:
        return False
    if _HAN.search(phrase):
        return True
    return re.search(rf"(?<![^\W_]){re.escape(phrase)}(?![^\W_])", folded) is not None


def starts_with(phrases: Iterable[str], folded: str) -> str | None:
    """Return the longest phrase that a folded text begins with, as whole words."""
    best: str | None = None
    for phrase in phrases:
        if folded.startswith(phrase) and (best is None or len(phrase) > len(best)):
            after = folded[len(phrase) : len(phrase) + 1]
            if not after or not (after.isalnum()) or _HAN.search(phrase):
                best = phrase
    return best


def overlap(wanted: Sequence[str], offered: frozenset[str], tag: str | None) -> float:
    """Return the share 0..1 of wanted terms that the offered stems cover; 1 when nothing is wanted."""
    if not wanted:
        return 1.0
    return sum(covered(term, offered, tag) for term in wanted) / len(wanted)
