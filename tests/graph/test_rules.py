"""A business's rules hold in its runs: who may read its customers' words, and that a spent budget asks nobody."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from core.aal import build_aal
from core.aal.language import LanguageDetector
from core.contracts.ids import TenantId, new_id
from core.contracts.policies import AiBudgetPolicy, DataUsePolicy, Policy
from core.contracts.principal import Principal
from core.contracts.reasoning import AiCall
from core.contracts.states import DraftStatus, Role
from core.db.session import Database
from core.settings import AalSettings, DeskSettings
from domain.drafts.runs import ClaimedRun
from domain.policies import service as policies
from domain.usage.service import record_calls
from domain.usage.spending import AiRules, ai_rules
from graph.team import build_team
from tests.core.aal.conftest import link
from tests.graph.conftest import runner_of
from tests.graph.desk import Desk
from tests.graph.test_team import shelf
from tests.standins.provider import ProviderStandin, run_provider

QUESTION = "When are you open on Saturday?"


@pytest.fixture(scope="module")
async def provider() -> AsyncIterator[ProviderStandin]:
    async with run_provider() as running:
        yield running


async def test_rules_filter_before_fallback_and_a_spent_budget_leaves_the_business_its_own_sentences(
    provider: ProviderStandin, app_engine: AsyncEngine, db: Database, desk: Desk
) -> None:
    async def rules_for(run: ClaimedRun) -> AiRules:
        async with db.unit_of_work(run.tenant_id) as session:
            return await ai_rules(session)

    chain = [link(name, provider.base_url(name)) for name in ("gemini", "groq")]
    found = shelf("On Saturday we are open from 9:00 to 13:00.")
    team = build_team(
        build_aal(AalSettings(chain=chain, attempt_seconds=30)),
        LanguageDetector(),
        lambda _: found,
        rules_for=rules_for,
    )
    runner = runner_of(app_engine, db, DeskSettings(quiet_seconds=0), team.agents_for)
    owner = Principal(TenantId(desk.tenant), new_id(), Role.OWNER)

    async def asked(policy: Policy | None) -> set[str]:
        """Return who was asked for one draft under the rules as they stand, and see that there is one."""
        if policy is not None:
            async with db.unit_of_work(desk.tenant) as session:
                await policies.write(session, owner, policy, (await policies.read(session, type(policy))).version)
        provider.journal.clear()
        chat = await desk.another_chat()
        assert await runner.run(desk.tenant, await chat.asks(QUESTION)) == DraftStatus.PENDING
        assert "9:00 to 13:00" in "\n".join((await chat.draft()).parts)
        return {request.vendor for request in provider.journal}

    assert await asked(None) == {"groq"}
    assert await asked(DataUsePolicy(training=True)) == {"gemini"}
    assert await asked(DataUsePolicy(providers=["bytez"])) == set()
    assert await asked(DataUsePolicy()) == {"groq"}
    assert await asked(AiBudgetPolicy(monthly_micro=1)) == set()  # the calls above have cost more
    assert await asked(AiBudgetPolicy(monthly_micro=20_000_000)) == {"groq"}
    dear = AiCall(id=new_id(), purpose="draft", provider="groq", model="m", cost_micro=20_000_000, price_version="now")
    async with db.unit_of_work(desk.tenant) as session:
        await record_calls(session, desk.tenant, None, None, [dear])
    assert await asked(None) == set()
