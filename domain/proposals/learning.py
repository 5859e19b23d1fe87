"""Learning from what staff answer: some time after the last word of a chat its last exchanges are looked at for what can be proposed.

No lock of a chat, draft or send is taken, so nobody who sends waits for it. A chat is looked at as often as something happens in it;
each exchange has a name, so that what was found before is not counted again.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from core.contracts.learning import DeskChat
from core.contracts.proposals import FoundAnswer
from core.db.session import Database
from core.errors import ProviderError, SetupError
from domain.chats.repository import database_now
from domain.due import service as due
from domain.proposals.answers import add_answers
from domain.proposals.comparing import QuestionSearch
from domain.proposals.events import announce
from domain.proposals.exchanges import read_talk
from domain.proposals.repository import ProposalRepository
from domain.proposals.soon import LEARN_TASK, compare_soon

_LATER = timedelta(minutes=5)


class Historian(Protocol):
    """Finds in a chat of the desk what can be asked again. Everything that it returns is redacted."""

    async def lessons(self, chat: DeskChat, search: QuestionSearch) -> Sequence[FoundAnswer]:
        """Return the questions that the knowledge does not answer, with what staff answered, and the drafts that staff corrected."""


async def learn(
    db: Database, tenant_id: UUID, chat_id: UUID, historian: Historian, search: QuestionSearch, wait: timedelta
) -> None:
    """Propose what a chat teaches, once nothing was said in it for `wait`; until then, and while the knowledge cannot be searched, put
    it off. Nothing is open while the historian works.
    """
    async with db.unit_of_work(tenant_id) as session:
        since = await due.when(session, tenant_id, LEARN_TASK, chat_id)
        now = await database_now(session)
        talk = await read_talk(session, chat_id, now) if since is not None else None
        if since is not None and talk is not None and talk.last_at + wait > now:
            await due.schedule(session, tenant_id, LEARN_TASK, chat_id, talk.last_at + wait)
            return
    if since is None:
        return
    try:
        found = await historian.lessons(talk.chat, search) if talk is not None else []
    except (ProviderError, SetupError):
        async with db.unit_of_work(tenant_id) as session:
            await due.schedule(session, tenant_id, LEARN_TASK, chat_id, now + _LATER)
        return
    async with db.unit_of_work(tenant_id) as session:
        repository = ProposalRepository(session)
        if found:
            await repository.one_at_a_time(tenant_id)
        changed = await add_answers(repository, tenant_id, found)
        if changed.new or changed.again or changed.told:
            announce(session, tenant_id)
            await compare_soon(session, tenant_id)
        await due.clear_unmoved(session, tenant_id, LEARN_TASK, chat_id, since)
