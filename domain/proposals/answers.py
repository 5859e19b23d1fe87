"""Adding questions and answers that were found to what is proposed already: the same question is one proposal, wherever it was asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from core.contracts.ids import new_id
from core.contracts.proposals import FoundAnswer, ProposalKind, ProposalOrigin, ProposalState, ProposedAnswer
from domain.proposals.merging import same_answer, same_question
from domain.proposals.models import Proposal
from domain.proposals.repository import ProposalRepository

_MOST_SIGHTINGS = 2000
_MOST_OTHERS = 3


@dataclass(slots=True)
class Added:
    """How many questions were new, seen again, and how many of those that were known got another answer."""

    new: int = 0
    again: int = 0
    told: int = 0


async def add_answers(
    repository: ProposalRepository, tenant_id: UUID, found: Sequence[FoundAnswer], import_id: UUID | None = None
) -> Added:
    """Store what is new and count what was seen before. The tenant's proposals must be held by the caller.

    What an admin decided on is counted and not proposed again, unless staff have said something else on the desk since.
    """
    added = Added()
    rows = [
        row
        for language in {one.language for one in found}
        for row in await repository.all_of(ProposalKind.ANSWER, language)
    ]
    for one in found:
        alike = [
            row
            for row in rows
            if row.language == one.language and same_question(_words(row, "signature"), one.signature)
        ]
        known = _known(alike, one)
        if known:
            added.told += _tell_again(known, one)
            continue
        row = next((row for row in alike if row.state == ProposalState.PROPOSED or _is_settled(row, one)), None)
        if row is None:
            row = _row(tenant_id, one, import_id)
            await repository.add(row)
            rows.append(row)
            added.new += 1
        else:
            _count(row, one)
            added.again += 1
    return added


def _known(alike: Sequence[Proposal], found: FoundAnswer) -> list[Proposal]:
    """Return the proposals in which this one time was counted before; none where it was, but has got its answer since."""
    names = {found.sighting, *found.also}
    known = [row for row in alike if not names.isdisjoint(row.sightings)]
    open_or_answered = any(row.state == ProposalState.PROPOSED or _answer_of(row).answer for row in known)
    return known if open_or_answered or not found.answer else []


def _tell_again(known: Sequence[Proposal], found: FoundAnswer) -> bool:
    """Note on the one that waits for a decision an answer that has come, or was added to, since it was counted."""
    for row in known:
        told = _answer_of(row).answer
        if row.state != ProposalState.PROPOSED or not found.answer or found.answer == told:
            continue
        if not told or row.basis.get("shown") == found.sighting:
            _show(row, found, _answer_of(row).others)
            return True
    return False


def _is_settled(row: Proposal, found: FoundAnswer) -> bool:
    """Tell whether the decision on a proposal holds for what was found: the answer is the same, or an old chat has just been read."""
    if found.origin is ProposalOrigin.PAST_CHAT:
        return True
    answered = bool(_answer_of(row).answer)
    if not found.answer or not answered:
        return bool(found.answer) == answered
    return same_answer(_words(row, "substance"), found.substance)


def _count(row: Proposal, found: FoundAnswer) -> None:
    """Note that a question was seen once more; while nobody has decided, the newest answer is the one proposed."""
    row.sightings = [*row.sightings, found.sighting, *found.also][-_MOST_SIGHTINGS:]
    row.seen += 1
    row.last_seen_on = max(row.last_seen_on, found.seen_on)
    proposed = _answer_of(row)
    if row.state != ProposalState.PROPOSED or not found.answer or found.answer == proposed.answer:
        return
    newer = not proposed.answer or found.seen_on.isoformat() >= str(row.basis["seen_on"])
    shown, other = (found.answer, proposed.answer) if newer else (proposed.answer, found.answer)
    others = [text for text in dict.fromkeys([other, *proposed.others]) if text and text != shown][:_MOST_OTHERS]
    if newer:
        _show(row, found, others)
    else:
        row.content = proposed.model_copy(update={"others": others}).model_dump(mode="json")


def _show(row: Proposal, found: FoundAnswer, others: Sequence[str]) -> None:
    row.content = _content(found, others, _answer_of(row).question)
    row.origin = found.origin
    row.basis = _basis(found) | {"signature": row.basis["signature"]}


def _answer_of(row: Proposal) -> ProposedAnswer:
    return ProposedAnswer.model_validate(row.content)


def _words(row: Proposal, name: str) -> list[str]:
    found = row.basis.get(name)
    return [str(part) for part in found] if isinstance(found, list) else []


def _content(found: FoundAnswer, others: Sequence[str], question: str) -> dict[str, object]:
    return ProposedAnswer(
        question=question,
        answer=found.answer,
        others=list(others),
        drafted=found.drafted,
        cited=found.cited,
        dated=found.dated,
    ).model_dump(mode="json")


def _basis(found: FoundAnswer) -> dict[str, object]:
    return {
        "signature": found.signature,
        "substance": found.substance,
        "seen_on": found.seen_on.isoformat(),
        "shown": found.sighting,
    }


def _row(tenant_id: UUID, found: FoundAnswer, import_id: UUID | None) -> Proposal:
    return Proposal(
        tenant_id=tenant_id,
        id=new_id(),
        import_id=import_id,
        origin=found.origin,
        kind=ProposalKind.ANSWER,
        state=ProposalState.PROPOSED,
        language=found.language,
        content=_content(found, (), found.question),
        basis=_basis(found),
        sightings=[found.sighting, *found.also],
        seen=1,
        last_seen_on=found.seen_on,
    )
