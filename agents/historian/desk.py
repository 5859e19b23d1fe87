"""What a chat of the desk teaches: questions that the knowledge does not answer, what staff answered, and drafts that they corrected."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from agents.historian.answers import (
    answer_of,
    asks_of,
    is_dated,
    is_general,
    question_of,
    sighting,
    signature,
    substance,
)
from agents.historian.edits import Change, changed
from agents.historian.exchanges import Exchange
from agents.historian.redaction import Redactor
from agents.ports import PassageSearch
from agents.text.questions import Ask
from agents.text.words import fold, overlap, vocabulary
from core.aal.language import LanguageDetector
from core.aal.ports import Embedder
from core.contracts.learning import DeskChat, DeskExchange
from core.contracts.proposals import FoundAnswer, ProposalOrigin

_CANDIDATES = 3
_SAME_WORDS = 0.6


@dataclass(frozen=True, slots=True)
class _Known:
    """What the knowledge has for a question: anything above the floor, and the exact answer."""

    anything: bool
    exactly: bool


@dataclass(frozen=True, slots=True)
class _Redacted:
    """An exchange after redaction, with what was asked in it, and what of that means the same for everybody."""

    source: DeskExchange
    exchange: Exchange
    drafted: Sequence[str] | None
    asked: Sequence[Ask]
    general: Sequence[Ask]
    language: str | None

    @property
    def sent(self) -> list[str]:
        """What staff sent."""
        return [message.text for message in self.exchange.reply]


@dataclass(frozen=True, slots=True)
class DeskHistorian:
    """Looks at the exchanges of one chat. Everything that it returns is redacted, and stands without what was said before."""

    embedder: Embedder
    detector: LanguageDetector = field(default_factory=LanguageDetector)

    async def lessons(self, chat: DeskChat, search: PassageSearch) -> Sequence[FoundAnswer]:
        """Return what the exchanges teach, the oldest first.

        Raises:
            ProviderError: the knowledge cannot be searched.
            SetupError: the knowledge is searched by a model that this process has no key for.
        """
        language = chat.language or self.detector.detect("\n".join(one.text for one in chat.past.messages)).tag
        redacted = await asyncio.to_thread(_redacted, chat, language)
        found: list[FoundAnswer] = []
        for one in redacted:
            if one.general:
                found += await self._of(one, search)
        return found

    async def _of(self, one: _Redacted, search: PassageSearch) -> Sequence[FoundAnswer]:
        if one.sent and one.drafted:
            change = await changed(one.drafted, one.sent, one.language, self.embedder)
            return _corrected(one, change) if change.in_substance else await _open(one, _missed(one), search)
        if one.drafted is None and (await _known(search, one.general[0])).anything:
            return ()
        answer = answer_of(one.sent, one.language)
        if answer is None:
            return await _open(one, _missed(one) if one.drafted or one.source.missing else one.general, search)
        if len(one.asked) != 1:
            return ()
        return [_found(one, one.asked[0], answer, ProposalOrigin.STAFF_ANSWER)]


def _redacted(chat: DeskChat, language: str | None) -> list[_Redacted]:
    redactor = Redactor(chat.past, language)
    found = []
    for one in chat.exchanges:
        if not one.seen:
            continue
        exchange = Exchange(
            before=(),
            burst=[redactor.message(message) for message in one.burst],
            reply=[redactor.message(message) for message in one.reply],
            seen=True,
        )
        drafted = None if one.drafted is None else [redactor.text(part, ours=True) for part in one.drafted]
        asked = asks_of(exchange, language)
        found.append(_Redacted(one, exchange, drafted, asked, [ask for ask in asked if is_general(ask)], language))
    return found


def _corrected(one: _Redacted, change: Change) -> Sequence[FoundAnswer]:
    """Return the whole reply for the one question, or what was added to it for the one question that had been missing."""
    alone = len(one.asked) == 1
    questions = one.general if alone else _missed(one)
    answer = answer_of(one.sent if alone else change.added, one.language)
    if answer is None or len(questions) != 1:
        return ()
    found = _found(one, questions[0], answer, ProposalOrigin.STAFF_EDIT)
    return [found.model_copy(update={"drafted": "\n".join(one.drafted or ()), "cited": list(one.source.cited)})]


async def _open(one: _Redacted, questions: Sequence[Ask], search: PassageSearch) -> Sequence[FoundAnswer]:
    """Return questions that nobody answered, without those that the knowledge has got an exact answer to since."""
    return [
        _found(one, ask, "", ProposalOrigin.UNANSWERED) for ask in questions if not (await _known(search, ask)).exactly
    ]


def _missed(one: _Redacted) -> Sequence[Ask]:
    """Return which of the general questions the draft called missing; where there is only one question, it is that one."""
    missing = one.source.missing
    if len(one.asked) == 1:
        return one.general if missing else ()
    return [ask for ask in one.general if any(_says(text, ask) for text in missing)]


def _says(text: str, ask: Ask) -> bool:
    return fold(ask.text) in fold(text) or (
        bool(ask.terms) and overlap(ask.terms, vocabulary(text, None), None) >= _SAME_WORDS
    )


async def _known(search: PassageSearch, ask: Ask) -> _Known:
    found = (await search.search(ask.query, _CANDIDATES)).passages
    return _Known(anything=bool(found), exactly=any(passage.curated_answer is not None for passage in found))


def _found(one: _Redacted, ask: Ask, answer: str, origin: ProposalOrigin) -> FoundAnswer:
    last = one.exchange.burst[-1].at
    minute = last.replace(second=0, microsecond=0).isoformat()
    return FoundAnswer(
        question=question_of(one.exchange, ask),
        answer=answer,
        language=one.language,
        signature=signature(ask),
        substance=substance(answer, one.language) if answer else [],
        seen_on=last.date(),
        sighting=sighting(one.source.sighting, *signature(ask)),
        # What an export without seconds calls the same exchange, so that importing this chat later counts it once.
        also=[sighting(minute, ask.text, answer)] if answer else [],
        origin=origin,
        dated=is_dated(answer),
    )
