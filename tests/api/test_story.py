"""A message from the bridge to the desk and the answer back, by the public API alone."""

import asyncio
import time
from typing import Any

from core.contracts.ids import new_id
from core.contracts.texts import text_sha256
from core.db.session import Database
from tests.api.conftest import V1, Business, Server, decision, open_business, pair


async def test_what_a_customer_writes_is_listed_first_and_read(business: Business) -> None:
    chat_id = await business.customer_writes("Are you open on Sunday?")
    listed = (await business.ask(business.staff, "GET", "/chats")).json()["items"]
    assert (listed[0]["needs_person"], listed[0]["last_preview"]) == (True, "Are you open on Sunday?")
    context = (await business.ask(business.staff, "GET", f"/chats/{chat_id}/context")).json()
    assert [message["text"] for message in context["messages"]] == ["Are you open on Sunday?"]
    assert context["run"]["state"] == "due"
    read = await business.ask(business.staff, "POST", f"/chats/{chat_id}/read")
    assert read.json()["unread"] == 0
    found = (await business.ask(business.staff, "GET", "/chats", params={"q": "sunday"})).json()["items"]
    assert [item["id"] for item in found] == [str(chat_id)]
    assert (await business.ask(business.staff, "GET", "/chats", params={"assignee": "mine"})).json()["items"] == []
    taken = await business.ask(business.staff, "POST", f"/chats/{chat_id}/takeover")
    assert taken.json()["assignee_name"] == "First staff"
    mine = (await business.ask(business.staff, "GET", "/chats", params={"assignee": "mine"})).json()["items"]
    assert [item["id"] for item in mine] == [str(chat_id)]
    resolved = await business.ask(business.staff, "PATCH", f"/chats/{chat_id}", json={"status": "resolved"})
    assert (resolved.json()["status"], resolved.json()["needs_person"]) == ("resolved", False)


async def test_an_approved_draft_is_leased_armed_sent_and_ticked(business: Business, behind: Database) -> None:
    chat_id = await business.customer_writes("What does tea cost?")
    draft = await business.draft(behind, chat_id, "Tea costs 4 EUR.")
    assert draft["sources"][0]["source_title"] == "Prices"
    approved = await business.ask(business.staff, "POST", f"/drafts/{draft['id']}/approve", json=decision(draft))
    assert approved.status_code == 200, approved.text
    assert approved.json()["draft"]["status"] == "approved"

    order = (await _bridge(business, "/bridge/sends/next", epoch=business.epoch)).json()
    assert (order["text"], order["title"], order["settle_only"]) == ("Tea costs 4 EUR.", "Carla Customer", False)
    me = {"epoch": business.epoch, "installation_id": str(business.installation)}
    me["arming"] = str(new_id())
    wrong = await _bridge(business, f"/bridge/sends/{order['send_id']}/arm", **me, text_sha256=text_sha256(["x"]),
                          tail_external_id=order["known_external_ids"][0])  # fmt: skip
    assert (wrong.status_code, wrong.json()["code"]) == (409, "text_differs")
    armed = await _bridge(business, f"/bridge/sends/{order['send_id']}/arm", **me, text_sha256=order["text_sha256"],
                          tail_external_id=order["known_external_ids"][0])  # fmt: skip
    assert armed.json()["click_within_ms"] == 3000
    sent = await _bridge(business, f"/bridge/sends/{order['send_id']}/report", **me, outcome="sent",
                         external_id="OUT0001", tick="sent")  # fmt: skip
    assert sent.json()["status"] == "sent"
    ticks = await _bridge(
        business, "/bridge/observations", epoch=business.epoch, ticks=[{"external_id": "OUT0001", "tick": "read"}]
    )
    assert ticks.json()["updated"] == 1

    assert (await _bridge(business, "/bridge/sends/next", epoch=business.epoch)).status_code == 204
    sends = (await business.ask(business.staff, "GET", "/sends", params={"chat_id": str(chat_id)})).json()["items"]
    assert [send["status"] for send in sends] == ["read"]
    page = (await business.ask(business.staff, "GET", f"/chats/{chat_id}/messages", params={"limit": 1})).json()
    assert [(item["text"], item["tick"], item["origin"]) for item in page["items"]] == [
        ("Tea costs 4 EUR.", "read", "desk")
    ]
    older = await business.ask(
        business.staff, "GET", f"/chats/{chat_id}/messages", params={"cursor": page["next_cursor"]}
    )
    assert [item["text"] for item in older.json()["items"]] == ["What does tea cost?"]


