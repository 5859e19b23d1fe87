"""A desk with one chat, runs that are due in it, and agents that say what a test wants them to say."""

import os
from uuid import UUID

os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"  # read by the library when it is first imported

import pytest
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from core.db.session import Database
from core.settings import DeskSettings
from graph.context import AgentsFor
from graph.runner import Runner
from graph.runs import DomainRuns
from tests.graph.desk import Desk
from tests.graph.scripted import ScriptedAgents


@pytest.fixture(scope="session", autouse=True)
def _plain_logs() -> None:
    """Tracebacks without local variables: the library's default prints every one of them, for half a minute."""
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.stdlib.add_log_level, plain])


@pytest.fixture
def rules() -> DeskSettings:
    """Settings with the shortest lease there is, so that a dead worker is followed at once."""
    return DeskSettings(quiet_seconds=0, run_lease_seconds=1, run_seconds=30)


@pytest.fixture
async def desk(db: Database, tenant: UUID, rules: DeskSettings) -> Desk:
    """A business with a channel and an empty chat."""
    return await Desk.open(db, tenant, rules)


@pytest.fixture
def agents() -> ScriptedAgents:
    """Agents with one passage, a plain reply, a voice, and a checker that compares numbers with the passages."""
    return ScriptedAgents()


@pytest.fixture
def runner(app_engine: AsyncEngine, db: Database, rules: DeskSettings, agents: ScriptedAgents) -> Runner:
    """A runner with the scripted agents."""
    return runner_of(app_engine, db, rules, agents.agents_for)


def runner_of(engine: AsyncEngine, db: Database, rules: DeskSettings, agents_for: AgentsFor) -> Runner:
    """Make a runner on the test's database."""
    return Runner(engine, DomainRuns(db, rules), agents_for, rules)
