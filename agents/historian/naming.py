"""What the customer of a chat is called: by the file, and by what both sides say."""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files

from agents.text.lexicon import lexicon
from agents.text.words import fold
from core.contracts.history import PastChat
from core.contracts.states import Direction

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_UNSPACED = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]")
_CYRILLIC = re.compile(r"[\u0400-\u04ff]{4,}")
_LEAST = 2
_MOST_WORDS = 3
_LONGEST_UNSPACED = 4
_NEXT = r"[\s,:]*((?:[^\W\d_]+(?:['’-][^\W\d_]+)*[ \u00a0]?){1,3})"


class Names:
    """Finds the names of one customer in texts. Rather too much than too little: a common word is found only with a capital."""

    def __init__(self, chat: PastChat, language: str | None) -> None:
        self._common = _common(language)
        called = {(word, True) for name in chat.names for word in _WORD.findall(name)}
        for message in chat.messages:
            if message.text:
                called.update(self._shown(message.text, language, ours=message.direction is Direction.OUT))
        sure = {word for word, is_sure in called if is_sure and fold(word) not in self._common}
        self._any_case = self._pattern(sure, re.IGNORECASE)
        self._capital = self._pattern({word for word, _ in called} - sure)

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield where a name stands."""
        for pattern in (self._any_case, self._capital):
            if pattern is not None:
                yield from (match.span() for match in pattern.finditer(text))

    @staticmethod
    def _pattern(names: set[str], flags: re.RegexFlag = re.NOFLAG) -> re.Pattern[str] | None:
        ordered = sorted((name for name in names if len(name) >= _LEAST), key=len, reverse=True)
        return re.compile("|".join(map(_of, ordered)), flags) if ordered else None

    def _shown(self, text: str, language: str | None, *, ours: bool) -> Iterator[tuple[str, bool]]:
        """Yield the names that a text shows, and whether they are surely names.

        They stand after "my name is", after "Mrs", and after the greeting that the business opens with.
        """
        if not ours:
            for match in _after("introduces").finditer(text):
                yield from ((word, True) for word in self._words(match[1], capital=False))
            for match in _after("maybe_introduces").finditer(text):
                yield from ((word, False) for word in self._words(match[1], capital=True))
        for match in _after("titles").finditer(text):
            yield from ((word, True) for word in self._words(match[1], capital=True))
        opening = _greeting(language).match(text) if ours else None
        if opening is not None:
            yield from ((word, True) for word in self._words(opening[1], capital=True))

    def _words(self, run: str, *, capital: bool) -> Iterator[str]:
        """Yield the words of a run that can be a name, up to the first that cannot."""
        for word in _WORD.findall(run)[:_MOST_WORDS]:
            if _UNSPACED.search(word) and len(word) > _LONGEST_UNSPACED:  # the sentence goes on without a space
                yield from (word[:2], word[:3])
                return
            if fold(word) in self._common or (capital and _has_case(word) and not word[0].isupper()):
                return
            yield word


def _has_case(word: str) -> bool:
    return word.lower() != word.upper()


def _of(name: str) -> str:
    if _UNSPACED.search(name):
        return re.escape(name)
    if _CYRILLIC.fullmatch(name):  # inflected at its end
        return rf"(?<![^\W_]){re.escape(name[:-1])}\w{{0,3}}(?![^\W_])"
    return rf"(?<![^\W_]){re.escape(name)}(?![^\W_])"


@cache
def _lists() -> Mapping[str, Sequence[str]]:
    return tomllib.loads(files("agents.historian").joinpath("names.toml").read_text("utf-8"))


@cache
def _after(name: str) -> re.Pattern[str]:
    unspaced = [phrase for phrase in _lists()[name] if _UNSPACED.search(phrase)]
    spaced = [phrase for phrase in _lists()[name] if phrase not in unspaced]
    before = rf"(?<![^\W_])(?:{_any(spaced)})\.?(?![^\W_])" + (f"|{_any(unspaced)}" if unspaced else "")
    return re.compile(f"(?:{before}){_NEXT}", re.IGNORECASE)


@cache
def _greeting(language: str | None) -> re.Pattern[str]:
    return re.compile(
        rf"\W*(?:{_any(lexicon(language).greetings)})(?![^\W_]){_NEXT}\s*(?=[,.!;:\n]|[^\w\s]|$)", re.IGNORECASE
    )


def _any(phrases: Iterable[str]) -> str:
    ordered = sorted(phrases, key=len, reverse=True)
    return "|".join(re.escape(phrase).replace("'", "['’]") for phrase in ordered)


@cache
def _common(language: str | None) -> frozenset[str]:
    """Return the words of a language that are no names by themselves."""
    words = lexicon(language)
    phrases = words.pleasantries | words.asks | words.weak | words.business | words.pronouns | words.follows
    return words.stopwords | frozenset(word for phrase in phrases for word in phrase.split())
