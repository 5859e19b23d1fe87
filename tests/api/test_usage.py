"""The AI budget, its costs and its providers over HTTP: who may read and who may change them."""

import asyncio

from core.contracts.ids import new_id
from core.contracts.reasoning import AiCall
from core.contracts.usage import AiDataUse
from core.db.session import Database
from core.jobs.ask import serve_answers
from core.jobs.registry import Registry, Resources
from core.settings import AalSettings
from domain.usage import providers
from domain.usage import service as usage
from tests.api.conftest import Business, Server
from tests.core.aal.conftest import CANARY, link


async def test_the_budget_is_read_by_admins_and_set_by_the_owner_over_the_version_that_was_seen(
    behind: Database, business: Business, other_business: Business
) -> None:
    call = AiCall(id=new_id(), purpose="draft", provider="groq", model="m", cost_micro=900, price_version="now")
    async with behind.unit_of_work(business.tenant_id) as session:
        await usage.record_calls(session, business.tenant_id, None, None, [call])
    first = (await business.ask(business.owner, "GET", "/usage/budget")).json()
    assert (first["house_micro"], first["limit_micro"], first["state"], first["version"]) == (900, 20_000_000, "ok", 0)
    body = {"monthly_micro": 1000, "version": 0}
    assert (await business.ask(business.staff, "GET", "/usage/budget")).status_code == 403
    assert (await business.ask(business.staff, "PUT", "/usage/budget", json=body)).status_code == 403
    changed = await business.ask(business.owner, "PUT", "/usage/budget", json=body)
    assert (changed.json()["state"], changed.json()["version"]) == ("warned", 1)
    assert (await business.ask(business.owner, "PUT", "/usage/budget", json=body)).status_code == 409
    costs = (await business.ask(business.owner, "GET", "/usage/costs")).json()
    assert (costs["calls"], costs["cost_micro"], costs["cost_per_draft_micro"]) == (1, 900, None)
    theirs = (await other_business.ask(other_business.owner, "GET", "/usage/budget")).json()
    assert (theirs["house_micro"], theirs["limit_micro"]) == (0, 20_000_000)


async def test_who_reads_customers_words_is_told_by_a_worker_and_ruled_by_the_owner(
    server: Server, behind: Database, business: Business
) -> None:
    assert (await business.ask(business.owner, "GET", "/usage/providers")).status_code == 503
    settings = server.settings.model_copy(
        update={"aal": AalSettings(chain=[link(name, "http://127.0.0.1:9") for name in ("bytez", "groq")])}
    )
    registry = Registry()
    providers.register(registry)
    assert settings.redis_url is not None
    worker = asyncio.create_task(
        serve_answers(settings.redis_url.get_secret_value(), registry, Resources(settings, behind))
    )
    try:
        answer = await business.ask(business.owner, "GET", "/usage/providers")
        assert CANARY not in answer.text
        found = AiDataUse.model_validate_json(answer.text)
        assert [(one.title, one.used) for one in found.providers] == [("Bytez", False), ("Groq", True)]
        assert found.providers[0].why_not == "it is not known that it does not train"
        body = {"training": True, "zero_retention": False, "providers_chosen": None, "version": 0}
        assert (await business.ask(business.staff, "PUT", "/usage/providers", json=body)).status_code == 403
        changed = AiDataUse.model_validate_json(
            (await business.ask(business.owner, "PUT", "/usage/providers", json=body)).text
        )
        assert [one.used for one in changed.providers] == [True, True]
        assert changed.version == 1
    finally:
        worker.cancel()
