"""Everything a check may look at, prepared once for one exact text: its sentences, the evidence, and what is alike."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from importlib.resources import files
from typing import Literal

from agents.compliance.asked import Asked, asked_of
from agents.text.days import days
from agents.text.facts import Fact, facts
from agents.text.lexicon import lexicon
from agents.text.questions import is_pleasantry
from agents.text.reading import read
from agents.text.sentences import sentences
from agents.text.similarity import cosine
from agents.text.words import covered, fold, phrase_in, plain, starts_with, terms, vocabulary, words
from core.aal.language import base_of
from core.aal.ports import Embedder
from core.contracts.reasoning import Claim, Conversation, Passage, ToneProfile

Stance = Literal["yes", "no"]

_NEAREST = 4
_LONGEST_COURTESY = 14
_MOST_BESIDE_COURTESY = 1
_CLAUSE = re.compile(r"\s*[,;:–—！，；。!.]+\s*|\s+-\s+")


@cache
def phrases() -> Mapping[str, Mapping[str, Sequence[str]]]:
    """Return the phrase lists of `phrases.toml`."""
    return tomllib.loads(files("agents.compliance").joinpath("phrases.toml").read_text("utf-8"))


def phrases_of(kind: str, tag: str | None) -> Sequence[str]:
    """Return one list in one language, those of all languages where the language is unknown."""
    lists = phrases()[kind]
    found = lists.get(base_of(tag)) if tag else None
    return found if found is not None else [phrase for entries in lists.values() for phrase in entries]


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """A unit of a passage that the reply may rest on; `around` is the unit with what stands over it, and all else is of that."""

    text: str
    around: str
    stems: frozenset[str]
    facts: tuple[Fact, ...]
    days: frozenset[int]
    language: str | None = None
    foreign: bool = False
    """Whether it is in another language than the customer's: then words do not meet, and meaning has to tell."""


