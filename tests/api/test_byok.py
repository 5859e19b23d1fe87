"""Drafts with the owner's own key as the API keeps them: numbers until one is approved, and each device its own channel's."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from core.contracts.ids import new_id
from core.contracts.states import OwnerDraftState, RunState
from core.contracts.texts import text_sha256
from core.db.session import Database
from domain.byok import service as owner_drafts
from domain.drafts.models import Draft, DraftRun
from tests.api.conftest import Business, Server, open_business
from tests.domain.desk import Desk

REPLY = "Tea costs 4 EUR."


@pytest.fixture
async def shop(server: Server, behind: Database) -> Business:
    """A business whose drafts are made on the owner's computer."""
    shop = await open_business(server, behind, "Own key")
    answer = await shop.ask(shop.bridge, "PUT", "/bridge/byok", json={"on": True})
    assert answer.json() == {"on": True, "drafts": []}
    return shop


async def _wanted(shop: Business, behind: Database, text: str = "What does tea cost?", chat: UUID | None = None) -> Any:
    """Be customer and worker: a draft is wanted, and the owner's computer sees it."""
    chat_id = await shop.customer_writes(text, chat)
    claimed = await Desk(behind, shop.tenant_id).claim(chat_id)
    async with behind.unit_of_work(shop.tenant_id) as session:
        await owner_drafts.want(session, claimed, "en")
    return (await shop.ask(shop.bridge, "GET", "/bridge/byok")).json()["drafts"][-1]


async def _context(shop: Business, chat_id: str) -> Any:
    return (await shop.ask(shop.staff, "GET", f"/chats/{chat_id}/context")).json()


def _usage(draft: Any, **more: Any) -> dict[str, Any]:
    return {
        "provider": "openai", "model": "gpt-4o-mini", "tokensUsed": 156, "id": str(new_id()), "suggestionId": draft["id"],
        "textSha256": text_sha256([REPLY]), "verdict": "pass", **more,
    }  # fmt: skip


async def test_a_draft_is_wanted_made_and_approved_and_the_server_knew_numbers_only(
    shop: Business, behind: Database
) -> None:
    wanted = await _wanted(shop, behind)
    assert (wanted["state"], wanted["title"]) == ("waiting", "Carla Customer")
    context = await _context(shop, wanted["chat_id"])
    assert (context["draft"], context["owner_draft"]["state"]) == (None, "waiting")

    case = (await shop.ask(shop.bridge, "GET", f"/bridge/byok/{wanted['id']}")).json()
    assert [turn["text"] for turn in case["conversation"]["burst"]] == ["What does tea cost?"]

    report = _usage(wanted)
    for _ in range(2):  # a lost answer is asked again
        taken = await shop.ask(shop.bridge, "POST", "/ai/byok-usage", json=report)
        assert taken.json()["state"] == "ready", taken.text
    context = await _context(shop, wanted["chat_id"])
    assert {name: context["owner_draft"][name] for name in ("verdict", "model", "tokens_used", "text_sha256")} == {
        "verdict": "pass", "model": "gpt-4o-mini", "tokens_used": 156, "text_sha256": text_sha256([REPLY]),
    }  # fmt: skip
    (row,) = (await shop.ask(shop.owner, "GET", "/usage/ai-calls")).json()["items"]
    assert (row["paid_by"], row["tokens_in"], row["cost_micro"]) == ("own", 156, 0)

    body = {
        "id": wanted["id"], "chat_id": wanted["chat_id"], "newest_external_id": case["newest_external_id"], "parts": [REPLY],
    }  # fmt: skip
    for _ in range(2):
        assert (await shop.ask(shop.bridge, "POST", "/bridge/messages", json=body)).status_code == 202
    context = await _context(shop, wanted["chat_id"])
    assert (context["owner_draft"], context["draft"]["parts"]) == (None, [REPLY])
    assert context["chat"]["paused_until"] is None  # a yes to a suggestion is no word of the owner's own
    async with behind.unit_of_work(shop.tenant_id) as session:
        assert len(list(await session.scalars(select(Draft)))) == 1


