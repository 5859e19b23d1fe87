"""What a run leaves in the database, and what changes there when an agent is taken away."""

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from agents.ports import Previous
from core.aal.errors import NoProviderAnswered
from core.contracts.ids import new_id
from core.contracts.reasoning import AiCall
from core.contracts.states import DraftStatus, MessageKind, RunReason, RunState, Verdict
from core.contracts.texts import text_sha256
from core.db.session import Database
from core.errors import ProviderError
from core.settings import DeskSettings
from domain.byok.models import OwnerDraft
from domain.channels.models import Channel
from graph.checkpoint import TenantSaver, thread_of
from graph.runner import Runner
from graph.state import State
from tests.graph.conftest import runner_of
from tests.graph.desk import Desk, checkpoint_rows
from tests.graph.scripted import PASSAGE, ScriptedAgents


async def test_question_becomes_a_pending_draft_with_sources(
    desk: Desk, runner: Runner, agents: ScriptedAgents, admin: AsyncEngine
) -> None:
    agents.provider_ms = 5
    run_id = await desk.asks()

    assert await runner.run(desk.tenant, run_id) == DraftStatus.PENDING

    draft = await desk.draft()
    assert draft.parts == ["Hello! On Saturday we are open from 9 to 13."]
    assert draft.text_sha256 == text_sha256(draft.parts)
    assert draft.check is not None
    assert draft.check["verdict"] == Verdict.PASS
    assert (draft.provider, draft.model, draft.language) == ("scripted", "m1", None)
    (passage,) = await desk.passages(draft.id)
    assert (passage.passage_id, passage.cited) == (PASSAGE.id, True)
    run = await desk.run(run_id)
    assert (run.state, run.draft_id, run.error) == (RunState.DONE, draft.id, None)
    assert run.timings_ms["provider"] == 10
    assert {"triage", "retrieve", "draft", "humanize", "check", "own"} <= run.timings_ms.keys()
    assert [(call.purpose, call.run_id) for call in await desk.ai_calls()] == [
        ("draft", run_id),
        ("humanize", run_id),
    ]
    assert await checkpoint_rows(admin, desk.tenant) == 0
    assert await runner.run(desk.tenant, run_id) is None
    assert len(await desk.drafts()) == 1


async def test_empty_retriever_means_not_known(desk: Desk, runner: Runner, agents: ScriptedAgents) -> None:
    agents.passages = []
    await runner.run(desk.tenant, await desk.asks("Do you sell boats?"))

    draft = await desk.draft()
    assert (draft.parts, draft.missing, draft.check) == ([], ["Do you sell boats?"], None)
    assert not agents.turns["humanize"]


async def test_humanizer_is_what_changes_the_text(desk: Desk, runner: Runner, agents: ScriptedAgents) -> None:
    agents.voice = "{}"
    await runner.run(desk.tenant, await desk.asks())
    assert (await desk.draft()).parts == [PASSAGE.text]


async def test_checker_marks_a_planted_claim_and_one_that_always_passes_does_not(
    desk: Desk, runner: Runner, agents: ScriptedAgents
) -> None:
    planted = "We are open until 22."
    agents.replies = [planted, planted]
    await runner.run(desk.tenant, await desk.asks())
    marked = (await desk.draft()).check
    assert marked is not None
    assert (marked["verdict"], [f["reason"] for f in marked["findings"]]) == ("needs_staff", ["22 is in no source"])  # type: ignore[attr-defined]

    agents.checks, agents.replies = False, [planted]
    blind = await desk.another_chat()
    await runner.run(desk.tenant, await blind.asks())
    unmarked = (await blind.draft()).check
    assert unmarked is not None
    assert unmarked["verdict"] == Verdict.PASS


@pytest.mark.parametrize(
    ("replies", "stored", "verdict"),
    [
        (["Until 22.", "From 9 to 13."], "Hello! From 9 to 13.", Verdict.PASS),
        (["Until 22.", "Until 23.", "From 9 to 13."], "Hello! Until 23.", Verdict.NEEDS_STAFF),
    ],
    ids=["mended", "still wrong"],
)
async def test_one_repair_with_the_checkers_reasons(
    desk: Desk, runner: Runner, agents: ScriptedAgents, replies: list[str], stored: str, verdict: Verdict
) -> None:
    agents.replies = replies
    await runner.run(desk.tenant, await desk.asks())

    draft = await desk.draft()
    assert draft.check is not None
    assert (draft.parts, draft.check["verdict"]) == ([stored], verdict)
    assert agents.previous == [None, Previous(["Hello! Until 22."], ["22 is in no source"])]
    assert agents.turns["draft"] == agents.turns["check"] == 2


