"""Proposals of past chats: merged over chats, decided once by an admin, and never a chat of the desk."""

from datetime import date
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from core.contracts.events import Event, EventType
from core.contracts.history import DateOrder, FoundCase, HistoryImport, Learnt, ReadHistory, SideReason, ToneSample
from core.contracts.ids import new_id
from core.contracts.principal import Principal
from core.contracts.proposals import AcceptProposal, FoundAnswer, Proposal, ProposalKind, ProposalState
from core.contracts.reasoning import ToneProfile
from core.contracts.states import SourceKind
from core.db.session import Database, Effects
from core.errors import Conflict, InvalidInput, NotFound
from core.storage.blobs import LocalBlobs
from domain.accounts.models import Tenant
from domain.accounts.repository import AccountsRepository
from domain.history import service as history
from domain.knowledge.service import get_source
from domain.proposals import service as proposals

MAY, JUNE = date(2024, 5, 13), date(2024, 6, 13)


def found(question: str, answer: str, sighting: str, signature: list[str], on: date = MAY) -> FoundAnswer:
    """One sighting of a question."""
    return FoundAnswer(
        question=question, answer=answer, language="en", signature=signature, seen_on=on, sighting=sighting
    )


def read(*answers: FoundAnswer, tone: ToneSample | None = None, cases: tuple[FoundCase, ...] = ()) -> ReadHistory:
    """What a reader made of a file."""
    learnt = Learnt(
        language="en", answers=list(answers), tone=tone or ToneSample(), cases=list(cases), redacted={"name": 2}
    )
    return ReadHistory(
        business="Corner Café", business_known_by=SideReason.NAMED, date_order=DateOrder.DMY, messages=9,
        first_on=MAY, last_on=JUNE, learnt=learnt,
    )  # fmt: skip


DOGS = found("Are dogs allowed?", "Dogs are welcome.", "s1", ["allow", "dog"])
WRAP = found("Do you gift wrap?", "Yes, call us at [phone].", "s2", ["gift", "wrap"])
CASE = FoundCase(history=[], burst=["Are dogs allowed?"], reply=["Dogs are welcome."], language="en", sighting="c1")
TALKATIVE = ToneSample(messages=30, formal=9, openings=10, greetings={"hello": 8}, lengths={60: 30})


class History:
    """The history of one business, each call a transaction of its own."""

    def __init__(self, db: Database, caller: Principal, blobs: LocalBlobs) -> None:
        self.db, self.caller, self.blobs = db, caller, blobs
        self.files = 0

    async def add(self, what: ReadHistory, sha256: str | None = None) -> HistoryImport:
        self.files += 1
        async with self.db.unit_of_work(self.caller.tenant_id) as session:
            return await history.import_history(session, self.caller, sha256 or f"file {self.files}", what)

    async def all(self, kind: ProposalKind | None = None) -> list[Proposal]:
        async with self.db.unit_of_work(self.caller.tenant_id) as session:
            return (await proposals.list_proposals(session, kind)).items

    async def accept(self, proposal_id: UUID, **words: str) -> Proposal:
        async with self.db.unit_of_work(self.caller.tenant_id) as session:
            return await proposals.accept(session, self.blobs, self.caller, proposal_id, AcceptProposal(**words))

    async def dismiss(self, proposal_id: UUID) -> Proposal:
        async with self.db.unit_of_work(self.caller.tenant_id) as session:
            return await proposals.dismiss(session, self.caller, proposal_id)

    async def acts(self) -> list[tuple[str, UUID | None]]:
        async with self.db.unit_of_work(self.caller.tenant_id) as session:
            rows = await session.execute(text("select action, actor_id from audit_entries order by at"))
            return [(action, actor) for action, actor in rows if action.startswith(("history.", "proposal."))]


@pytest.fixture
async def past(db: Database, owner: Principal, tmp_path: Path) -> History:
    return History(db, owner, LocalBlobs(tmp_path))


async def test_the_same_question_in_many_chats_is_one_proposal(past: History) -> None:
    first = await past.add(read(DOGS, WRAP))
    assert (first.proposed, first.seen_again) == ({ProposalKind.ANSWER: 2}, 0)
    later = found("are dogs allowed", "Dogs are welcome outside.", "s3", ["allow", "dog"], JUNE)
    second = await past.add(read(later))
    assert (second.proposed, second.seen_again) == ({}, 1)
    dogs, wrap = await past.all()
    assert (dogs.seen, wrap.seen) == (2, 1)
    assert dogs.answer is not None
    assert (dogs.answer.question, dogs.answer.answer) == ("Are dogs allowed?", "Dogs are welcome outside.")
    assert dogs.answer.others == ["Dogs are welcome."]
    await past.add(read(found("Are dogs allowed?", "No dogs.", "s0", ["allow", "dog"], date(2020, 1, 1))))
    older = (await past.all())[0].answer
    assert older is not None
    assert older.answer == "Dogs are welcome outside.", "an older reply does not take the newer one's place"
    assert set(older.others) == {"Dogs are welcome.", "No dogs."}


async def test_a_longer_export_of_the_same_chat_counts_what_is_new_in_it(past: History) -> None:
    await past.add(read(DOGS, cases=(CASE,)))
    again = await past.add(read(DOGS, WRAP, cases=(CASE,)))
    assert (again.proposed, again.seen_again) == ({ProposalKind.ANSWER: 1}, 0)
    assert [proposal.seen for proposal in await past.all()] == [1, 1, 1]


async def test_the_same_file_changes_nothing(past: History) -> None:
    first = await past.add(read(DOGS), "same")
    again = await past.add(read(DOGS, WRAP), "same")
    assert (again.id, again.repeated, again.proposed) == (first.id, True, {})
    assert len(await past.all()) == 1
    assert len(await past.acts()) == 1


