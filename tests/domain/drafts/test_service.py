"""Decisions are compare-and-set; a draft waits only while its chat stands still."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import text

from core.contracts.chats import ChangeChat, NewMessage
from core.contracts.drafts import Approve, Edit, Reject, Rewrite
from core.contracts.ids import new_id
from core.contracts.reasoning import CheckReport, DraftProposal, Retrieval
from core.contracts.states import ChatStatus, DraftOrigin, DraftStatus, RunReason, RunState, SendStatus, Verdict
from core.contracts.texts import text_sha256
from core.errors import Conflict, InvalidInput, StaleDecision
from core.jobs.registry import Resources
from core.settings import Settings
from domain.audit.models import AuditEntry
from domain.chats import service as chats
from domain.drafts import results, runs
from domain.drafts import service as drafts
from domain.drafts.models import Draft, DraftPassage, DraftRun
from domain.drafts.runs import ClaimedRun
from domain.knowledge.models import KnowledgeSource
from domain.sends.models import Send
from domain.tasks import expire_draft
from tests.domain.desk import Desk


def seen(draft: Draft, **more: Any) -> dict[str, Any]:
    return {"version": draft.version, "text_sha256": draft.text_sha256, **more}


async def check_of(desk: Desk, draft_id: Any) -> ClaimedRun:
    run = (await desk.all(DraftRun, draft_id=draft_id, reason=RunReason.CHECK))[0]
    async with desk.db.unit_of_work(desk.tenant) as session:
        claimed = await runs.claim_run(session, run.id, new_id(), 20)
    assert claimed is not None
    return claimed


async def checked(desk: Desk, claimed: ClaimedRun, parts: list[str], verdict: Verdict) -> DraftStatus | None:
    report = CheckReport(verdict=verdict, text_sha256=text_sha256(parts), checker_version="test")
    result = results.RunResult(
        DraftProposal(parts=parts), parts, report, Retrieval(query="", passages=[], floor=0), [], {}, "en"
    )
    async with desk.db.unit_of_work(desk.tenant) as session:
        return await results.store_result(session, claimed, result, desk.settings)


class TestApprove:
    async def test_queues_each_part_and_writes_the_audit_in_one_transaction(self, desk: Desk) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        draft = await desk.draft_for(chat_id, "Tea costs 4 EUR.", "Shall I keep some for you?")
        send_ids = await desk.approve(draft)
        rows = await desk.all(Send, chat_id=chat_id)
        assert [(s.part, s.text, s.status) for s in rows] == [
            (0, draft.parts[0], SendStatus.QUEUED),
            (1, draft.parts[1], SendStatus.QUEUED),
        ]
        assert {s.id for s in rows} == set(send_ids)
        entries = [e for e in await desk.all(AuditEntry) if e.action == "draft.approved"]
        assert entries[0].fields["text_sha256"] == draft.text_sha256

    async def test_fifty_approvals_at_once_send_once(self, desk: Desk) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        draft = await desk.draft_for(chat_id, "Tea costs 4 EUR.")
        answers = await asyncio.gather(*(desk.approve(draft) for _ in range(50)), return_exceptions=True)
        assert sum(isinstance(answer, list) for answer in answers) == 1
        assert all(isinstance(answer, list | StaleDecision) for answer in answers)
        assert len(await desk.all(Send, chat_id=chat_id)) == 1

    async def test_a_new_message_retires_the_draft_and_the_decision_on_it(self, desk: Desk) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        draft = await desk.draft_for(chat_id, "Tea costs 4 EUR.")
        await desk.customer_writes("And coffee?", chat_id)
        with pytest.raises(StaleDecision) as refused:
            await desk.approve(draft)
        assert refused.value.current is not None
        assert refused.value.current["status"] == DraftStatus.SUPERSEDED
        assert await desk.all(Send, chat_id=chat_id) == []

    async def test_what_the_check_marked_needs_a_second_yes(self, desk: Desk) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        await desk.store(await desk.claim(chat_id), "Tea costs 5 EUR.", verdict=Verdict.NEEDS_STAFF)
        draft = await desk.pending(chat_id)
        with pytest.raises(Conflict) as refused:
            await desk.approve(draft)
        assert refused.value.reason_code == "needs_confirmation"
        async with desk.db.unit_of_work(desk.tenant) as session:
            decided = await drafts.approve(
                session, desk.staff, draft.id, Approve(**seen(draft, confirm=True)), desk.settings
            )
        assert decided.draft.status == DraftStatus.APPROVED

    async def test_a_blocked_text_is_never_approved_as_it_is(self, desk: Desk) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        assert await desk.store(await desk.claim(chat_id), "Pay here.", verdict=Verdict.BLOCK) == DraftStatus.BLOCKED
        draft = (await desk.all(Draft, chat_id=chat_id))[0]
        async with desk.db.unit_of_work(desk.tenant) as session:
            with pytest.raises(StaleDecision):
                await drafts.approve(session, desk.staff, draft.id, Approve(**seen(draft, confirm=True)), desk.settings)

    async def test_an_unknown_answer_has_nothing_to_send(self, desk: Desk) -> None:
        chat_id = await desk.customer_writes("Do you sell horses?")
        await desk.store(await desk.claim(chat_id))
        with pytest.raises(InvalidInput):
            await desk.approve(await desk.pending(chat_id))


class TestPersonWins:
    """Whoever decides while a worker still thinks finds no machine's draft in the chat afterwards (law 9)."""

    async def test_over_a_run_in_hand_by_taking_over(self, desk: Desk) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        claimed = await desk.claim(chat_id)
        async with desk.db.unit_of_work(desk.tenant) as session:
            await chats.take_over(session, desk.staff, chat_id, desk.settings)
        await self.nothing_waits_after(desk, claimed)

    async def test_over_a_run_in_hand_by_resolving(self, desk: Desk) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        claimed = await desk.claim(chat_id)
        async with desk.db.unit_of_work(desk.tenant) as session:
            await chats.change_chat(session, desk.staff, chat_id, ChangeChat(status=ChatStatus.RESOLVED), desk.settings)
        await self.nothing_waits_after(desk, claimed)

    async def test_over_a_run_in_hand_by_typing(self, desk: Desk) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        claimed = await desk.claim(chat_id)
        body = NewMessage(parts=["4 EUR"], chat_version=claimed.chat_version)
        async with desk.db.unit_of_work(desk.tenant) as session:
            typed = (await drafts.type_message(session, desk.staff, chat_id, body, desk.settings)).id
        assert await checked(desk, await check_of(desk, typed), ["4 EUR"], Verdict.PASS) == DraftStatus.APPROVED
        await self.nothing_waits_after(desk, claimed)

    async def test_over_a_rewrite_in_hand_by_approving_what_is_there(self, desk: Desk) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        draft = await desk.draft_for(chat_id, "Tea costs 4 EUR.")
        async with desk.db.unit_of_work(desk.tenant) as session:
            await drafts.rewrite(session, desk.staff, draft.id, Rewrite(**seen(draft)), desk.settings)
        claimed = await desk.claim(chat_id)
        await desk.approve(draft)
        await self.nothing_waits_after(desk, claimed)

    async def nothing_waits_after(self, desk: Desk, claimed: ClaimedRun) -> None:
        assert await desk.store(claimed, "Late.") is None
        assert await desk.all(Draft, chat_id=claimed.chat_id, status=DraftStatus.PENDING) == []
        (run,) = await desk.all(DraftRun, id=claimed.id)
        assert run.state == RunState.SUPERSEDED


