"""Whether staff changed what a draft says, or only how it says it.

What it says has changed where a hard fact or a weekday was added, changed or removed, where one text denies and the other does not,
where one word of a sentence was exchanged and the rest left as it was, where two words or more of content were added or taken away, and
where a sentence has no counterpart in meaning. Greetings, thanks and courtesies count for nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from agents.compliance.case import phrases_of
from agents.historian.answers import told
from agents.text.days import days
from agents.text.facts import facts
from agents.text.questions import is_pleasantry
from agents.text.sentences import sentences
from agents.text.similarity import cosine
from agents.text.words import covered, fold, phrase_in, stem, terms, vocabulary, words
from core.aal.ports import Embedder

_SAME_MEANING = 0.62
_CONTENT_WORDS = 2
_LONGEST_COURTESY = 14


@dataclass(frozen=True, slots=True)
class Change:
    """`added` are the sentences that say what the draft did not; `in_substance` is also true where something was only taken away."""

    in_substance: bool
    added: Sequence[str] = ()


async def changed(drafted: Sequence[str], sent: Sequence[str], tag: str | None, embedder: Embedder) -> Change:
    """Return what staff changed between a draft and what they sent.

    Raises:
        ProviderError: the embedder does not answer.
    """
    if drafted == sent:
        return Change(in_substance=False)
    before, after = _sentences(drafted, tag), _sentences(sent, tag)
    added = await _without_counterpart(after, before, tag, embedder)
    lost = await _without_counterpart(before, after, tag, embedder)
    said, now = "\n".join(before), "\n".join(after)
    other = _hard(said) != _hard(now) or days(said) != days(now) or _denies(said, tag) != _denies(now, tag)
    return Change(in_substance=bool(added or lost or other), added=added)


def _sentences(texts: Sequence[str], tag: str | None) -> list[str]:
    return [
        sentence.text
        for text in told(texts, tag)
        for sentence in sentences(text)
        if not is_pleasantry(sentence.text, tag) and not _is_courtesy(sentence.text, tag)
    ]


def _is_courtesy(text: str, tag: str | None) -> bool:
    polite = phrase_in(phrases_of("courtesies", tag), fold(text))
    return bool(polite) and len(words(text)) <= _LONGEST_COURTESY and not facts(text) and not days(text)


def _hard(text: str) -> set[tuple[str, str]]:
    return {(fact.kind, fact.value) for fact in facts(text) if not (fact.text.isalpha() and fact.value == "1")}


def _denies(text: str, tag: str | None) -> bool:
    return bool(phrase_in(phrases_of("negations", tag), fold(text)))


async def _without_counterpart(
    mine: Sequence[str], theirs: Sequence[str], tag: str | None, embedder: Embedder
) -> list[str]:
    """Return the sentences that say what no sentence of the other text says."""
    offered = vocabulary("\n".join(theirs), tag)
    new = {text: [term for term in terms(text, tag) if not covered(term, offered, tag)] for text in mine}
    if not theirs or not any(new.values()):
        return [text for text in mine if new[text]]
    vectors = await embedder.embed([*mine, *theirs])
    found = []
    for text, own in zip(mine, vectors[: len(mine)], strict=True):
        likeness = [cosine(own, other) for other in vectors[len(mine) :]]
        nearest = theirs[likeness.index(max(likeness))]
        if new[text] and (
            max(likeness) < _SAME_MEANING or _is_exchange(text, nearest, tag) or _is_more(text, nearest, tag)
        ):
            found.append(text)
    return found


def _is_exchange(one: str, other: str, tag: str | None) -> bool:
    """Return whether one word of content stands in the place of another, and every other word is the same."""
    mine, theirs = words(one), words(other)
    if len(mine) != len(theirs):
        return False
    pairs = [(a, b) for a, b in zip(mine, theirs, strict=True) if stem(a, tag) != stem(b, tag)]
    return len(pairs) == 1 and all(terms(word, tag) for word in pairs[0])


def _is_more(one: str, other: str, tag: str | None) -> bool:
    """Return whether a text has all the content of another and more."""
    mine, theirs = vocabulary(one, tag), vocabulary(other, tag)
    more = [term for term in terms(one, tag) if not covered(term, theirs, tag)]
    return len(more) >= _CONTENT_WORDS and all(covered(term, mine, tag) for term in terms(other, tag))