async def test_an_accepted_answer_is_a_curated_answer(past: History, owner: Principal) -> None:
    await past.add(read(DOGS))
    (proposal,) = await past.all()
    accepted = await past.accept(proposal.id)
    assert (accepted.state, accepted.decided_by) == (ProposalState.ACCEPTED, owner.subject_id)
    assert accepted.source_id is not None
    async with past.db.unit_of_work(owner.tenant_id) as session:
        source = await get_source(session, accepted.source_id)
    assert (source.kind, source.title) == (SourceKind.CURATED, "Are dogs allowed?")
    assert await past.acts() == [("history.imported", owner.subject_id), ("proposal.accepted", owner.subject_id)]


async def test_what_was_taken_out_has_to_be_put_back_by_a_person(past: History) -> None:
    await past.add(read(WRAP))
    (proposal,) = await past.all()
    with pytest.raises(InvalidInput, match=r"\[phone\]"):
        await past.accept(proposal.id)
    accepted = await past.accept(proposal.id, answer="Yes, call us at +351 210 000 000.")
    assert accepted.answer is not None
    assert accepted.answer.answer == "Yes, call us at +351 210 000 000."


async def test_a_decision_is_final(past: History) -> None:
    await past.add(read(DOGS))
    (proposal,) = await past.all()
    dismissed = await past.dismiss(proposal.id)
    assert (dismissed.state, dismissed.source_id) == (ProposalState.DISMISSED, None)
    with pytest.raises(Conflict) as refused:
        await past.accept(proposal.id)
    assert refused.value.current is not None
    assert refused.value.current["state"] == "dismissed"
    with pytest.raises(NotFound):
        await past.dismiss(new_id())
    await past.add(read(found("Dogs?", "Never.", "s9", ["allow", "dog"], JUNE)))
    (again,) = await past.all()
    assert (again.state, again.seen) == (ProposalState.DISMISSED, 2), "it is counted, and not proposed again"
    assert again.answer is not None
    assert again.answer.answer == "Dogs are welcome."


async def test_an_accepted_tone_is_how_drafts_speak(past: History, owner: Principal) -> None:
    async with past.db.unit_of_work(owner.tenant_id) as session:
        (await _tenant(session, owner)).tone = {"closing": "Yours, the café", "formality": "casual"}
    few = TALKATIVE.model_copy(update={"messages": 12, "lengths": {60: 12}})
    assert (await past.add(read(tone=few))).proposed == {}
    assert (await past.add(read(tone=few))).proposed == {ProposalKind.TONE: 1}, "two chats say enough together"
    await past.add(read(tone=TALKATIVE))
    (proposal,) = await past.all(ProposalKind.TONE)
    assert proposal.tone is not None
    assert (proposal.seen, proposal.tone.messages) == (3, 54)
    with pytest.raises(InvalidInput, match="other words"):
        await past.accept(proposal.id, answer="x")
    await past.accept(proposal.id)
    async with past.db.unit_of_work(owner.tenant_id) as session:
        tone = ToneProfile.model_validate((await _tenant(session, owner)).tone)
    assert (tone.formality, tone.greeting, tone.closing) == ("formal", True, "Yours, the café")
    assert (await past.add(read(tone=few))).proposed == {}, "what was decided on is not counted twice"


async def _tenant(session: AsyncSession, owner: Principal) -> Tenant:
    tenant = await AccountsRepository(session).tenant(owner.tenant_id)
    assert tenant is not None
    return tenant


async def test_open_panels_hear_of_it(past: History, effects: Effects) -> None:
    imported = await past.add(read(DOGS))
    (proposal,) = await past.all()
    await past.dismiss(proposal.id)
    heard = [e.ids for e in effects.seen if isinstance(e, Event) and e.type is EventType.PROPOSAL_UPDATED]
    assert heard == [{"import_id": imported.id}, {"proposal_id": proposal.id}]


async def test_pages_hold_every_proposal_once(past: History) -> None:
    await past.add(read(*[found(f"q{n}", "a b", f"p{n}", [f"t{n}"]) for n in range(7)]))
    await past.add(read(found("q3", "a b", "more", ["t3"])))
    seen: list[Proposal] = []
    cursor: str | None = None
    while True:
        async with past.db.unit_of_work(past.caller.tenant_id) as session:
            page = await proposals.list_proposals(session, cursor=cursor, limit=2)
        seen += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len({proposal.id for proposal in seen}) == len(seen) == 7
    assert seen[0].answer is not None
    assert seen[0].answer.question == "q3"
    async with past.db.unit_of_work(past.caller.tenant_id) as session:
        with pytest.raises(InvalidInput, match="cursor"):
            await proposals.list_proposals(session, cursor="x")


async def test_nothing_imported_becomes_a_chat_or_is_answered(past: History, admin: AsyncEngine) -> None:
    await past.add(read(DOGS, WRAP, tone=TALKATIVE, cases=(CASE,)))
    for proposal in await past.all():
        words = {"answer": "In our own words."} if proposal.kind is ProposalKind.ANSWER else {}
        await past.accept(proposal.id, **words)
    async with admin.connect() as connection:
        for table in ("chats", "messages", "contacts", "draft_runs", "drafts", "sends"):
            rows = await connection.execute(
                text(f"select count(*) from {table} where tenant_id = :tenant"),  # noqa: S608
                {"tenant": past.caller.tenant_id},
            )
            assert rows.scalar_one() == 0, table
        due = await connection.execute(
            text("select distinct kind from due where tenant_id = :tenant"), {"tenant": past.caller.tenant_id}
        )
        assert {kind for (kind,) in due} == {"knowledge.ingest", "proposal.compare"}
