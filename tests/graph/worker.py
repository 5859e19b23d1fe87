"""A worker process that does one run with scripted agents and writes each agent's turn to a journal; hangs in the agent it is told.

Usage: worker.py <database url> <tenant> <run> <journal> [<agent to hang in>]
"""

import asyncio
import sys
from pathlib import Path
from uuid import UUID

from core.db.session import Database, Effects, create_engine
from core.settings import DeskSettings
from graph.runner import Runner
from graph.runs import DomainRuns
from tests.graph.scripted import ScriptedAgents


async def main(url: str, tenant: str, run: str, journal: str, *hang: str) -> None:
    engine = create_engine(url)
    rules = DeskSettings(quiet_seconds=0, run_lease_seconds=1)
    agents = ScriptedAgents(journal=Path(journal), provider_ms=1, wait={name: asyncio.Event() for name in hang})
    await Runner(engine, DomainRuns(Database(engine, Effects()), rules), agents.agents_for, rules).run(
        UUID(tenant), UUID(run)
    )


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
