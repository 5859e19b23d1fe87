"""What a burst asks: its questions one by one, each with the words that matter, the kind of answer wanted and what it leans on."""

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from agents.text.days import days
from agents.text.lexicon import Lexicon, lexicon
from agents.text.lists import common
from agents.text.sentences import sentences
from agents.text.words import fold, phrase_in, starts_with, stem, terms, words
from core.aal.language import base_of
from core.contracts.reasoning import Conversation
from core.contracts.states import Direction

_EDGE = re.compile(r"^[\s,.;:!¡¿\-–—…()]+|[\s,;:\-–—…(]+$")
_COMMA = re.compile(r"[,;:–—-]\s+¿?|\s¿")
_QUESTION_MARKS = ("?", "？", "؟")
_LEAST_WORDS_ALONE = 2
_LONGEST_JOINED = 14
_LONGEST_PARTICLE = 4
_OF_THE_BUSINESS = frozenset({"hours", "place", "phone", "email"})
_CALLED = frozenset({"hours", "place", "phone", "email", "age"})


@dataclass(frozen=True, slots=True)
class Ask:
    """One question. `terms` are its content stems, `wants` the kinds of fact that answer it, `live` says that it asks
    for the state of things now, `leans_on` an earlier text it needs, `stands` says that it means
    something without that, `joined` are its neighbouring words written as one."""

    text: str
    terms: tuple[str, ...]
    weak: frozenset[str]
    wants: frozenset[str]
    days: frozenset[int]
    names: frozenset[str]
    live: bool
    called: tuple[str, ...] = ()
    joined: Mapping[str, frozenset[str]] = field(default_factory=dict)
    leans_on: str = ""
    stands: bool = False
    lean_terms: tuple[str, ...] = ()

    @property
    def alone(self) -> str:
        """The question without what it leans on."""
        return " ".join((self.text, *self.called))

    @property
    def query(self) -> str:
        """What to search for: the question, after what it leans on, and the names of the kinds of answer it wants."""
        return " ".join(part for part in (self.leans_on, self.text, *self.called) if part)


def asks(conversation: Conversation) -> list[Ask]:
    """Return what the burst asks, in order; an empty list means that it asks nothing ("thanks!")."""
    tag = conversation.language
    words_of = lexicon(tag)
    questions, statements = _sorted_sentences(conversation, words_of)
    if not questions and statements:
        questions, statements = [" ".join(statements)], []
    found: list[Ask] = []
    for text in questions:
        statement, question = _clauses(text, words_of)
        first, *others = [_ask(piece, tag, words_of) for piece in _split(question, words_of)]
        found += [_under(first, statement, tag, words_of) if statement else first, *others]
    found = _without_repeats([ask for ask in found if ask.terms or ask.wants or ask.days or ask.lean_terms])
    if not found and questions:
        found = [_ask(questions[0], tag, words_of)]
    return _lean(found, statements, conversation, words_of)


def is_pleasantry(text: str, tag: str | None) -> bool:
    """Return whether a text only greets, thanks or confirms."""
    return not _without_pleasantries(text, lexicon(tag))


def _sorted_sentences(conversation: Conversation, words_of: Lexicon) -> tuple[list[str], list[str]]:
    questions: list[str] = []
    statements: list[str] = []
    for turn in conversation.burst:
        for sentence in sentences(turn.text or ""):
            text = _without_pleasantries(sentence.text, words_of)
            if not text:
                continue
            (questions if _is_question(text, words_of) else statements).append(text)
    return questions, statements


def _is_question(text: str, words_of: Lexicon) -> bool:
    folded = fold(text)
    return (
        text.rstrip(" \"'”)").endswith(_QUESTION_MARKS)
        or starts_with(words_of.asks, folded) is not None
        or bool(phrase_in(words_of.requests, folded))
    )


