"""Curated answers in a past chat: a question that stands by itself, and the reply that answers it for anybody."""

import hashlib
import re
import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any
from uuid import UUID

from agents.historian.exchanges import Exchange
from agents.text.lexicon import lexicon
from agents.text.questions import Ask, asks, is_pleasantry
from agents.text.sentences import sentences
from agents.text.words import fold, phrase_in, starts_with, words
from core.aal.language import tier_of
from core.contracts.history import MARKS, FoundAnswer, PastMessage, Taken
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
    questions = asks(_conversation(exchange.burst, language))
    if len(questions) != 1 or not _is_general(questions[0]):
        return None
    (ask,) = questions
    answer = _answer(exchange.reply, language)
    if answer is None or any(mark in ask.text for mark in MARKS) or len(ask.text) > _MOST_QUESTION:
        return None
    last = exchange.burst[-1].at
    opened = any(f"¿{ask.text}" in message.text for message in exchange.burst)
    return FoundAnswer(
        question=f"¿{ask.text}" if opened else ask.text,
        answer=answer,
        language=language,
        signature=_signature(ask),
        seen_on=last.date(),
        sighting=sighting(last.isoformat(), ask.text, answer),
    )


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


def _is_general(ask: Ask) -> bool:
    """Return whether a question means the same for everybody at any time, without what was said before it."""
    about = ask.stands or any(term not in ask.weak for term in ask.terms) or bool(ask.wants & _OF_THE_BUSINESS)
    return about and not ask.live and not ask.leans_on


def _signature(ask: Ask) -> list[str]:
    wants = {f"want:{want}" for want in ask.wants}
    days = {f"day:{day}" for day in ask.days}
    return sorted({*ask.terms, *wants, *days})


def _answer(reply: Sequence[PastMessage], language: str | None) -> str | None:
    told = [_without_greeting(message.text, language) for message in reply]
    told = [text for text in told if _tells(text, language)]
    if not told or (len(words(told[0])) < 2 and not any(char.isdigit() for char in told[0])):
        return None
    if sentences(told[0])[0].text.rstrip().endswith(("?", "？", "؟")):
        return None
    answer = "\n".join(told)
    if len(answer) > _MOST_ANSWER or any(mark in answer for mark in _PERSONAL):
        return None
    return answer


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
