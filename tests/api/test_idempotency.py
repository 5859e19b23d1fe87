"""A repeated act gets the answer of the first, whatever Redis does."""

import asyncio
from collections.abc import Awaitable

import pytest

from api.idempotency import _Act
from core.contracts.ids import new_id
from core.db.session import Database
from tests.api.conftest import V1, Business, Server, decision, open_business, serving


async def test_fifty_clicks_are_one_act_and_one_answer(business: Business, behind: Database) -> None:
    chat_id = await business.customer_writes("What does tea cost?")
    draft = await business.draft(behind, chat_id, "Tea costs 4 EUR.")
    headers = {"Idempotency-Key": str(new_id())}
    path, body = f"{V1}/drafts/{draft['id']}/approve", decision(draft)
    async with business.staff as staff:
        answers = await asyncio.gather(*(staff.post(path, json=body, headers=headers) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert len(answers[0].json()["send_ids"]) == 1


async def test_clicks_for_which_redis_is_too_slow_get_the_answer_of_the_first(
    business: Business, behind: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis notes each, and its answer comes too late to be heard; from then on it answers again."""
    tried, unheard = _Act._try, list[_Act]()

    async def late(act: _Act, command: Awaitable[object], seconds: float = 1.0) -> object:
        found = await tried(act, command, seconds)
        if any(one is act for one in unheard):
            return found
        unheard.append(act)
        act.reachable = False
        return None

    chat_id = await business.customer_writes("What does cake cost?")
    draft = await business.draft(behind, chat_id, "Cake costs 3 EUR.")
    headers = {"Idempotency-Key": str(new_id())}
    path, body = f"{V1}/drafts/{draft['id']}/approve", decision(draft)
    with monkeypatch.context() as patched:
        patched.setattr(_Act, "_try", late)
        async with business.staff as staff:
            answers = await asyncio.gather(*(staff.post(path, json=body, headers=headers) for _ in range(5)))
    assert [answer.status_code for answer in answers] == [200] * 5
    assert len({answer.text for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1


async def test_without_or_with_other_keys_the_second_one_is_stale(business: Business, behind: Database) -> None:
    chat_id = await business.customer_writes("What does water cost?")
    draft = await business.draft(behind, chat_id, "Water is free.")
    path, body = f"/drafts/{draft['id']}/approve", decision(draft)
    answers = await asyncio.gather(
        *(
            business.ask(
                business.staff, "POST", path, json=body, headers={"Idempotency-Key": str(new_id())} if n % 2 else {}
            )
            for n in range(10)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 9


async def test_a_key_belongs_to_its_body_its_address_and_its_caller(business: Business) -> None:
    headers = {"Idempotency-Key": str(new_id())}
    first = await business.ask(
        business.owner, "POST", "/channels", json={"kind": "sandbox", "name": "A"}, headers=headers
    )
    again = await business.ask(
        business.owner, "POST", "/channels", json={"kind": "sandbox", "name": "A"}, headers=headers
    )
    assert (again.status_code, again.json()) == (201, first.json())
    changed = await business.ask(
        business.owner, "POST", "/channels", json={"kind": "sandbox", "name": "B"}, headers=headers
    )
    assert (changed.status_code, changed.json()["code"]) == (422, "key_reused")
    elsewhere = await business.ask(
        business.owner, "POST", "/devices/pairings", json={"channel_id": first.json()["id"]}, headers=headers
    )
    assert elsewhere.status_code == 201
    somebody = await business.ask(
        business.staff, "POST", "/channels", json={"kind": "sandbox", "name": "A"}, headers=headers
    )
    assert somebody.status_code == 403
    listed = (await business.ask(business.owner, "GET", "/channels")).json()["items"]
    assert sum(item["name"] == "A" for item in listed) == 1


async def test_a_refused_act_may_be_tried_again_with_its_key_once_it_is_allowed(business: Business) -> None:
    headers, body = {"Idempotency-Key": str(new_id())}, {"kind": "sandbox", "name": "Later"}
    assert (await business.ask(business.staff, "POST", "/channels", json=body, headers=headers)).status_code == 403
    assert (await business.ask(business.staff, "POST", "/channels", json=body, headers=headers)).status_code == 403


async def test_acts_go_on_while_redis_is_away(server: Server, behind: Database) -> None:
    settings = server.settings.model_copy(update={"redis_url": _nowhere(server)})
    async with serving(settings) as alone:
        shop = await open_business(alone, behind, "Without Redis")
        headers = {"Idempotency-Key": str(new_id())}
        made = await shop.ask(shop.owner, "POST", "/channels", json={"kind": "sandbox", "name": "A"}, headers=headers)
        assert made.status_code == 201
        chat_id = await shop.customer_writes("Hello?")
        context = await shop.ask(shop.staff, "GET", f"/chats/{chat_id}/context", params={"wait_ms": 100})
        assert context.status_code == 200
        async with alone.client() as anybody:
            ready = await anybody.get("/ready")
            assert (ready.status_code, ready.json()["checks"]["database"]) == (503, "ok")
            assert "does not answer" in ready.json()["checks"]["redis"]
            assert (await anybody.get("/health")).status_code == 200


def _nowhere(server: Server) -> object:
    assert server.settings.redis_url is not None
    return type(server.settings.redis_url)("redis://127.0.0.1:1/0")