@lru_cache(maxsize=4096)
def _evidence_in(
    text: str, heading: str | None, answer: str | None, tag: str | None, language: str | None
) -> tuple[Evidence, ...]:
    pieces = [(one.unit.text, f"{one.unit.context} {one.unit.text}") for one in read(text, heading, tag)]
    if answer:
        pieces += [(sentence.text, f"{text} {sentence.text}") for sentence in sentences(answer)]
    foreign = tag is not None and language is not None and base_of(tag) != base_of(language)
    return tuple(
        Evidence(said, around, vocabulary(around, tag), facts(around), days(around), language, foreign)
        for said, around in pieces
    )


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence of the reply, where it stands, and the evidence nearest to it, best first with the share of its words covered
    (of its meaning where the evidence is in another language). One that `leans` says something only beside the question."""

    text: str
    part: int
    start: int
    end: int
    terms: tuple[str, ...]
    facts: tuple[Fact, ...]
    days: frozenset[int]
    courtesy: bool
    verbatim: bool
    stance: Stance | None
    leans: bool
    nearest: tuple[tuple[Evidence, float], ...]
    cover: float
    likeness: float


@dataclass(frozen=True, slots=True)
class Case:
    """One text to judge. `by_staff` is text that a person typed: it claims nothing by itself."""

    conversation: Conversation
    parts: tuple[str, ...]
    said: tuple[Said, ...]
    asked: tuple[Asked, ...]
    passages: tuple[Passage, ...]
    evidence: tuple[Evidence, ...]
    by_staff: bool
    tag: str | None
    language: str | None
    known: str


async def prepare(
    conversation: Conversation,
    parts: Sequence[str],
    claims: Sequence[Claim],
    passages: Sequence[Passage],
    tone: ToneProfile,
    embedder: Embedder | None,
    language: str | None,
) -> Case:
    """Return the case. Evidence is what the claims cite, or every passage where nothing is claimed."""
    tag = conversation.language
    cited = {passage_id for claim in claims for passage_id in claim.passage_ids}
    chosen = [passage for passage in passages if not claims or passage.id in cited]
    evidence = tuple(
        e for p in chosen for e in _evidence_in(p.text, p.heading, p.curated_answer, tag or p.language, p.language)
    )
    known = "\n".join(
        _flat("\n".join((passage.heading or "", passage.text, passage.curated_answer or ""))) for passage in chosen
    )
    said = [
        _said(sentence.text, part, sentence.start, sentence.end, tag, evidence, known, conversation, tone)
        for part, text in enumerate(parts)
        for sentence in sentences(text)
    ]
    return Case(
        conversation=conversation,
        parts=tuple(parts),
        said=tuple(await _with_likeness(said, evidence, embedder)),
        asked=await asked_of(conversation, chosen, embedder) if claims else (),
        passages=tuple(passages),
        evidence=evidence,
        by_staff=not claims,
        tag=tag,
        language=language,
        known=known,
    )


def _flat(text: str) -> str:
    return " ".join(words(text))


def _said(
    text: str,
    part: int,
    start: int,
    end: int,
    tag: str | None,
    evidence: Sequence[Evidence],
    known: str,
    conversation: Conversation,
    tone: ToneProfile,
) -> Said:
    bare = without_greeting(text, conversation, tone)
    content = tuple(dict.fromkeys(terms(_without_facts(bare), tag)))
    ranked = sorted(((e, _share(content, e.stems, tag)) for e in evidence), key=lambda pair: pair[1], reverse=True)
    courtesy, stance = _is_courtesy(bare, conversation, tone), _stance(bare, tag)
    together = frozenset().union(*(e.stems for e, _ in ranked[:3])) if ranked else frozenset()
    return Said(
        text=text,
        part=part,
        start=start,
        end=end,
        terms=content,
        facts=facts(bare),
        days=days(bare),
        courtesy=courtesy,
        verbatim=bool(bare) and f" {_flat(bare)} " in f" {known.replace(chr(10), ' ')} ",
        stance=stance,
        leans=(stance is not None or not courtesy) and (courtesy or _is_bare(bare, content, tag)),
        nearest=tuple(ranked[:_NEAREST]),
        cover=_cover(content, together, facts(bare), evidence, tag),
        likeness=0.0,
    )


def _cover(
    content: Sequence[str], stems: frozenset[str], said: Sequence[Fact], evidence: Sequence[Evidence], tag: str | None
) -> float:
    """Return the share of words and facts that the evidence holds."""
    known = {(fact.kind, fact.value) for one in evidence for fact in one.facts}
    held = sum(covered(term, stems, tag) for term in content) + sum((fact.kind, fact.value) in known for fact in said)
    return held / (len(content) + len(said)) if content or said else 1.0


def _without_facts(text: str) -> str:
    """Blank the facts: they are compared by themselves, and would make a row with the same price look like the same thing."""
    for fact in reversed(facts(text)):
        text = f"{text[: fact.start]} {text[fact.end :]}"
    return text


def _share(content: Sequence[str], stems: frozenset[str], tag: str | None) -> float:
    return sum(covered(term, stems, tag) for term in content) / len(content) if content else 1.0


def without_greeting(text: str, conversation: Conversation, tone: ToneProfile) -> str:
    """Take the greeting with the customer's name and the business's closing line off a sentence."""
    closing = tone.closing.strip()
    bare = (text.replace(closing, "") if closing else text).strip(" ¡!")
    folded = fold(bare)
    opening = starts_with(lexicon(conversation.language).greetings | {"dear", "prezado(a)", "sayın"}, folded)
    if opening is not None and len(folded) == len(bare):
        rest = bare[len(opening) :].lstrip(" ,!:.،！，")
        for name in (conversation.contact_name or "").split():
            if plain(rest).startswith(plain(name)):
                rest = rest[len(name) :].lstrip(" ,!:.،！，")
        bare = rest
    return bare.strip()


def _is_courtesy(text: str, conversation: Conversation, tone: ToneProfile) -> bool:
    tag = conversation.language
    if not any(char.isalnum() for char in text) or is_pleasantry(text, tag):
        return True
    if facts(text) or days(text):
        return False
    named = tone.business_name and fold(text).strip(" .!") == fold(tone.business_name)
    polite = phrases_of("courtesies", tag)
    if named or not phrase_in(polite, fold(text)) or len(words(text)) > _LONGEST_COURTESY:
        return bool(named)
    # What stands beside the polite words is no courtesy: "thanks for asking, yes, we repair windows".
    beside = " ".join(clause for clause in _CLAUSE.split(text) if not phrase_in(polite, fold(clause)))
    names = frozenset(words(f"{conversation.contact_name or ''} {tone.business_name}"))
    return len(terms(beside, tag, leave_out=names)) <= _MOST_BESIDE_COURTESY


def _stance(text: str, tag: str | None) -> Stance | None:
    """Return what a clause at the beginning of which stands a yes or a no says."""
    for clause in _CLAUSE.split(fold(text)):
        yes = starts_with(phrases_of("affirmations", tag), clause.strip(" ¡¿")) or ""
        no = starts_with(phrases_of("denials", tag), clause.strip(" ¡¿")) or ""
        if yes or no:
            return "yes" if len(yes) > len(no) else "no"
    return None


def _is_bare(text: str, content: Sequence[str], tag: str | None) -> bool:
    """Return whether a sentence says nothing beside its yes or no."""
    phrases = phrase_in((*phrases_of("affirmations", tag), *phrases_of("denials", tag)), fold(text))
    return not facts(text) and not days(text) and set(content) <= set(terms(" ".join(phrases), tag))


async def _with_likeness(said: Sequence[Said], evidence: Sequence[Evidence], embedder: Embedder | None) -> list[Said]:
    """Compare by meaning the sentences whose words the evidence does not carry; the rest needs no vectors."""
    open_ones = [s for s in said if not s.courtesy and not s.verbatim and s.cover < 1.0 and s.nearest]
    if embedder is None or not open_ones:
        return list(said)
    foreign = [e for e in evidence if e.foreign]
    held = {id(s): (*dict.fromkeys((*(e for e, _ in s.nearest), *foreign)),) for s in open_ones}
    texts = [text for s in open_ones for text in (s.text, *(e.around for e in held[id(s)]))]
    vectors = iter(await embedder.embed(texts))
    compared: dict[int, Said] = {}
    for s in open_ones:
        own = next(vectors)
        likeness = [(e, cosine(own, next(vectors))) for e in held[id(s)]]
        compared[id(s)] = _nearer(s, likeness)
    return [compared.get(id(s), s) for s in said]


def _nearer(said: Said, likeness: Sequence[tuple[Evidence, float]]) -> Said:
    """Return the sentence with its likeness, and with the foreign evidence ranked among the nearest by it."""
    by_words = [(e, share) for e, share in said.nearest if not e.foreign]
    by_meaning = [(e, alike) for e, alike in likeness if e.foreign]
    nearest = sorted((*by_words, *by_meaning), key=lambda pair: pair[1], reverse=True)[:_NEAREST]
    return replace(said, nearest=tuple(nearest), likeness=max(alike for _, alike in likeness))
