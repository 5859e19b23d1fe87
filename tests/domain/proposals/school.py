"""A desk that learns: what customers ask, what the machine drafts, what staff really send, and a look at the chat afterwards."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import update

from agents.historian.desk import DeskHistorian
from core.aal.embedding import BUNDLED, build_embedder
from core.contracts.bridge import SendOutcome
from core.contracts.chats import NewMessage
from core.contracts.drafts import Edit
from core.contracts.ids import new_id
from core.contracts.learning import DeskChat
from core.contracts.proposals import AcceptProposal, FoundAnswer, Proposal
from core.contracts.reasoning import CheckReport, Claim, DraftProposal, Passage, Retrieval
from core.contracts.states import Direction, DraftStatus, Verdict
from core.contracts.texts import text_sha256
from core.storage.blobs import LocalBlobs
from domain.chats.models import Message
from domain.drafts import results
from domain.drafts import service as drafts
from domain.drafts.models import Draft
from domain.proposals import service as proposals
from domain.proposals.comparing import QuestionSearch
from domain.proposals.learning import learn
from tests.domain.desk import Desk

MINUTES = timedelta(0)


@dataclass
class Shelf:
    """A search that finds what a test puts on it: passages by a word of the question; with an answer they are exact ones."""

    passages: dict[str, Passage] = field(default_factory=dict)

    def put(self, word: str, answer: str | None = None) -> UUID:
        passage = Passage(id=new_id(), source_id=new_id(), source_title="Shelf", text=word, curated_answer=answer)
        self.passages[word] = passage
        return passage.source_id

    async def search(self, query: str, limit: int) -> Retrieval:
        found = [passage for word, passage in self.passages.items() if word in query.lower()]
        return Retrieval(query=query, passages=found[:limit], floor=0.5)


@dataclass
class School:
    """A desk, its historian and what it proposes."""

    desk: Desk
    blobs: LocalBlobs
    shelf: Shelf = field(default_factory=Shelf)
    historian: Any = field(default_factory=lambda: DeskHistorian(build_embedder(BUNDLED)))

    async def asks(self, text: str, *, draft: str | None = None, missing: tuple[str, ...] = ()) -> UUID:
        """Let a customer write, and the machine draft; with neither text nor anything missing it calls the question missing."""
        chat_id = await self.desk.customer_writes(text)
        await self.drafts(chat_id, draft, missing or (() if draft else (text,)))
        return chat_id

    async def drafts(self, chat_id: UUID, draft: str | None, missing: tuple[str, ...] = ()) -> Draft:
        parts = [draft] if draft else []
        passage = Passage(id=new_id(), source_id=new_id(), source_title="House rules", text=draft or "Nothing.")
        result = results.RunResult(
            proposal=DraftProposal(
                parts=parts, claims=[Claim(text=p, passage_ids=[passage.id]) for p in parts], missing=list(missing)
            ),
            parts=parts,
            report=self._passed(parts) if parts else None,
            retrieval=Retrieval(query="q", passages=[passage], floor=0.0),
            calls=[],
            timings_ms={},
            language="en",
        )
        claimed = await self.desk.claim(chat_id)
        async with self.desk.db.unit_of_work(self.desk.tenant) as session:
            await results.store_result(session, claimed, result, self.desk.settings)
        return await self.desk.pending(chat_id)

    async def types(self, chat_id: UUID, *parts: str) -> None:
        """Let staff type a reply that passes its check, and send it."""
        async with self.desk.db.unit_of_work(self.desk.tenant) as session:
            body = NewMessage(parts=list(parts), chat_version=(await self.desk.chat(chat_id)).version)
            await drafts.type_message(session, self.desk.staff, chat_id, body, self.desk.settings)
        await self._check(chat_id, parts)
        await self.send(len(parts))

    async def edits(self, chat_id: UUID, *parts: str, send: bool = True) -> None:
        """Let staff replace the draft that waits, and send it."""
        draft = await self.desk.pending(chat_id)
        async with self.desk.db.unit_of_work(self.desk.tenant) as session:
            body = Edit(version=draft.version, text_sha256=draft.text_sha256, parts=list(parts), send=True)
            await drafts.edit(session, self.desk.staff, draft.id, body)
        await self._check(chat_id, parts)
        if send:
            await self.send(len(parts))

    async def send(self, parts: int = 1, outcome: SendOutcome = SendOutcome.SENT) -> None:
        """Let the bridge work through what is queued."""
        for _ in range(parts):
            order = await self.desk.next()
            assert order is not None
            await self.desk.arm(order)
            await self.desk.report(order, outcome)

    async def phones(self, chat_id: UUID, text: str, **more: Any) -> None:
        """Let a person answer on the phone: not at once, as WhatsApp Business would."""
        await self.passes(chat_id, timedelta(minutes=20))
        await self.answers_at_once(chat_id, text, **more)

    async def passes(self, chat_id: UUID, time: timedelta) -> None:
        """Let time pass in a chat: what was said in it is so much older."""
        async with self.desk.db.unit_of_work(self.desk.tenant) as session:
            older = {"received_at": Message.received_at - time, "wa_at": Message.wa_at - time}
            await session.execute(update(Message).where(Message.chat_id == chat_id).values(older))
            await session.execute(
                update(Draft).where(Draft.chat_id == chat_id).values(created_at=Draft.created_at - time)
            )

    async def answers_at_once(self, chat_id: UUID, text: str, **more: Any) -> None:
        """Let an own text stand on the page right below the customer's."""
        await self.desk.observe(chat_id, self.desk.seen(chat_id, text, Direction.OUT, **more))

    async def look(self, chat_id: UUID, wait: timedelta = MINUTES) -> None:
        """Do the work that is due for a chat."""
        await learn(self.desk.db, self.desk.tenant, chat_id, self.historian, self.shelf, wait)

    async def proposed(self, state: str | None = "proposed") -> list[Proposal]:
        async with self.desk.db.unit_of_work(self.desk.tenant) as session:
            found = (await proposals.list_proposals(session)).items
        return [one for one in found if state is None or one.state == state]

    async def told(self) -> list[tuple[str, str, str]]:
        """Return origin, question and answer of what waits for a decision."""
        return [
            (one.origin.value, one.answer.question, one.answer.answer) for one in await self.proposed() if one.answer
        ]

    async def dismiss(self, proposal_id: UUID) -> None:
        async with self.desk.db.unit_of_work(self.desk.tenant) as session:
            await proposals.dismiss(session, self.desk.staff, proposal_id)

    async def accept(self, proposal_id: UUID, **words: str) -> Proposal:
        async with self.desk.db.unit_of_work(self.desk.tenant) as session:
            return await proposals.accept(session, self.blobs, self.desk.staff, proposal_id, AcceptProposal(**words))

    async def _check(self, chat_id: UUID, parts: tuple[str, ...]) -> None:
        result = results.RunResult(
            proposal=DraftProposal(parts=list(parts)),
            parts=parts,
            report=self._passed(parts),
            retrieval=Retrieval(query="q", passages=[], floor=0.0),
            calls=[],
            timings_ms={},
            language="en",
        )
        claimed = await self.desk.claim(chat_id)
        async with self.desk.db.unit_of_work(self.desk.tenant) as session:
            stored = await results.store_result(session, claimed, result, self.desk.settings)
        assert stored == DraftStatus.APPROVED

    @staticmethod
    def _passed(parts: Any) -> CheckReport:
        return CheckReport(verdict=Verdict.PASS, text_sha256=text_sha256(parts), checker_version="test")


@dataclass
class Interrupted:
    """A historian that ends like a worker that is killed, once it has looked."""

    inner: DeskHistorian

    async def lessons(self, chat: DeskChat, search: QuestionSearch) -> list[FoundAnswer]:
        await self.inner.lessons(chat, search)
        raise ProcessLookupError