def _without_pleasantries(text: str, words_of: Lexicon) -> str:
    """Take greetings and thanks off both ends; what is left asks or says something."""
    bare = _EDGE.sub("", text)
    phrases = words_of.pleasantries
    while True:
        folded = fold(bare)
        if len(folded) != len(bare):
            return "" if folded.strip(" .!?") in phrases else bare
        opening = starts_with(phrases, folded)
        asking = starts_with(words_of.asks | words_of.requests, folded)
        if opening is None or (asking is not None and len(asking) >= len(opening)):
            break
        bare = _EDGE.sub("", bare[len(opening) :])
        if not bare:
            return ""
    stripped = bare.rstrip(" .!…")
    for phrase in sorted(phrases, key=len, reverse=True):
        if fold(stripped).endswith(phrase) and len(stripped) > len(phrase) and not stripped[-len(phrase) - 1].isalnum():
            rest = _EDGE.sub("", stripped[: -len(phrase)])
            return rest if words(rest) else ""
    return bare if any(char.isalnum() for char in bare) else ""


def _clauses(text: str, words_of: Lexicon) -> tuple[str, str]:
    """Part a question from the statement before it: "I'm allergic to perfume, do you have ...?"; no statement where there is none."""
    folded = fold(text)
    if len(folded) != len(text) or starts_with(words_of.asks, folded.lstrip("¿ ")) is not None:
        return "", text
    for match in _COMMA.finditer(folded):
        rest = folded[match.end() :].lstrip("¿ ")
        if match.group().strip().endswith("¿") or starts_with(words_of.asks, rest) is not None:
            return _EDGE.sub("", text[: match.start()]), _EDGE.sub("", text[match.end() :])
    return "", text


def _split(text: str, words_of: Lexicon) -> list[str]:
    """Cut "do you X and how much is Y" in two: a join followed by a word that begins a question."""
    joins = "|".join(sorted(map(re.escape, words_of.joins), key=len, reverse=True))
    openers = "|".join(sorted(map(re.escape, words_of.asks), key=len, reverse=True))
    folded = fold(text)
    if len(folded) != len(text):
        return [text]
    cuts = [m.start() for m in re.finditer(rf"[\s,]+(?:{joins})\s+(?=(?:{openers})(?![^\W_]))", folded)]
    edges = [0, *cuts, len(text)]
    first, *rest = [_EDGE.sub("", text[a:b]) for a, b in itertools.pairwise(edges)]
    pieces = [first, *(_EDGE.sub("", piece[len(starts_with(words_of.joins, fold(piece)) or "") :]) for piece in rest)]
    return [piece for piece in pieces if words(piece)]


def _ask(text: str, tag: str | None, words_of: Lexicon) -> Ask:
    folded = fold(text)
    wants, spent = _wants(folded, words_of)
    if wants & _OF_THE_BUSINESS:
        spent |= words_of.business
    content = _content(text, tag, words_of, spent)
    if wants & _OF_THE_BUSINESS and all(term in _weak_stems(words_of.tag) for term in content):
        content = ()
    return Ask(
        text=text,
        terms=content,
        weak=_weak_stems(words_of.tag),
        wants=wants,
        days=days(text),
        called=tuple(words_of.names[want] for want in sorted(wants & _CALLED)),
        joined=_joined(text, tag),
        live=bool(phrase_in(words_of.live, folded)),
        names=_names(text) if base_of(tag or "") != "de" else frozenset(),  # German writes every noun so
    )


def _wants(folded: str, words_of: Lexicon) -> tuple[frozenset[str], frozenset[str]]:
    """Return the kinds of answer asked for and the words that said so; the longest phrase takes its words from shorter ones."""
    phrases = [(phrase, kind) for kind, found in words_of.wants.items() for phrase in found]
    wants: set[str] = set()
    spent: set[str] = set()
    for phrase, kind in sorted(phrases, key=lambda pair: len(pair[0]), reverse=True):
        if phrase in folded and phrase_in((phrase,), folded):
            wants.add(kind)
            spent.update(words(phrase))
            folded = folded.replace(phrase, " ")
    return frozenset(wants), frozenset(spent)


