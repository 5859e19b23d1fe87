"""The desk learns, with every part of it real but the processes: a question without an answer, a person's reply, an admin's yes, and
the next customer, who gets that answer.
"""

from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from core.aal import build_aal
from core.aal.embedding import Embedders
from core.aal.language import LanguageDetector
from core.contracts.bridge import SendOutcome
from core.contracts.chats import NewMessage
from core.contracts.drafts import Approve
from core.contracts.proposals import AcceptProposal, Proposal, ProposalOrigin
from core.contracts.states import DraftStatus
from core.db.session import Database
from core.jobs.registry import Registry, Resources
from core.settings import load_settings
from core.storage.blobs import LocalBlobs
from domain.drafts import service as drafts
from domain.drafts.models import DraftRun
from domain.knowledge.ingest import Ingester
from domain.knowledge.search import KnowledgeSearch
from domain.proposals import service as proposals
from domain.proposals.soon import COMPARE_TASK, LEARN_TASK
from graph.runner import Runner
from graph.tasks import register
from graph.team import build_team
from tests.domain.desk import Desk
from tests.graph.conftest import runner_of

QUESTION = "Do you lend aprons to children?"
ANSWER = "Yes, we lend aprons in children's sizes at no charge."


@pytest.fixture
async def open_desk(db: Database, tenant: UUID) -> Desk:
    """A held channel on which customers write."""
    return await Desk(db, tenant).open()


async def _run(desk: Desk, runner: Runner, chat_id: UUID) -> None:
    async with desk.db.unit_of_work(desk.tenant) as session:
        query = select(DraftRun.id).where(DraftRun.chat_id == chat_id, DraftRun.state == "due")
        run_id = (await session.execute(query)).scalar_one()
    assert await runner.run(desk.tenant, run_id)


async def _answer(desk: Desk, runner: Runner, chat_id: UUID, text: str) -> None:
    """Let staff type, say yes once more where the check marks the text, and the bridge send it."""
    async with desk.db.unit_of_work(desk.tenant) as session:
        body = NewMessage(parts=[text], chat_version=(await desk.chat(chat_id)).version)
        await drafts.type_message(session, desk.staff, chat_id, body, desk.settings)
    await _run(desk, runner, chat_id)
    order = await desk.next()
    if order is None:
        draft = await desk.pending(chat_id)
        async with desk.db.unit_of_work(desk.tenant) as session:
            decision = Approve(version=draft.version, text_sha256=draft.text_sha256, confirm=True)
            await drafts.approve(session, desk.staff, draft.id, decision, desk.settings)
        order = await desk.next()
    assert order is not None
    await desk.arm(order)
    await desk.report(order, SendOutcome.SENT)


async def _proposed(desk: Desk) -> list[Proposal]:
    async with desk.db.unit_of_work(desk.tenant) as session:
        return list((await proposals.list_proposals(session)).items)


async def test_what_staff_answer_is_accepted_and_answers_the_next_customer(
    open_desk: Desk, app_engine: AsyncEngine, tmp_path: Path
) -> None:
    desk, tenant = open_desk, open_desk.tenant
    settings = load_settings({}, desk={"learn_seconds": 0})
    detector, embedders, blobs = LanguageDetector(), Embedders(settings.aal), LocalBlobs(tmp_path)
    team = build_team(
        build_aal(settings.aal), detector, lambda one: KnowledgeSearch(desk.db, one, embedders, detector, floor=0.0)
    )
    runner = runner_of(app_engine, desk.db, desk.settings, team.agents_for)
    registry, resources = Registry(), Resources(settings, desk.db)
    register(registry)

    first = await desk.customer_writes(QUESTION)
    await _run(desk, runner, first)
    assert (await desk.pending(first)).missing == [QUESTION]
    await registry.tasks[LEARN_TASK].handler(resources, tenant, first)
    (unanswered,) = await _proposed(desk)
    assert unanswered.origin is ProposalOrigin.UNANSWERED
    await _answer(desk, runner, first, f"Hi Anna! {ANSWER}")
    await registry.tasks[LEARN_TASK].handler(resources, tenant, first)
    (proposal,) = await _proposed(desk)
    assert (proposal.id, proposal.origin) == (unanswered.id, ProposalOrigin.STAFF_ANSWER)
    assert proposal.answer is not None
    assert (proposal.answer.question, proposal.answer.answer) == (QUESTION, ANSWER)

    second = await desk.customer_writes("Do you lend tools?")
    await _run(desk, runner, second)
    await registry.tasks[LEARN_TASK].handler(resources, tenant, second)
    async with desk.db.unit_of_work(tenant) as session:
        accepted = await proposals.accept(session, blobs, desk.staff, proposal.id, AcceptProposal())
    assert accepted.source_id is not None
    await Ingester(desk.db, blobs, embedders, detector=detector).ingest(tenant, accepted.source_id)

    third = await desk.customer_writes("do you lend aprons to children")
    await _run(desk, runner, third)
    draft = await desk.pending(third)
    assert (draft.status, draft.missing) == (DraftStatus.PENDING, [])
    assert ANSWER in " ".join(draft.parts)
    await registry.tasks[COMPARE_TASK].handler(resources, tenant, tenant)
    tools = next(one for one in await _proposed(desk) if one.id not in {proposal.id})
    assert tools.answered_by is None, "another question has no answer because of it"