async def test_a_source_removed_while_a_draft_was_made_takes_the_draft_along(desk: Desk) -> None:
    chat_id = await desk.customer_writes("How much is tea?")
    claimed, source_id = await desk.claim(chat_id), new_id()
    async with desk.db.unit_of_work(desk.tenant) as session:
        session.add(KnowledgeSource(tenant_id=desk.tenant, id=source_id, kind="text", title="Prices", state="removed"))
    assert await desk.store(claimed, "Tea costs 4 EUR.", source_id=source_id) == DraftStatus.SUPERSEDED
    assert await desk.store(await desk.claim(chat_id), "I do not know.") == DraftStatus.PENDING


class TestHumanText:
    async def test_typed_text_is_checked_and_then_sent_by_the_person_who_typed_it(self, desk: Desk) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        version, draft_id = (await desk.chat(chat_id)).version, new_id()
        body = NewMessage(parts=["It is 4 EUR."], chat_version=version, id=draft_id)
        for _ in range(2):
            async with desk.db.unit_of_work(desk.tenant) as session:
                assert (await drafts.type_message(session, desk.staff, chat_id, body, desk.settings)).id == draft_id
        assert await desk.all(Send, chat_id=chat_id) == []
        claimed = await check_of(desk, draft_id)
        assert await checked(desk, claimed, ["It is 4 EUR."], Verdict.PASS) == DraftStatus.APPROVED
        rows = await desk.all(Send, chat_id=chat_id)
        assert [(s.text, s.approved_by, s.automatic) for s in rows] == [("It is 4 EUR.", desk.user_id, False)]

    @pytest.mark.parametrize(
        ("verdict", "status"), [(Verdict.NEEDS_STAFF, DraftStatus.PENDING), (Verdict.BLOCK, DraftStatus.BLOCKED)]
    )
    async def test_an_edit_that_does_not_pass_waits(self, desk: Desk, verdict: Verdict, status: DraftStatus) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        draft = await desk.draft_for(chat_id, "Tea costs 4 EUR.")
        async with desk.db.unit_of_work(desk.tenant) as session:
            revision = (
                await drafts.edit(session, desk.staff, draft.id, Edit(**seen(draft), parts=["Tea is free."]))
            ).draft
        assert (revision.origin, revision.status, revision.parent_id) == (
            DraftOrigin.HUMAN,
            DraftStatus.CHECKING,
            draft.id,
        )
        assert len(await desk.all(DraftPassage, draft_id=revision.id)) == 1
        assert await checked(desk, await check_of(desk, revision.id), ["Tea is free."], verdict) == status
        assert await desk.all(Send, chat_id=chat_id) == []

    async def test_a_check_that_cannot_run_leaves_the_text_to_a_person(self, desk: Desk) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        draft = await desk.draft_for(chat_id, "Tea costs 4 EUR.")
        async with desk.db.unit_of_work(desk.tenant) as session:
            revision = (await drafts.edit(session, desk.staff, draft.id, Edit(**seen(draft), parts=["4 EUR!"]))).draft
        claimed = await check_of(desk, revision.id)
        async with desk.db.unit_of_work(desk.tenant) as session:
            await results.fail_run(session, claimed, "the checker did not answer")
        assert (await desk.pending(chat_id)).id == revision.id
        assert await desk.all(Send, chat_id=chat_id) == []
        with pytest.raises(Conflict) as refused:
            await desk.approve(await desk.pending(chat_id))
        assert refused.value.reason_code == "needs_confirmation"

    async def test_a_check_that_kills_its_workers_leaves_the_text_to_a_person(self, desk: Desk) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        body = NewMessage(parts=["4 EUR"], chat_version=(await desk.chat(chat_id)).version)
        async with desk.db.unit_of_work(desk.tenant) as session:
            draft_id = (await drafts.type_message(session, desk.staff, chat_id, body, desk.settings)).id
        (run,) = await desk.all(DraftRun, draft_id=draft_id)
        for _ in range(runs.MAX_ATTEMPTS + 1):
            async with desk.db.unit_of_work(desk.tenant) as session:
                await runs.claim_run(session, run.id, new_id(), -1)
        waiting = await desk.pending(chat_id)
        assert (waiting.id, waiting.check) == (draft_id, None)
        assert "could not be checked" in (waiting.decision_reason or "")

    async def test_typing_over_a_newer_message_is_refused(self, desk: Desk) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        version = (await desk.chat(chat_id)).version
        await desk.customer_writes("And coffee?", chat_id)
        async with desk.db.unit_of_work(desk.tenant) as session:
            with pytest.raises(StaleDecision):
                await drafts.type_message(
                    session, desk.staff, chat_id, NewMessage(parts=["4 EUR"], chat_version=version), desk.settings
                )


