"""Importing past chats, out of which proposals come. Nothing that was imported is a chat: nobody is ever answered because of it."""

from collections import Counter
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from core.contracts.events import Event, EventType
from core.contracts.history import HistoryImport, ReadHistory
from core.contracts.ids import new_id
from core.contracts.principal import Principal
from core.contracts.proposals import ProposalKind
from core.db.session import after_commit
from domain.audit.service import record
from domain.history.models import ImportedHistory
from domain.history.proposing import propose
from domain.history.repository import HistoryRepository
from domain.proposals.events import announce
from domain.proposals.repository import ProposalRepository
from domain.proposals.soon import compare_soon


async def import_history(session: AsyncSession, caller: Principal, sha256: str, found: ReadHistory) -> HistoryImport:
    """Keep what a file proposes. The same file again changes nothing; a longer export of the same chat adds what is new in it."""
    repository = HistoryRepository(session)
    await ProposalRepository(session).one_at_a_time(caller.tenant_id)
    before = await repository.imported(sha256)
    if before is not None:
        return _shown(before, Counter(), 0, repeated=True)
    row = ImportedHistory(
        tenant_id=caller.tenant_id,
        id=new_id(),
        sha256=sha256,
        business=found.business[:200],
        business_known_by=found.business_known_by,
        date_order=found.date_order,
        language=found.learnt.language,
        messages=found.messages,
        first_on=found.first_on,
        last_on=found.last_on,
        redacted=found.learnt.redacted,
        tone=found.learnt.tone.model_dump(mode="json"),
        imported_by=caller.subject_id,
        created_at=datetime.now(UTC),
    )
    await repository.add(row)
    new, again = await propose(repository, row, found.learnt)
    fields = {"messages": row.messages, **{kind.value: count for kind, count in new.items()}}
    record(session, caller, "history.imported", "history_import", row.id, fields)
    after_commit(session, Event(type=EventType.HISTORY_UPDATED, tenant_id=caller.tenant_id, ids={"import_id": row.id}))
    announce(session, caller.tenant_id, import_id=row.id)
    await compare_soon(session, caller.tenant_id)
    return _shown(row, new, again, repeated=False)


def _shown(row: ImportedHistory, new: Counter[ProposalKind], again: int, *, repeated: bool) -> HistoryImport:
    kept = {name: getattr(row, name) for name in HistoryImport.model_fields if hasattr(row, name)}
    return HistoryImport.model_validate(kept | {"proposed": dict(new), "seen_again": again, "repeated": repeated})
