"""From one past chat to what it teaches: redacted first, then cut in exchanges, then looked at."""

from agents.historian.answers import answer_in, sighting
from agents.historian.exchanges import Exchange, exchanges
from agents.historian.redaction import Redactor
from agents.historian.tone import tone_of
from core.aal.language import LanguageDetector
from core.contracts.history import FoundCase, Learnt, PastChat, PastKind, PastMessage, Taken
from core.contracts.proposals import CaseTurn
from core.contracts.states import Direction

_SAMPLE_CHARS = 4_000
_MOST_ANSWERS = 500
_MOST_CASES = 50
_MOST_CASE_CHARS = 4_000


def learn(chat: PastChat, detector: LanguageDetector) -> Learnt:
    """Return what a chat teaches. Everything in it is redacted; of a long chat the newest exchanges are taken."""
    language = _language(chat, detector)
    redactor = Redactor(chat, language)
    redacted = [redactor.message(message) for message in chat.messages if message.direction is not None]
    found = list(exchanges(redacted))
    answers = [answer for exchange in found if (answer := answer_in(exchange, language)) is not None]
    cases = [case for exchange in found if (case := _case(exchange, language)) is not None]
    return Learnt(
        language=language,
        answers=answers[-_MOST_ANSWERS:],
        tone=tone_of(redacted, language),
        cases=cases[-_MOST_CASES:],
        redacted={kind.value: count for kind, count in sorted(redactor.counts.items())},
    )


def _language(chat: PastChat, detector: LanguageDetector) -> str | None:
    """Return the language that the business writes in this chat."""
    ours = [m.text for m in chat.messages if m.direction is Direction.OUT and m.kind is PastKind.TEXT]
    return detector.detect("\n".join(ours[-200:])[:_SAMPLE_CHARS]).tag


def _case(exchange: Exchange, language: str | None) -> FoundCase | None:
    """Return an exchange as an eval case; none where something in it could not be read or would be no use without it."""
    turns = [*exchange.burst, *exchange.reply]
    texts = [message.text for message in turns]
    lost = (Taken.SECRET.mark, Taken.ACCOUNT.mark)
    if (
        not exchange.seen
        or sum(map(len, texts)) > _MOST_CASE_CHARS
        or any(mark in text for text in texts for mark in lost)
    ):
        return None
    return FoundCase(
        history=[_turn(message) for message in exchange.before],
        burst=[message.text for message in exchange.burst],
        reply=[message.text for message in exchange.reply],
        language=language,
        sighting=sighting(exchange.burst[-1].at.isoformat(), *texts),
    )


def _turn(message: PastMessage) -> CaseTurn:
    return CaseTurn(direction=message.direction or Direction.IN, text=message.text)