async def test_a_report_has_no_room_for_a_text(shop: Business) -> None:
    usage = {"provider": "openai", "model": "gpt-4o-mini", "tokensUsed": 156}
    assert (await shop.ask(shop.bridge, "POST", "/ai/byok-usage", json=usage)).status_code == 200
    for more in ({"prompt": "x"}, {"text": "x"}, {"model": "see you on Saturday"}, {"code": "Tea costs 4 EUR."}):
        answer = await shop.ask(shop.bridge, "POST", "/ai/byok-usage", json=usage | more)
        assert answer.status_code == 422, more


async def test_a_chat_that_moves_on_leaves_its_draft_behind(shop: Business, behind: Database) -> None:
    first = await _wanted(shop, behind)
    second = await _wanted(shop, behind, "And coffee?", UUID(first["chat_id"]))
    assert second["id"] != first["id"]
    gone = await shop.ask(shop.bridge, "GET", f"/bridge/byok/{first['id']}")
    assert (gone.status_code, gone.json()["code"]) == (409, "chat_moved_on")
    assert (await shop.ask(shop.bridge, "POST", "/ai/byok-usage", json=_usage(first))).json()["state"] == "superseded"
    await shop.customer_writes("Hello?", UUID(first["chat_id"]))
    assert (await shop.ask(shop.bridge, "GET", "/bridge/byok")).json()["drafts"] == []
    assert (await _context(shop, first["chat_id"]))["owner_draft"] is None
    assert (await shop.ask(shop.bridge, "POST", "/ai/byok-usage", json=_usage(second))).json()["state"] == "superseded"


async def test_a_failure_is_told_and_switching_off_gives_the_chat_back_to_the_desk(
    shop: Business, behind: Database
) -> None:
    wanted = await _wanted(shop, behind)
    failed = _usage(wanted, outcome="failed", code="provider_out_of_credit", textSha256=None, verdict=None)
    assert (await shop.ask(shop.bridge, "POST", "/ai/byok-usage", json=failed)).json()["state"] == "failed"
    assert (await _context(shop, wanted["chat_id"]))["owner_draft"]["code"] == "provider_out_of_credit"
    async with behind.unit_of_work(shop.tenant_id) as session:  # nothing has gone to the desk's own key by itself
        assert {run.state for run in await session.scalars(select(DraftRun))} == {RunState.DONE}

    path = f"/channels/{shop.channel_id}/own-key"
    assert (await shop.ask(shop.staff, "PUT", path, json={"on": False})).status_code == 403
    assert (await shop.ask(shop.owner, "PUT", path, json={"on": False})).json()["own_key"] is False
    async with behind.unit_of_work(shop.tenant_id) as session:
        assert {run.state for run in await session.scalars(select(DraftRun))} == {RunState.DONE, RunState.DUE}
    assert (await shop.ask(shop.bridge, "GET", "/bridge/byok")).json() == {"on": False, "drafts": []}


async def test_dismissed_is_over_and_strangers_find_nothing(
    shop: Business, other_business: Business, behind: Database
) -> None:
    wanted = await _wanted(shop, behind)
    for method, path, body in (
        ("GET", f"/bridge/byok/{wanted['id']}", None),
        ("POST", f"/bridge/byok/{wanted['id']}/dismiss", None),
        ("POST", "/ai/byok-usage", _usage(wanted)),
    ):
        assert (await other_business.ask(other_business.bridge, method, path, json=body)).status_code == 404
        assert (await shop.ask(shop.owner, method, path, json=body)).status_code == 403
    answer = await shop.ask(shop.bridge, "POST", f"/bridge/byok/{wanted['id']}/dismiss")
    assert answer.json()["state"] == OwnerDraftState.DISMISSED
    assert (await _context(shop, wanted["chat_id"]))["owner_draft"] is None
