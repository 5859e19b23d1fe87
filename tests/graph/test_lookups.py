"""What a business's own systems know goes into the draft as a passage of its own; what they leave open is asked of staff."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from core.aal import build_aal
from core.aal.embedding import Embedders
from core.aal.language import LanguageDetector
from core.contracts.states import Verdict
from core.db.session import Database
from core.settings import AalSettings, DeskSettings
from graph.lookups import lookups_of
from graph.team import Team, build_team
from tests.graph.conftest import runner_of
from tests.graph.desk import Desk
from tests.graph.test_team import HOURS, shelf
from tests.standins.site import Site, run_site
from tools.connections import Connections

ANA = "+351 912 345 678"


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with run_site() as running:
        yield running


@pytest.fixture
def team(db: Database, tenant: UUID, site: Site) -> Team:
    connections = Connections.model_validate(
        {
            "permitted": ("127.0.0.0/8",),
            "connection": [
                {"tool": "orders", "business": str(tenant), "url": f"{site.url}/orders"},
                {"tool": "calendar", "business": str(tenant), "url": f"{site.url}/taken.ics"},
            ],
        }
    )
    embedders = Embedders(AalSettings())
    return build_team(
        build_aal(AalSettings()),
        LanguageDetector(),
        lambda _: shelf(HOURS),
        lambda run: lookups_of(run, db, embedders, connections),
    )


async def test_the_state_of_the_customers_order_is_said_and_cited(
    app_engine: AsyncEngine, db: Database, desk: Desk, team: Team, site: Site
) -> None:
    order = {"number": "A-20311", "phone": ANA, "status": "left our warehouse", "expected_on": "2026-11-27"}
    site.bodies["/orders"] = json.dumps({"orders": [order]}).encode()
    await desk.change_chat(title=ANA)
    runner = runner_of(app_engine, db, DeskSettings(quiet_seconds=0), team.agents_for)
    await desk.says("my order number is A-20311")
    await runner.run(desk.tenant, await desk.asks("where is my order?"))
    draft = await desk.draft()
    assert "left our warehouse" in " ".join(draft.parts)
    assert "27 November 2026" in " ".join(draft.parts)
    assert (draft.missing, draft.check and draft.check["verdict"]) == ([], Verdict.PASS)
    assert "number=A-20311" in site.asked[0]
    cited = [passage for passage in await desk.passages(draft.id) if passage.cited]
    assert [passage.source_title for passage in cited] == ["Order system"]


@pytest.mark.parametrize(("title", "status"), [("Ana", 200), (ANA, 503)], ids=["whose it is", "no answer"])
async def test_what_is_left_open_goes_to_staff_and_says_nothing(
    title: str, status: int, app_engine: AsyncEngine, db: Database, desk: Desk, team: Team, site: Site
) -> None:
    order = {"number": "A-20311", "phone": ANA, "status": "returned to sender"}
    site.bodies["/orders"], site.status["/orders"] = json.dumps({"orders": [order]}).encode(), status
    await desk.change_chat(title=title)
    runner = runner_of(app_engine, db, DeskSettings(quiet_seconds=0), team.agents_for)
    await runner.run(desk.tenant, await desk.asks("Where is my order A-20311?"))
    draft = await desk.draft()
    assert "returned" not in " ".join(draft.parts)
    assert any("order" in line for line in draft.missing)
    assert draft.confidence == 0


async def test_a_question_for_the_knowledge_asks_no_system(
    app_engine: AsyncEngine, db: Database, desk: Desk, team: Team, site: Site
) -> None:
    runner = runner_of(app_engine, db, DeskSettings(quiet_seconds=0), replace(team).agents_for)
    await runner.run(desk.tenant, await desk.asks())
    assert site.asked == []
    assert (await desk.draft()).parts
