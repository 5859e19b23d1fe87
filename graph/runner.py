"""Runs one run: claim it, think, keep the claim alive meanwhile, end it with a draft or with a reason that staff can read.

The graph is compiled once; each run gets a copy of it with a checkpointer of its own tenant. A worker that dies leaves its claim to
run out; the next one goes on at the last checkpoint, or from the start where the graph has changed since.
"""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

import structlog
from langchain_core.runnables import RunnableConfig
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from core.aal.language import LanguageDetector
from core.contracts.ids import new_id
from core.contracts.reasoning import AiCall
from core.errors import WaxosError
from core.settings import DeskSettings
from domain.drafts.runs import ClaimedRun
from graph.build import Draft, build_graph, graph_version
from graph.checkpoint import TenantSaver, thread_of
from graph.context import AgentsFor, RunContext, RunStore
from graph.errors import ClaimLost
from graph.state import State

log = structlog.get_logger(__name__)

BEATS_PER_LEASE = 3
"""Two heartbeats may fail before a claim is lost."""

CHECK_SHARE = 0.4
"""Part of a run's time that the checker may take."""


@dataclass(frozen=True, slots=True)
class _InHand:
    """A claimed run and what gathers around it: `storing` is set, and `calls` filled, by the nodes."""

    run: ClaimedRun
    saver: TenantSaver
    begun: float
    storing: asyncio.Event = field(default_factory=asyncio.Event)
    calls: list[AiCall] = field(default_factory=list)


@dataclass(slots=True)
class Runner:
    """The graph and all it needs, one a process. `run` may be called for many runs at once."""

    engine: AsyncEngine
    store: RunStore
    agents_for: AgentsFor
    desk: DeskSettings
    detector: LanguageDetector = field(default_factory=LanguageDetector)
    _graph: Draft = field(init=False)
    _version: str = field(init=False)

    def __post_init__(self) -> None:
        self._graph = build_graph().compile()
        self._version = graph_version(self._graph)

    async def run(self, tenant_id: UUID, run_id: UUID) -> str | None:
        """Do one run to its end and return its outcome; None where it is not due, done already, or in another worker's hands.

        The outcome is a `DraftStatus`, `nothing` or `failed`. Being cancelled leaves the run to the next worker.
        """
        begun = time.perf_counter()
        claimed = await self.store.claim(tenant_id, run_id, new_id(), self.desk.run_lease_seconds)
        if claimed is None:
            await self.store.forget_finished(tenant_id)
            return None
        saver = TenantSaver(self.engine, tenant_id, fresh=claimed.attempt <= 1)
        outcome = await self._settle(_InHand(claimed, saver, begun))
        total = round((time.perf_counter() - begun) * 1000, 1)
        log.info("run.ended", run_id=str(run_id), outcome=outcome, attempt=claimed.attempt, total_ms=total)
        return outcome

    async def _settle(self, hand: _InHand) -> str | None:
        """Turn every way in which a run can end into a row."""
        run = hand.run
        try:
            async with asyncio.timeout(self.desk.run_seconds):
                outcome = await self._keep_claim(hand)
        except ClaimLost:
            log.warning("run.claim_lost", run_id=str(run.id))
            await self.store.record(run, hand.calls)
            return None
        except TimeoutError:
            outcome = await self._fail(hand, f"No draft was ready after {self.desk.run_seconds:g} seconds.")
        except WaxosError as error:
            outcome = await self._fail(hand, " ".join(filter(None, (error.detail, error.hint))))
        except Exception:
            log.exception("run.broke", run_id=str(run.id))
            outcome = await self._fail(
                hand, f"A fault in WAXOS stopped this draft; the log has the details (run {run.id})."
            )
        if run.resumed or hand.saver.has_written:
            await hand.saver.adelete_thread(thread_of(run.tenant_id, run.id))
        return outcome

    async def _keep_claim(self, hand: _InHand) -> str:
        """Think under a heartbeat: a claim that is lost before the result is being stored ends the thought."""
        work = asyncio.create_task(self._think(hand))
        beat = asyncio.create_task(self._beat(hand.run, hand.storing))
        try:
            await asyncio.wait({work, beat}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done() and not beat.result():
                raise ClaimLost("The claim ran out while the run was in hand.")
            return await work
        finally:
            work.cancel()
            beat.cancel()
            await asyncio.gather(work, beat, return_exceptions=True)

    async def _beat(self, claimed: ClaimedRun, storing: asyncio.Event) -> bool:
        """Renew the lease until the result is being stored, which looks at the claim itself; False where the claim was lost.

        A database that does not answer just now is asked again.
        """
        lease = self.desk.run_lease_seconds
        kept = True
        while kept and not storing.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(storing.wait(), lease / BEATS_PER_LEASE)
                break
            try:
                kept = await self.store.heartbeat(claimed, lease)
            except SQLAlchemyError as error:
                log.warning("run.heartbeat_failed", run_id=str(claimed.id), error=type(error).__name__)
        return kept or storing.is_set()

    async def _think(self, hand: _InHand) -> str:
        run = hand.run
        graph = self._graph.copy({"checkpointer": hand.saver})
        config: RunnableConfig = {
            "configurable": {"thread_id": thread_of(run.tenant_id, run.id)},
            "recursion_limit": 20,
        }
        context = RunContext(
            run=run,
            agents=await self.agents_for(run),
            detector=self.detector,
            store=self.store,
            begun=hand.begun,
            storing=hand.storing,
            check_seconds=self.desk.run_seconds * CHECK_SHARE,
            calls=hand.calls,
        )
        start = await self._start(graph, config, hand)
        state = await graph.ainvoke(start, config, context=context, durability="sync")
        return str(state["outcome"])

    async def _start(self, graph: Draft, config: RunnableConfig, hand: _InHand) -> State | None:
        """Return None to go on at the last checkpoint, else the first state; what was paid for before counts either way."""
        first: State = {"graph_version": self._version}
        if hand.run.attempt <= 1:
            return first
        found = await graph.aget_state(config)
        hand.calls.extend(AiCall.model_validate(call) for call in found.values.get("calls", ()))
        if found.next and found.values.get("graph_version") == self._version:
            log.info("run.resumed", run_id=str(hand.run.id), at=list(found.next))
            return None
        await hand.saver.adelete_thread(thread_of(hand.run.tenant_id, hand.run.id))
        return first

    async def _fail(self, hand: _InHand, reason: str) -> str:
        await self.store.fail(hand.run, reason, hand.calls)
        return "failed"