class TestRewriteAndReject:
    async def test_the_present_draft_stays_until_the_new_one_is_there(self, desk: Desk) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        draft = await desk.draft_for(chat_id, "Tea costs 4 EUR.")
        async with desk.db.unit_of_work(desk.tenant) as session:
            await drafts.rewrite(session, desk.staff, draft.id, Rewrite(**seen(draft), hint="shorter"), desk.settings)
        assert (await desk.pending(chat_id)).id == draft.id
        claimed = await desk.claim(chat_id)
        assert (claimed.reason, claimed.hint, claimed.parent_draft_id) == (RunReason.REWRITE, "shorter", draft.id)
        await desk.store(claimed, "4 EUR.")
        newer = await desk.pending(chat_id)
        assert (newer.parts, newer.parent_id) == (["4 EUR."], draft.id)

    async def test_a_rejected_draft_is_over(self, desk: Desk) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        draft = await desk.draft_for(chat_id, "Tea costs 4 EUR.")
        async with desk.db.unit_of_work(desk.tenant) as session:
            await drafts.reject(session, desk.staff, draft.id, Reject(**seen(draft), reason="tone"))
        with pytest.raises(StaleDecision):
            await desk.approve(draft)


class TestExpiry:
    async def test_a_draft_that_nobody_decides_ends_by_itself(self, desk: Desk) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        draft = await desk.draft_for(chat_id, "Tea costs 4 EUR.")
        resources = Resources(Settings(), desk.db)
        await expire_draft(resources, desk.tenant, draft.id)
        assert (await desk.pending(chat_id)).id == draft.id, "its time is not over"
        async with desk.db.unit_of_work(desk.tenant) as session:
            await session.execute(text("update drafts set expires_at = now() - interval '1 second'"))
        await expire_draft(resources, desk.tenant, draft.id)
        assert [d.status for d in await desk.all(Draft, chat_id=chat_id)] == [DraftStatus.EXPIRED]
        with pytest.raises(StaleDecision):
            await desk.approve(draft)