def _joined(text: str, tag: str | None) -> dict[str, frozenset[str]]:
    """Return a content word and the particle after it as one, with their stems: "check in" may be "check-in" in the knowledge."""
    pairs = itertools.pairwise(word for word in words(text) if word.isalpha())
    return {
        stem(a + b, tag): frozenset({stem(a, tag), stem(b, tag)})
        for a, b in pairs
        if len(b) <= _LONGEST_PARTICLE and len(a + b) <= _LONGEST_JOINED and terms(a, tag)
    }


@cache
def _weak_stems(tag: str) -> frozenset[str]:
    return frozenset(stem(word, tag) for word in lexicon(tag).weak)


@cache
def _role_words(tag: str) -> frozenset[str]:
    words_of = lexicon(tag)
    single = {
        phrase for phrase in words_of.asks | words_of.follows | words_of.pronouns | words_of.joins if " " not in phrase
    }
    from_requests = {word for phrase in words_of.requests for word in phrase.split()}
    return frozenset(single | from_requests | words_of.pleasantries)


def _without_days(text: str) -> str:
    return " ".join(word for word in text.split() if not days(f"{word.strip('?!.,;')} 9:00"))


def _names(text: str) -> frozenset[str]:
    """Words in capitals inside the question: names, which nothing else stands for."""
    found = re.findall(r"(?<=[^\W_][\s,])\s*([A-Z][\w\-]+)", text)
    return frozenset(fold(name) for name in found if not days(f"{name} 9:00"))


def _without_repeats(found: Sequence[Ask]) -> list[Ask]:
    seen: list[Ask] = []
    for ask in found:
        if not any(fold(ask.text) == fold(other.text) for other in seen):
            seen.append(ask)
    return seen


def _under(ask: Ask, statement: str, tag: str | None, words_of: Lexicon) -> Ask:
    """Give a question the statement that it was asked with."""
    return replace(
        ask,
        leans_on=statement,
        lean_terms=_topic_terms(statement, tag, words_of),
        stands=_stands(ask),
        days=ask.days or days(statement),
    )


def _stands(ask: Ask) -> bool:
    """Whether a question says enough by itself."""
    return any(term not in ask.weak for term in ask.terms)


def _lean(found: list[Ask], statements: list[str], conversation: Conversation, words_of: Lexicon) -> list[Ask]:
    """Give a follow-up ("and on Sunday?", "how much is it?") what it leans on: the question before it, or the last topic."""
    earlier = " ".join(statements) or _last_topic(conversation, words_of)
    result: list[Ask] = []
    for ask in found:
        support = result[-1].query if result else earlier
        if support and not ask.leans_on and _leans(ask, words_of):
            ask = replace(ask, leans_on=support, lean_terms=_topic_terms(support, conversation.language, words_of))
        result.append(ask)
    return result


def _leans(ask: Ask, words_of: Lexicon) -> bool:
    folded = fold(ask.text)
    if starts_with(words_of.follows, folded) is not None and len(ask.terms) <= _LEAST_WORDS_ALONE:
        return True
    if not ask.terms:
        return not (ask.wants - {"price", "time"}) or bool(ask.days and not ask.wants)
    return len(ask.terms) < _LEAST_WORDS_ALONE and bool(set(words(folded)) & words_of.pronouns)


def _topic_terms(text: str, tag: str | None, words_of: Lexicon) -> tuple[str, ...]:
    _, spent = _wants(fold(text), words_of)
    return _content(text, tag, words_of, spent)


def _content(text: str, tag: str | None, words_of: Lexicon, spent: frozenset[str]) -> tuple[str, ...]:
    leave_out = spent | common().filler | _role_words(words_of.tag)
    return tuple(dict.fromkeys(terms(_without_days(text), tag, leave_out=leave_out)))


def _last_topic(conversation: Conversation, words_of: Lexicon) -> str:
    """Return the customer's last earlier message that was more than a pleasantry."""
    for turn in reversed(conversation.history):
        if turn.direction is Direction.IN and turn.text:
            text = _without_pleasantries(turn.text, words_of)
            if text:
                return text
    return ""
