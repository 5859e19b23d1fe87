"""Adding what one chat teaches to what others have taught already."""

from collections import Counter
from collections.abc import Mapping
from functools import reduce

from core.contracts.history import FoundCase, Learnt, ToneSample
from core.contracts.ids import new_id
from core.contracts.proposals import ProposalKind, ProposalOrigin, ProposalState, ProposedCase
from domain.history.models import ImportedHistory
from domain.history.repository import HistoryRepository
from domain.history.tones import together, tone_of
from domain.proposals.answers import add_answers
from domain.proposals.models import Proposal
from domain.proposals.repository import ProposalRepository


async def propose(
    repository: HistoryRepository, imported: ImportedHistory, learnt: Learnt
) -> tuple[Counter[ProposalKind], int]:
    """Store what is new and count what was seen before; return the new ones by kind and how often older ones were seen again."""
    proposals, new = ProposalRepository(repository.session), Counter[ProposalKind]()
    added = await add_answers(proposals, imported.tenant_id, learnt.answers, import_id=imported.id)
    new[ProposalKind.ANSWER] = added.new
    cases = {row.sightings[0] for row in await proposals.all_of(ProposalKind.EVAL_CASE, learnt.language)}
    for case in learnt.cases:
        if case.sighting not in cases:
            cases.add(case.sighting)
            await proposals.add(_case(imported, case))
            new[ProposalKind.EVAL_CASE] += 1
    new[ProposalKind.TONE] += await _tone(repository, proposals, imported)
    return +new, added.again


def _case(imported: ImportedHistory, found: FoundCase) -> Proposal:
    content = ProposedCase(history=found.history, burst=found.burst, reply=found.reply)
    return _row(imported, ProposalKind.EVAL_CASE, content.model_dump(mode="json"), {}, found.sighting)


async def _tone(repository: HistoryRepository, proposals: ProposalRepository, imported: ImportedHistory) -> int:
    """Propose the tone of all chats in the language since the last decision on it; return how many proposals were begun."""
    rows = await proposals.all_of(ProposalKind.TONE, imported.language)
    decided = max((row.decided_at for row in rows if row.decided_at is not None), default=None)
    samples = await repository.tones(imported.language, decided)
    tone = tone_of(reduce(together, samples, ToneSample()))
    if tone is None:
        return 0
    waiting = next((row for row in rows if row.state == ProposalState.PROPOSED), None)
    if waiting is not None:
        waiting.content, waiting.seen = tone.model_dump(mode="json"), len(samples)
        waiting.last_seen_on = max(waiting.last_seen_on, imported.last_on)
        return 0
    row = _row(imported, ProposalKind.TONE, tone.model_dump(mode="json"), {}, imported.sha256)
    row.seen = len(samples)
    await proposals.add(row)
    return 1


def _row(
    imported: ImportedHistory,
    kind: ProposalKind,
    content: Mapping[str, object],
    basis: Mapping[str, object],
    sighting: str,
) -> Proposal:
    return Proposal(
        tenant_id=imported.tenant_id,
        id=new_id(),
        import_id=imported.id,
        origin=ProposalOrigin.PAST_CHAT,
        kind=kind,
        state=ProposalState.PROPOSED,
        language=imported.language,
        content=dict(content),
        basis=dict(basis),
        sightings=[sighting],
        seen=1,
        last_seen_on=imported.last_on,
    )
