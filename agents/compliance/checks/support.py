"""Whether the cited passages carry what is said: the hard facts exactly, names, negation, and the wording of the rest."""

import re
from collections.abc import Iterable

from agents.compliance.case import Case, Evidence, Said, phrases_of
from agents.compliance.checks.base import grave, mark
from agents.text.days import days
from agents.text.facts import Fact
from agents.text.lists import common
from agents.text.words import covered, fold, phrase_in, plain, stem, words
from core.contracts.reasoning import Finding
from core.contracts.states import Verdict

_ELSEWHERE = frozenset({"link", "email", "phone"})
_NEAR_SHARE = 0.6
_SAME_SUBJECT, _EQUALLY_NEAR = 0.5, 0.8
_WORDS_CARRIED = 0.65
_MEANING_CARRIED = 0.62
_NAME = re.compile(r"(?<=[^\W\d_.!?:…][ ,])([A-ZÀ-ÖØ-ÞА-Я][\w'’-]{2,})")


def _to_judge(case: Case) -> Iterable[Said]:
    return (said for said in case.said if not (said.courtesy or said.verbatim or said.leans))


def facts_supported(case: Case) -> list[Finding]:
    """Each number, price, date, time and day stands in the evidence that speaks of the same thing."""
    found = []
    for said in _to_judge(case):
        near = _near(said)
        for fact in said.facts:
            if fact.kind not in _ELSEWHERE and not any(_same(fact, other) for e in near for other in e.facts):
                reason = f'"{fact.text.strip()}" is not what the cited knowledge says here'
                start = said.text.find(fact.text)
                found.append(mark("facts", grave(case), reason, said, max(start, 0), max(start, 0) + len(fact.text)))
        known_days = frozenset().union(*(e.days for e in near)) if near else frozenset()
        if said.days - known_days:
            found.append(mark("facts", grave(case), "this day is not what the cited knowledge says here", said))
    return found


def free_of_charge(case: Case) -> list[Finding]:
    """What is called free is called so by the evidence that speaks of the same thing; the word has other senses, so staff look."""
    found = []
    for said in _to_judge(case):
        spelled = phrase_in(common().free, fold(said.text))
        if spelled and not any(_is_free(said, spelled, evidence, case.tag) for evidence in _near(said)):
            reason = f'the cited knowledge does not call this "{spelled[0]}"'
            found.append(mark("free", Verdict.NEEDS_STAFF, reason, said))
    return found


def _is_free(said: Said, spelled: Iterable[str], evidence: Evidence, tag: str | None) -> bool:
    if not phrase_in(common().free, fold(evidence.around)):
        return False
    subject = set(said.terms) - {stem(word, tag) for phrase in spelled for word in words(phrase)}
    return evidence.foreign or not subject or any(covered(term, evidence.stems, tag) for term in subject)


def _near(said: Said) -> list[Evidence]:
    """The evidence about the same thing: nearly as many of the sentence's words as the best has."""
    if not said.nearest:
        return []
    best = said.nearest[0][1]
    return [evidence for evidence, share in said.nearest if share >= _NEAR_SHARE * best and (share > 0 or best == 0)]


def _same(fact: Fact, other: Fact) -> bool:
    if fact.kind == other.kind:
        return fact.value == other.value
    kinds = {fact.kind, other.kind}
    if kinds == {"number", "money"} or kinds == {"number", "percent"}:
        return fact.value.split()[0] == other.value.split()[0] and fact.kind == "number"
    if kinds == {"number", "time"}:
        clock, plain_number = (fact, other) if fact.kind == "time" else (other, fact)
        hour, minute = (int(piece) for piece in clock.value.split(":"))
        said = plain_number.value.split(".")
        return minute == (int(said[1].ljust(2, "0")) if len(said) > 1 else 0) and int(said[0]) in {hour, hour - 12}
    return False


def names_supported(case: Case) -> list[Finding]:
    """A proper name in the reply is in the evidence or in what the customer wrote."""
    if case.tag == "de":  # every noun is written like a name there; `wording` judges them
        return []
    allowed = plain(" ".join((case.conversation.burst_text(), case.conversation.contact_name or "")))
    known = frozenset(words(plain(case.known) + " " + allowed))
    found = []
    for said in _to_judge(case):
        # Names of months, tongues and countries are others in another language: a person compares.
        verdict = Verdict.NEEDS_STAFF if any(e.foreign for e, _ in said.nearest) else grave(case)
        for match in _NAME.finditer(said.text):
            pieces = words(plain(match[1]))
            if days(match[1]):
                continue  # a weekday is a fact, compared as one in all languages
            if any(piece not in known and not covered(stem(piece, case.tag), known, case.tag) for piece in pieces):
                reason = f'"{match[1]}" does not occur in the cited knowledge'
                found.append(mark("names", verdict, reason, said, match.start(1), match.end(1)))
    return found


def negation(case: Case) -> list[Finding]:
    """A sentence that says yes where its evidence says no, or the other way round; each is read by the marks of its language."""
    found = []
    for said in _to_judge(case):
        best = said.nearest[0][1] if said.nearest else 0.0
        near = [e for e, share in said.nearest if share >= max(_SAME_SUBJECT, _EQUALLY_NEAR * best)]
        if not near or not said.terms:
            continue
        own = _denies(said.text, case.tag)
        theirs = [_denies(e.text, e.language if e.foreign else case.tag) for e in near]
        if own not in theirs:
            reason = "the cited knowledge seems to say the opposite: look at what is denied"
            verdict = Verdict.NEEDS_STAFF if any(e.foreign for e in near) else grave(case)
            found.append(mark("negation", verdict, reason, said))
    return found


def _denies(text: str, tag: str | None) -> bool:
    return bool(phrase_in(phrases_of("negations", tag), fold(text)))


def wording(case: Case) -> list[Finding]:
    """The rest of what is said is carried by the words or by the meaning of the evidence."""
    found = []
    for said in _to_judge(case):
        if said.cover >= _WORDS_CARRIED or said.likeness >= _MEANING_CARRIED:
            continue
        reason = "the cited knowledge does not carry this sentence"
        found.append(mark("wording", Verdict.NEEDS_STAFF, reason, said))
    return found


def carried(said: Said) -> bool:
    """Return whether a sentence rests on the evidence; the report's score is the share of text for which it does."""
    return (
        said.courtesy
        or said.verbatim
        or said.leans
        or said.cover >= _WORDS_CARRIED
        or said.likeness >= _MEANING_CARRIED
    )