async def test_rewrite_carries_the_hint(desk: Desk, runner: Runner, agents: ScriptedAgents) -> None:
    await runner.run(desk.tenant, await desk.asks())
    parent = await desk.draft()
    run_id = await desk.due(RunReason.REWRITE, hint="shorter", parent_draft_id=parent.id)
    await runner.run(desk.tenant, run_id)

    assert agents.previous[-1] == Previous(parent.parts, [], "shorter")
    old, new = await desk.drafts()
    assert (old.status, new.status, new.parent_id) == (DraftStatus.SUPERSEDED, DraftStatus.PENDING, parent.id)


@pytest.mark.parametrize("agent", ["retrieve", "draft", "humanize"])
@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ProviderError("No AI provider answered.", hint="Look at the providers."), "No AI provider answered. Look at the providers."),
        (KeyError("secret text of a customer"), "A fault in WAXOS stopped this draft"),
    ],
    ids=["provider", "bug"],
)  # fmt: skip
async def test_agent_that_raises_fails_the_run_with_a_reason(
    desk: Desk, runner: Runner, agents: ScriptedAgents, admin: AsyncEngine, agent: str, error: Exception, told: str
) -> None:
    agents.raises, agents.provider_ms = {agent: error}, 1
    run_id = await desk.asks()
    assert await runner.run(desk.tenant, run_id) == "failed"

    run = await desk.run(run_id)
    assert run.state == RunState.FAILED
    assert run.error is not None
    assert told in run.error
    assert "secret" not in run.error
    assert await desk.drafts() == []
    assert [call.purpose for call in await desk.ai_calls()] == (["draft"] if agent == "humanize" else [])
    assert await checkpoint_rows(admin, desk.tenant) == 0


async def test_checker_that_raises_or_is_late_leaves_the_text_to_staff(
    app_engine: AsyncEngine, db: Database, desk: Desk
) -> None:
    broken, late = ScriptedAgents(raises={"check": KeyError("x")}), ScriptedAgents(wait={"check": asyncio.Event()})
    rules = DeskSettings(quiet_seconds=0, run_seconds=5)
    for agents in (broken, late):
        chat = await desk.another_chat()
        run_id = await chat.asks()
        assert await runner_of(app_engine, db, rules, agents.agents_for).run(desk.tenant, run_id) == DraftStatus.PENDING
        check = (await chat.draft()).check
        assert check is not None
        assert (check["verdict"], check["checker_version"]) == (Verdict.NEEDS_STAFF, "unchecked")
        assert agents.turns["draft"] == 1


async def test_answer_that_no_provider_gave_is_billed(desk: Desk, runner: Runner, agents: ScriptedAgents) -> None:
    asked = AiCall(id=new_id(), purpose="draft", provider="scripted", model="m1", outcome="provider_limited")
    agents.raises = {"draft": NoProviderAnswered([], asked)}
    assert await runner.run(desk.tenant, await desk.asks()) == "failed"
    assert [(call.purpose, call.outcome) for call in await desk.ai_calls()] == [("draft", "provider_limited")]


async def test_steps_that_cost_nothing_are_not_kept(
    desk: Desk, runner: Runner, agents: ScriptedAgents, admin: AsyncEngine
) -> None:
    agents.wait, agents.reached = {"check": asyncio.Event()}, {"check": asyncio.Event()}
    working = asyncio.create_task(runner.run(desk.tenant, await desk.asks()))
    await agents.reached["check"].wait()
    assert await checkpoint_rows(admin, desk.tenant) == 0
    agents.wait["check"].set()
    assert await working == DraftStatus.PENDING


async def test_run_that_takes_too_long_fails(app_engine: AsyncEngine, db: Database, desk: Desk) -> None:
    agents = ScriptedAgents(wait={"draft": asyncio.Event()})
    runner = runner_of(app_engine, db, DeskSettings(quiet_seconds=0, run_seconds=1), agents.agents_for)
    run_id = await desk.asks()
    assert await runner.run(desk.tenant, run_id) == "failed"
    assert (await desk.run(run_id)).error == "No draft was ready after 1 seconds."


async def test_chat_that_moved_on_supersedes_the_draft_and_makes_a_new_run_due(
    desk: Desk, runner: Runner, agents: ScriptedAgents
) -> None:
    agents.wait, agents.reached = {"draft": asyncio.Event()}, {"draft": asyncio.Event()}
    run_id = await desk.asks()
    working = asyncio.create_task(runner.run(desk.tenant, run_id))
    await agents.reached["draft"].wait()
    await desk.says("And on Sunday?")
    agents.wait["draft"].set()

    assert await working == DraftStatus.SUPERSEDED
    assert (await desk.run(run_id)).state == RunState.SUPERSEDED
    (again,) = await desk.runs_due()
    assert await runner.run(desk.tenant, again) == DraftStatus.PENDING
    assert agents.seen[-1].burst_text().endswith("And on Sunday?")


