"""`waxos bench drafts`: what a draft costs beside the provider, from the claim to the deleted checkpoints, on a database of its own."""

import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import UUID

import structlog
import typer
from sqlalchemy import func

from agents.ports import Previous
from core.contracts.ids import new_id
from core.contracts.reasoning import (
    AiCall,
    CheckReport,
    Claim,
    Conversation,
    DraftProposal,
    HumanReply,
    Passage,
    Retrieval,
    ToneProfile,
)
from core.contracts.states import DraftStatus, RunReason, Verdict
from core.contracts.texts import text_sha256
from core.db.session import Database, Effects, create_engine
from core.errors import WaxosError
from core.settings import DeskSettings
from domain.accounts.models import Tenant
from domain.channels.models import Channel
from domain.chats.models import Chat, Message
from domain.chats.repository import lock_chat
from domain.drafts import runs
from domain.drafts.runs import ClaimedRun
from evals.database import fresh_database
from graph.context import Agents
from graph.runner import Runner
from graph.runs import DomainRuns

WARM_UP = 5
LIMIT_P95_MS = 60.0
_FACT = "On Saturday we are open from 9 to 13."


class InstantAgents:
    """Agents that answer at once: whatever a run takes with them is the graph's own work."""

    def __init__(self) -> None:
        source = new_id()
        self._passages = [
            Passage(
                id=new_id(), source_id=source, source_title="Hours", text=f"{_FACT} {'More of it. ' * 40}", score=0.9
            )
            for _ in range(6)
        ]

    async def agents_for(self, run: ClaimedRun) -> Agents:  # noqa: ARG002 - the same for every run
        """Return the four."""
        return Agents(self, self, self, self)

    async def retrieve(self, conversation: Conversation) -> Retrieval:
        """Return six passages of ordinary length."""
        return Retrieval(query=conversation.burst_text(), passages=self._passages, floor=0.5)

    async def draft(
        self,
        conversation: Conversation,  # noqa: ARG002
        retrieval: Retrieval,
        tone: ToneProfile,  # noqa: ARG002
        previous: Previous | None = None,  # noqa: ARG002
    ) -> tuple[DraftProposal, list[AiCall]]:
        """Return one fact and the row of one call."""
        claim = Claim(text=_FACT, passage_ids=[retrieval.passages[0].id])
        return DraftProposal(parts=[_FACT], claims=[claim], confidence=0.9), [_call("draft")]

    async def humanize(
        self,
        conversation: Conversation,  # noqa: ARG002
        proposal: DraftProposal,
        tone: ToneProfile,  # noqa: ARG002
    ) -> tuple[HumanReply, list[AiCall]]:
        """Return the fact with a greeting and the row of one call."""
        return HumanReply(parts=[f"Hello! {part}" for part in proposal.parts]), [_call("humanize")]

    async def check(
        self,
        conversation: Conversation,  # noqa: ARG002
        parts: Sequence[str],
        claims: Sequence[Claim],  # noqa: ARG002
        passages: Sequence[Passage],  # noqa: ARG002
        tone: ToneProfile | None = None,  # noqa: ARG002
    ) -> CheckReport:
        """Pass the text."""
        return CheckReport(verdict=Verdict.PASS, score=1.0, text_sha256=text_sha256(parts), checker_version="bench")


def drafts(
    rounds: Annotated[int, typer.Option(min=5, max=2000, help="How many drafts to make, one after another.")] = 60,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line: metric and value.")] = False,
) -> None:
    """Measure our own work per draft with agents that answer at once, checkpoints included, on a Postgres of its own."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    for metric, value in asyncio.run(_measure(rounds)).items():
        typer.echo(json.dumps({"metric": metric, "value": value}) if as_json else f"{metric:<32}{value:>10.1f}")


async def _measure(rounds: int) -> dict[str, float]:
    rules = DeskSettings(quiet_seconds=0)
    async with _database() as db:
        tenant_id = await _tenant(db)
        runner = Runner(db.engine, DomainRuns(db, rules), InstantAgents().agents_for, rules)
        walls: list[float] = []
        cpus: list[float] = []
        for _ in range(WARM_UP + rounds):
            run_id = await _asked(db, tenant_id, rules)
            wall, cpu = time.perf_counter(), time.process_time()
            outcome = await runner.run(tenant_id, run_id)
            walls.append((time.perf_counter() - wall) * 1000)
            cpus.append((time.process_time() - cpu) * 1000)
            if outcome != DraftStatus.PENDING:
                raise WaxosError(f"a run of the benchmark ended as {outcome} instead of pending")
    walls, cpus = walls[WARM_UP:], cpus[WARM_UP:]
    return {
        "draft_overhead_ms_p50": round(statistics.median(walls), 2),
        "draft_overhead_ms_p95": round(statistics.quantiles(walls, n=20, method="inclusive")[-1], 2),
        "draft_overhead_cpu_ms_p50": round(statistics.median(cpus), 2),
        "draft_overhead_ms_p95_limit": LIMIT_P95_MS,
        "drafts": float(rounds),
    }


@asynccontextmanager
async def _database() -> AsyncIterator[Database]:
    """Yield units of work on a fresh, durable Postgres that is gone afterwards."""
    with fresh_database() as server:
        db = Database(create_engine(server.app_url), Effects())
        yield db
        await db.close()


async def _tenant(db: Database) -> UUID:
    tenant_id = new_id()
    async with db.unit_of_work(tenant_id) as session:
        session.add(Tenant(id=tenant_id, name="Bench"))
    return tenant_id


async def _asked(db: Database, tenant_id: UUID, rules: DeskSettings) -> UUID:
    """Make a chat in which a customer has asked something after a short talk, and return the run that is due."""
    channel_id, chat_id = new_id(), new_id()
    async with db.unit_of_work(tenant_id) as session:
        session.add(Channel(tenant_id=tenant_id, id=channel_id, kind="sandbox", name="Bench"))
        await session.flush()
        session.add(Chat(tenant_id=tenant_id, id=chat_id, channel_id=channel_id, title="Customer", next_seq=10))
        await session.flush()
        for seq in range(1, 10):
            inbound = seq % 2 == 1
            session.add(
                Message(
                    tenant_id=tenant_id,
                    chat_id=chat_id,
                    channel_id=channel_id,
                    seq=seq,
                    direction="in" if inbound else "out",
                    origin="customer" if inbound else "desk",
                    kind="text",
                    text="When do you open on Saturday, and where can I park?",
                    received_at=func.now(),
                    wa_at=func.now(),
                )
            )
    async with db.unit_of_work(tenant_id) as session:
        chat = await lock_chat(session, chat_id)
        return (await runs.schedule(session, chat, rules, reason=RunReason.INBOUND, quiet=False)).id


def _call(purpose: str) -> AiCall:
    return AiCall(id=new_id(), purpose=purpose, provider="none", model="instant")
