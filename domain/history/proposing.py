"""Adding what one chat teaches to what others have taught already."""

from collections import Counter
from collections.abc import Mapping
from functools import reduce

from core.contracts.history import (
    FoundAnswer,
    FoundCase,
    Learnt,
    ProposalKind,
    ProposalState,
    ProposedAnswer,
    ProposedCase,
    ToneSample,
)
from core.contracts.ids import new_id
from domain.history.merging import same_question, together, tone_of
from domain.history.models import HistoryProposal, ImportedHistory
from domain.history.repository import HistoryRepository

_MOST_SIGHTINGS = 500
_MOST_OTHERS = 3


async def propose(
    repository: HistoryRepository, imported: ImportedHistory, learnt: Learnt
) -> tuple[Counter[ProposalKind], int]:
    """Store what is new and count what was seen before; return the new ones by kind and how often older ones were seen again."""
    new: Counter[ProposalKind] = Counter()
    answers = list(await repository.all_of(ProposalKind.ANSWER, learnt.language))
    again = 0
    for found in learnt.answers:
        known = next((row for row in answers if same_question(_signature(row), found.signature)), None)
        if known is not None:
            again += _count(known, found)
            continue
        row = _answer(imported, found)
        await repository.add(row)
        answers.append(row)
        new[ProposalKind.ANSWER] += 1
    cases = {row.sightings[0] for row in await repository.all_of(ProposalKind.EVAL_CASE, learnt.language)}
    for case in learnt.cases:
        if case.sighting not in cases:
            cases.add(case.sighting)
            await repository.add(_case(imported, case))
            new[ProposalKind.EVAL_CASE] += 1
    new[ProposalKind.TONE] += await _tone(repository, imported)
    return +new, again


def _signature(row: HistoryProposal) -> list[str]:
    found = row.basis["signature"]
    return [str(part) for part in found] if isinstance(found, list) else []


def _count(row: HistoryProposal, found: FoundAnswer) -> bool:
    """Note that a question was seen once more; while nobody has decided, the newest reply is the one proposed."""
    if found.sighting in row.sightings:
        return False
    row.sightings = [*row.sightings, found.sighting][-_MOST_SIGHTINGS:]
    row.seen += 1
    proposed = ProposedAnswer.model_validate(row.content)
    if row.state == ProposalState.PROPOSED and found.answer != proposed.answer:
        newer = found.seen_on.isoformat() >= str(row.basis["seen_on"])
        shown, other = (found.answer, proposed.answer) if newer else (proposed.answer, found.answer)
        others = list(dict.fromkeys([other, *proposed.others]))
        others = [text for text in others if text != shown][:_MOST_OTHERS]
        row.content = proposed.model_copy(update={"answer": shown, "others": others}).model_dump(mode="json")
        if newer:
            row.basis = {**row.basis, "seen_on": found.seen_on.isoformat()}
    return True


def _answer(imported: ImportedHistory, found: FoundAnswer) -> HistoryProposal:
    content = ProposedAnswer(question=found.question, answer=found.answer)
    basis = {"signature": found.signature, "seen_on": found.seen_on.isoformat()}
    return _row(imported, ProposalKind.ANSWER, content.model_dump(mode="json"), basis, found.sighting)


def _case(imported: ImportedHistory, found: FoundCase) -> HistoryProposal:
    content = ProposedCase(history=found.history, burst=found.burst, reply=found.reply)
    return _row(imported, ProposalKind.EVAL_CASE, content.model_dump(mode="json"), {}, found.sighting)


async def _tone(repository: HistoryRepository, imported: ImportedHistory) -> int:
    """Propose the tone of all chats in the language since the last decision on it; return how many proposals were begun."""
    rows = await repository.all_of(ProposalKind.TONE, imported.language)
    decided = max((row.decided_at for row in rows if row.decided_at is not None), default=None)
    samples = await repository.tones(imported.language, decided)
    tone = tone_of(reduce(together, samples, ToneSample()))
    if tone is None:
        return 0
    waiting = next((row for row in rows if row.state == ProposalState.PROPOSED), None)
    if waiting is not None:
        waiting.content, waiting.seen = tone.model_dump(mode="json"), len(samples)
        return 0
    row = _row(imported, ProposalKind.TONE, tone.model_dump(mode="json"), {}, imported.sha256)
    row.seen = len(samples)
    await repository.add(row)
    return 1


def _row(
    imported: ImportedHistory,
    kind: ProposalKind,
    content: Mapping[str, object],
    basis: Mapping[str, object],
    sighting: str,
) -> HistoryProposal:
    return HistoryProposal(
        tenant_id=imported.tenant_id,
        id=new_id(),
        import_id=imported.id,
        kind=kind,
        state=ProposalState.PROPOSED,
        language=imported.language,
        content=dict(content),
        basis=dict(basis),
        sightings=[sighting],
        seen=1,
    )