async def test_a_chat_that_moved_on_takes_the_reply_back_although_arming_is_refused(
    business: Business, behind: Database
) -> None:
    chat_id = await business.customer_writes("What does coffee cost?")
    draft = await business.draft(behind, chat_id, "Coffee costs 5 EUR.")
    await business.ask(business.staff, "POST", f"/drafts/{draft['id']}/approve", json=decision(draft))
    order = (await _bridge(business, "/bridge/sends/next", epoch=business.epoch)).json()
    await business.customer_writes("No, tea please.", chat_id)
    refused = await _bridge(
        business, f"/bridge/sends/{order['send_id']}/arm", epoch=business.epoch,
        installation_id=str(business.installation), arming=str(new_id()), text_sha256=order["text_sha256"],
        tail_external_id=order["known_external_ids"][0],
    )  # fmt: skip
    assert (refused.status_code, refused.json()["code"]) == (409, "chat_moved")
    sends = (await business.ask(business.staff, "GET", "/sends", params={"chat_id": str(chat_id)})).json()["items"]
    assert [send["status"] for send in sends] == ["returned"]


async def test_a_decision_on_a_text_that_is_not_there_any_more_gets_the_present_draft(
    business: Business, behind: Database
) -> None:
    chat_id = await business.customer_writes("Do you have cake?")
    draft = await business.draft(behind, chat_id, "Yes, we have cake.")
    stale = decision(draft) | {"text_sha256": text_sha256(["another text"])}
    for verb, body in {"approve": stale, "edit": stale | {"parts": ["x"]}, "reject": stale, "rewrite": stale}.items():
        answer = await business.ask(business.staff, "POST", f"/drafts/{draft['id']}/{verb}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (409, "stale_decision")
        assert answer.json()["current"]["parts"] == ["Yes, we have cake."]
    edited = await business.ask(
        business.staff, "POST", f"/drafts/{draft['id']}/edit", json=decision(draft, parts=["Yes, apple cake."])
    )
    assert (edited.json()["draft"]["origin"], edited.json()["draft"]["status"]) == ("human", "checking")
    assert edited.json()["send_ids"] == []


async def test_context_waits_for_the_draft_on_events_and_no_longer(business: Business, behind: Database) -> None:
    chat_id = await business.customer_writes("Do you have soup?")
    context = f"/chats/{chat_id}/context"
    began = time.perf_counter()
    asked = asyncio.create_task(business.ask(business.staff, "GET", context, params={"wait_ms": 2000}))
    await asyncio.sleep(0.2)
    await business.draft(behind, chat_id, "We have tomato soup.")
    assert (await asked).json()["draft"]["parts"] == ["We have tomato soup."]
    assert time.perf_counter() - began < 1.9
    other = await business.customer_writes("Hello?")
    began = time.perf_counter()
    answer = await business.ask(business.staff, "GET", f"/chats/{other}/context", params={"wait_ms": 300})
    assert answer.json()["draft"] is None
    assert 0.29 < time.perf_counter() - began < 1.5


async def test_waiting_readers_hold_no_connection_of_the_pool(server: Server, business: Business) -> None:
    chat_id = await business.customer_writes("Anybody there?")
    more_than_the_pool = server.settings.database.pool_size * 2 + 5
    async with business.staff as staff:
        path = f"{V1}/chats/{chat_id}/context"
        waiting = [asyncio.create_task(staff.get(path, params={"wait_ms": 2000})) for _ in range(more_than_the_pool)]
        await asyncio.sleep(0.8)
        assert (await staff.get(f"{V1}/me")).status_code == 200
        assert not any(task.done() for task in waiting)
        assert {answer.status_code for answer in await asyncio.gather(*waiting)} == {200}


async def test_what_a_person_types_is_accepted_once_under_an_id_of_their_choice(business: Business) -> None:
    chat_id = await business.customer_writes("Can I book a table?")
    version = (await business.ask(business.staff, "GET", f"/chats/{chat_id}")).json()["version"]
    body = {"parts": ["Yes, for how many?"], "chat_version": version, "id": str(new_id())}
    for _ in range(2):
        answer = await business.ask(business.staff, "POST", f"/chats/{chat_id}/messages", json=body)
        assert (answer.status_code, answer.json()) == (202, {"id": body["id"], "kind": "draft"})
    stale = await business.ask(
        business.staff,
        "POST",
        f"/chats/{chat_id}/messages",
        json=body | {"id": str(new_id()), "chat_version": version - 1},
    )
    assert stale.status_code == 409


async def test_a_file_of_a_message_is_taken_in_once_and_within_its_limit(business: Business) -> None:
    chat_id = new_id()
    await business.customer_writes("A picture follows", chat_id)
    seen = {
        "external_id": "PIC1",
        "chat_id": str(chat_id),
        "direction": "in",
        "kind": "image",
        "files": [{"mime": "image/png"}],
    }
    await _bridge(business, "/bridge/observations", epoch=business.epoch, messages=[seen])
    for content in (b"first bytes", b"first bytes", b"other bytes"):
        answer = await business.ask(business.bridge, "PUT", "/bridge/messages/PIC1/files/0", content=content)
        assert (answer.status_code, answer.json()["size"], answer.json()["available"]) == (200, 11, True), answer.text
    assert (
        await business.ask(business.bridge, "PUT", "/bridge/messages/PIC1/files/1", content=b"x")
    ).status_code == 404
    for content in (b"x" * 1_200_000, _chunks(1_200_000)):
        answer = await business.ask(business.bridge, "PUT", "/bridge/messages/PIC1/files/0", content=content)
        assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")


async def test_roles_may_do_what_their_scopes_say(business: Business) -> None:
    channel = {"kind": "sandbox", "name": "Second"}
    for client, status in ((business.staff, 403), (business.owner, 201), (business.bridge, 403)):
        assert (await business.ask(client, "POST", "/channels", json=channel)).status_code == status
    assert (await business.ask(business.bridge, "GET", "/chats")).status_code == 403
    assert (await business.ask(business.bridge, "GET", "/me")).status_code == 403
    refused = await business.ask(business.owner, "POST", "/bridge/sends/next", json={"epoch": 1})
    assert (refused.status_code, refused.json()["code"]) == (403, "not_allowed")


async def test_a_revoked_device_is_refused_from_that_moment(server: Server, behind: Database) -> None:
    shop = await open_business(server, behind, "Short-lived")
    await shop.lease()
    gone = await shop.ask(shop.owner, "DELETE", f"/devices/{shop.device_id}")
    assert gone.status_code == 204
    answer = await shop.ask(shop.bridge, "POST", "/bridge/sends/next", json={"epoch": shop.epoch})
    assert (answer.status_code, answer.json()["code"]) == (401, "device_revoked")


async def test_a_second_bridge_is_told_when_to_come_back(business: Business, server: Server) -> None:
    await business.lease()
    code = await business.ask(
        business.owner, "POST", "/devices/pairings", json={"channel_id": str(business.channel_id)}
    )
    second = server.client((await pair(server, code.json()["code"]))["token"])
    body = {"installation_id": str(new_id()), "state": "linked", "app_version": "1"}
    answer = await business.ask(second, "POST", "/bridge/lease", json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "channel_held")
    assert 1 <= int(answer.headers["retry-after"]) <= 30


async def _bridge(business: Business, path: str, **body: Any) -> Any:
    return await business.ask(business.bridge, "POST", path, json=body)


async def _chunks(size: int) -> Any:
    for _ in range(size // 100_000):
        yield b"x" * 100_000