@pytest.mark.parametrize(
    ("chat", "said", "why"),
    [
        ({"kind": "group"}, "When do you open?", "one person"),
        ({"mode": "off"}, "When do you open?", "mode off"),
        ({}, "Thanks!! 🙏", "asks nothing"),
    ],
    ids=["group", "off", "thanks"],
)
async def test_triage_ends_early_and_says_why(
    desk: Desk, runner: Runner, agents: ScriptedAgents, chat: dict[str, Any], said: str, why: str
) -> None:
    await desk.change_chat(**chat)
    run_id = await desk.asks(said)
    assert await runner.run(desk.tenant, run_id) == "nothing"

    run = await desk.run(run_id)
    assert run.state == RunState.DONE
    assert run.error is not None
    assert why in run.error
    assert await desk.drafts() == []
    assert not agents.turns["draft"]


async def test_with_the_owners_own_key_the_desk_asks_no_model_and_the_owners_computer_is_told(
    desk: Desk, runner: Runner, agents: ScriptedAgents
) -> None:
    async with desk.db.unit_of_work(desk.tenant) as session:
        await session.execute(update(Channel).values(own_key=True))
    assert await runner.run(desk.tenant, await desk.asks()) == "owner"
    assert agents.turns.keys() == {"retrieve"}
    assert await desk.drafts() == []
    assert await desk.ai_calls() == []

    # What staff ask for goes the same way, in place of the one before; thanks need no answer; a human text is checked as ever.
    assert await runner.run(desk.tenant, await desk.due(RunReason.ASKED, hint="shorter")) == "owner"
    async with desk.db.unit_of_work(desk.tenant) as session:
        rows = list(await session.scalars(select(OwnerDraft).order_by(OwnerDraft.id)))
    assert [(row.state, row.text_sha256) for row in rows] == [("superseded", None), ("waiting", None)]
    await desk.says("We open at 9.", out=True)
    assert await runner.run(desk.tenant, await desk.asks("Thanks!")) == "nothing"
    _, check = await desk.typed("On Saturday we are open from 9 to 13.")
    assert await runner.run(desk.tenant, check) in {DraftStatus.APPROVED, DraftStatus.PENDING}
    assert not agents.turns["draft"]


async def test_unreadable_message_is_named_on_the_draft(desk: Desk, runner: Runner) -> None:
    await desk.says(None, kind=MessageKind.VOICE)
    await runner.run(desk.tenant, await desk.due())
    only_voice = await desk.draft()
    assert (only_voice.parts, only_voice.unreadable) == ([], ["voice"])
    assert only_voice.missing == ["what the customer sent as voice"]

    await runner.run(desk.tenant, await desk.asks())
    both = (await desk.drafts())[-1]
    assert both.parts
    assert both.unreadable == ["voice"]


async def test_yes_to_a_question_of_ours_is_for_a_person(desk: Desk, runner: Runner) -> None:
    await desk.says("Shall we book it for you?", out=True)
    run_id = await desk.asks("thanks")
    await runner.run(desk.tenant, run_id)
    assert (await desk.run(run_id)).error == "The customer answers a question of ours; please go on from here."


@pytest.mark.parametrize(
    ("typed", "status"), [("We open at 9.", DraftStatus.APPROVED), ("We open at 7.", DraftStatus.PENDING)]
)
async def test_human_text_is_checked_and_never_rewritten(
    desk: Desk, runner: Runner, agents: ScriptedAgents, typed: str, status: DraftStatus
) -> None:
    await desk.says("When do you open?")
    draft_id, run_id = await desk.typed(typed)
    assert await runner.run(desk.tenant, run_id) == status

    draft = await desk.draft()
    assert (draft.id, draft.parts, draft.status) == (draft_id, [typed], status)
    assert typed in agents.seen[-1].burst_text()
    assert not agents.turns["draft"] + agents.turns["humanize"]


async def test_state_is_json_native(
    app_engine: AsyncEngine, desk: Desk, runner: Runner, agents: ScriptedAgents
) -> None:
    agents.replies, agents.provider_ms = ["Until 22."], 1
    agents.wait, agents.reached = {"check": asyncio.Event()}, {"check": asyncio.Event()}
    run_id = await desk.asks()
    working = asyncio.create_task(runner.run(desk.tenant, run_id))
    await agents.reached["check"].wait()
    saver = TenantSaver(app_engine, desk.tenant)
    found = await saver.aget_tuple({"configurable": {"thread_id": thread_of(desk.tenant, run_id)}})
    agents.wait["check"].set()
    await working

    assert found is not None
    values = {key: value for key, value in found.checkpoint["channel_values"].items() if key in State.__annotations__}
    assert {"conversation", "retrieval", "proposal", "parts", "calls", "timings"} <= values.keys()
    assert json.loads(json.dumps(values)) == values
