"""Curated answers in a past chat: a question that stands by itself, and the reply that answers it for anybody."""

import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any
from uuid import UUID

from agents.compliance.case import phrases_of
from agents.historian.exchanges import Exchange
from agents.text.days import days
from agents.text.facts import facts
from agents.text.lexicon import lexicon
from agents.text.questions import Ask, asks, is_pleasantry
from agents.text.sentences import sentences
from agents.text.words import fold, phrase_in, starts_with, terms, words
from core.aal.language import tier_of
from core.contracts.history import MARKS, PastMessage, Taken
from core.contracts.proposals import FoundAnswer
from core.contracts.reasoning import Conversation, Turn
from core.contracts.states import Direction, MessageKind

_NOBODY = UUID(int=0)
_OF_THE_BUSINESS = frozenset({"hours", "place", "phone", "email", "link"})
_PERSONAL = (Taken.NAME.mark, Taken.NUMBER.mark, Taken.ACCOUNT.mark, Taken.SECRET.mark)
_EDGE = re.compile(r"^[\s,.;:!–—-]+")
_LONGEST_HOLDING = 12
_MOST_QUESTION = 500
_MOST_ANSWER = 4000


@cache
def phrases() -> Mapping[str, Any]:
    """Return the lists of `phrases.toml`."""
    return tomllib.loads(files("agents.historian").joinpath("phrases.toml").read_text("utf-8"))


def answer_in(exchange: Exchange, language: str | None) -> FoundAnswer | None:
    """Return the curated answer that an exchange suggests; none where it is about one customer, one moment, or several things."""
    if not exchange.seen:
        return None
    questions = asks_of(exchange, language)
    answer = answer_of([message.text for message in exchange.reply], language)
    if len(questions) != 1 or answer is None or not is_general(questions[0]):
        return None
    question = question_of(exchange, questions[0])
    last = exchange.burst[-1].at
    return FoundAnswer(
        question=question,
        answer=answer,
        language=language,
        signature=signature(questions[0]),
        substance=substance(answer, language),
        seen_on=last.date(),
        sighting=sighting(last.isoformat(), questions[0].text, answer),
        dated=is_dated(answer),
    )


def asks_of(exchange: Exchange, language: str | None) -> list[Ask]:
    """Return what the customer asked in an exchange."""
    return asks(_conversation(exchange.burst, language))


def question_of(exchange: Exchange, ask: Ask) -> str:
    """Return a question as the customer wrote it."""
    opened = any(f"¿{ask.text}" in message.text for message in exchange.burst)
    return f"¿{ask.text}" if opened else ask.text


def is_dated(answer: str) -> bool:
    """Return whether an answer names a date of the calendar."""
    return any(fact.kind == "date" for fact in facts(answer))


def substance(answer: str, language: str | None) -> list[str]:
    """Return what an answer says, in a form that compares: its hard facts and weekdays, whether it denies, and its stems."""
    hard = {f"fact:{fact.kind}:{fact.value}" for fact in facts(answer)}
    on = {f"fact:day:{day}" for day in days(answer)}
    denies = {"fact:denies"} if phrase_in(phrases_of("negations", language), fold(answer)) else set[str]()
    return sorted({*hard, *on, *denies, *terms(answer, language)})


def sighting(*parts: str) -> str:
    """Return a short name for one thing seen at one time, the same whenever the same chat is imported again."""
    return hashlib.sha256("\x1e".join(parts).encode()).hexdigest()[:32]


def _conversation(burst: Sequence[PastMessage], language: str | None) -> Conversation:
    turns = [
        Turn(
            message_id=_NOBODY,
            seq=number,
            direction=Direction.IN,
            kind=MessageKind.TEXT,
            text=message.text,
            at=message.at.astimezone(),
        )
        for number, message in enumerate(burst)
    ]
    return Conversation(
        chat_id=_NOBODY, contact_name=None, language=language, tier=tier_of(language), history=[], burst=turns
    )


def is_general(ask: Ask) -> bool:
    """Return whether a question means the same for everybody at any time, without what was said before it."""
    about = ask.stands or any(term not in ask.weak for term in ask.terms) or bool(ask.wants & _OF_THE_BUSINESS)
    named = any(mark in ask.text for mark in MARKS) or len(ask.text) > _MOST_QUESTION
    return about and not (ask.live or ask.leans_on or named)


def signature(ask: Ask) -> list[str]:
    """Return what a question asks, in a form that compares: its stems, the kinds of answer wanted, and weekdays."""
    wants = {f"want:{want}" for want in ask.wants}
    days = {f"day:{day}" for day in ask.days}
    return sorted({*ask.terms, *wants, *days})


def told(texts: Sequence[str], language: str | None) -> list[str]:
    """Return what of the business's messages tells something: no greetings, no thanks, no "one moment"."""
    bare = [_without_greeting(text, language) for text in texts]
    return [text for text in bare if _tells(text, language)]


def answer_of(texts: Sequence[str], language: str | None) -> str | None:
    """Return the answer in redacted messages of the business; none where it asks back or is for one customer only."""
    said = told(texts, language)
    if not said or (len(words(said[0])) < 2 and not any(char.isdigit() for char in said[0])):
        return None
    if sentences(said[0])[0].text.rstrip().endswith(("?", "？", "؟")):
        return None
    answer = "\n".join(said)
    personal = any(mark in answer for mark in _PERSONAL) or phrase_in(phrases()["personal"], fold(answer))
    return None if personal or len(answer) > _MOST_ANSWER else answer


def _without_greeting(text: str, language: str | None) -> str:
    """Take "Hi [name]," off the beginning."""
    folded = fold(text)
    greeting = starts_with(lexicon(language).greetings, folded)
    rest = text[len(greeting) :] if greeting is not None and len(folded) == len(text) else text
    bare = _EDGE.sub("", rest).removeprefix(Taken.NAME.mark)
    return _EDGE.sub("", bare).strip() if greeting is not None else text.strip()


def _tells(text: str, language: str | None) -> bool:
    bare = text.replace(Taken.NAME.mark, " ")
    if not words(bare) or is_pleasantry(bare, language):
        return False
    return not (len(words(bare)) <= _LONGEST_HOLDING and phrase_in(phrases()["holding"], fold(bare)))