class TestInterleavings:
    """Two real connections, every order: whichever comes first, no draft waits on a chat that has moved."""

    @pytest.mark.parametrize("turn", range(8))
    async def test_storing_a_draft_against_a_new_message(self, desk: Desk, turn: int) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        claimed = await desk.claim(chat_id)
        acts = [desk.store(claimed, "Tea costs 4 EUR."), desk.customer_writes("And coffee?", chat_id)]
        await asyncio.gather(*(acts if turn % 2 else reversed(acts)))
        version = (await desk.chat(chat_id)).version
        waiting = [d for d in await desk.all(Draft, chat_id=chat_id) if d.status == DraftStatus.PENDING]
        assert all(d.chat_version == version for d in waiting)
        assert [r.state for r in await desk.all(DraftRun, chat_id=chat_id)].count(RunState.DUE) == 1

    @pytest.mark.parametrize("turn", range(8))
    async def test_approving_against_a_new_message_and_an_edit(self, desk: Desk, turn: int) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        draft = await desk.draft_for(chat_id, "Tea costs 4 EUR.")

        async def edit() -> None:
            async with desk.db.unit_of_work(desk.tenant) as session:
                await drafts.edit(session, desk.staff, draft.id, Edit(**seen(draft), parts=["It is 4 EUR."]))

        acts: list[Any] = [desk.approve(draft), desk.customer_writes("And coffee?", chat_id), edit()]
        order = acts[turn % 3 :] + acts[: turn % 3]
        answers = await asyncio.gather(*order, return_exceptions=True)
        assert all(not isinstance(answer, Exception) or isinstance(answer, StaleDecision) for answer in answers)
        sends = await desk.all(Send, chat_id=chat_id)
        assert all(s.text == "Tea costs 4 EUR." for s in sends), "a text that was not approved got into the outbox"
        assert await desk.next() is None or (await desk.chat(chat_id)).version == sends[0].chat_version


class TestClaims:
    async def test_two_workers_and_one_run(self, desk: Desk) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        run = (await desk.all(DraftRun, chat_id=chat_id))[0]

        async def claim() -> ClaimedRun | None:
            async with desk.db.unit_of_work(desk.tenant) as session:
                return await runs.claim_run(session, run.id, new_id(), 20)

        claims = await asyncio.gather(*(claim() for _ in range(10)))
        assert sum(c is not None for c in claims) == 1

    async def test_a_silent_worker_is_followed_and_its_late_result_counts_for_nothing(self, desk: Desk) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        run = (await desk.all(DraftRun, chat_id=chat_id))[0]
        async with desk.db.unit_of_work(desk.tenant) as session:
            first = await runs.claim_run(session, run.id, new_id(), -1)
        async with desk.db.unit_of_work(desk.tenant) as session:
            second = await runs.claim_run(session, run.id, new_id(), 20)
        assert first is not None
        assert second is not None
        assert second.resumed
        assert await desk.store(first, "Late.") is None
        assert await desk.store(second, "Tea costs 4 EUR.") == DraftStatus.PENDING
        assert (await desk.pending(chat_id)).parts == ["Tea costs 4 EUR."]

    async def test_a_run_that_kills_its_workers_ends_with_a_reason(self, desk: Desk) -> None:
        chat_id = await desk.customer_writes("How much is tea?")
        run = (await desk.all(DraftRun, chat_id=chat_id))[0]
        for _ in range(runs.MAX_ATTEMPTS + 1):
            async with desk.db.unit_of_work(desk.tenant) as session:
                await runs.claim_run(session, run.id, new_id(), -1)
        ended = (await desk.all(DraftRun, chat_id=chat_id))[0]
        assert ended.state == RunState.FAILED
        assert "3 times" in (ended.error or "")
