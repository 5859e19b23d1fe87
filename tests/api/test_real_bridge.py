"""The API with a real bridge, its real browser and the sandbox page: a question comes in, an answer in two parts goes out."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.db.session import Database
from desktop_bridge.sandbox.running import run_sandbox
from tests.api.conftest import V1, Business, Server, decision, open_business
from tests.desktop_bridge.stage import bridge_settings, running_bridge


async def _until(shop: Business, path: str, holds: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
    async with asyncio.timeout(60), shop.staff as staff:
        while not holds(items := (await staff.get(V1 + path)).json()["items"]):  # noqa: ASYNC110 - a panel hears of it by events, this test asks
            await asyncio.sleep(0.1)
    return items


async def test_a_question_comes_in_and_two_parts_go_out(server: Server, behind: Database, tmp_path: Path) -> None:
    shop = await open_business(server, behind, "Shop")
    async with run_sandbox() as sandbox:
        settings = bridge_settings(sandbox, tmp_path, server_url=server.url, pacing=False)
        async with running_bridge(settings, shop.device_token):
            chat = await sandbox.client.add_chat("Carla Customer")
            await sandbox.client.customer_says(chat.id, "What does tea cost?")
            listed = await _until(shop, "/chats", lambda items: len(items) == 1)
            assert (listed[0]["title"], listed[0]["last_preview"]) == ("Carla Customer", "What does tea cost?")
            draft = await shop.draft(behind, listed[0]["id"], "Tea costs 4 EUR.", "Cake is *free* today 🙂")
            approved = await shop.ask(shop.staff, "POST", f"/drafts/{draft['id']}/approve", json=decision(draft))
            assert approved.status_code == 200, approved.text

            received = await sandbox.client.wait_received(chat.id, 2, timeout_s=20)
            assert [message.text for message in received] == ["Tea costs 4 EUR.", "Cake is *free* today 🙂"]
            path = f"/sends?chat_id={listed[0]['id']}"
            await _until(shop, path, lambda items: [one["status"] for one in items] == ["delivered"] * 2)
            answered = await _until(shop, f"/chats/{listed[0]['id']}/messages", lambda items: len(items) == 3)
            assert sorted(one["origin"] for one in answered) == ["customer", "desk", "desk"]

            await sandbox.client.phone_says(chat.id, "And soup is 5, says the owner")
            with_phone = await _until(shop, f"/chats/{listed[0]['id']}/messages", lambda items: len(items) == 4)
            assert sorted(one["origin"] for one in with_phone) == ["customer", "desk", "desk", "phone"]
            (paused,) = await _until(shop, "/chats", lambda items: len(items) == 1)
            assert (paused["pause_reason"], paused["paused_until"] is not None) == ("phone", True)


async def test_an_away_text_of_whatsapp_business_is_told_from_a_person(
    server: Server, behind: Database, tmp_path: Path
) -> None:
    shop = await open_business(server, behind, "Shop")
    async with run_sandbox() as sandbox:
        settings = bridge_settings(sandbox, tmp_path, server_url=server.url, pacing=False)
        async with running_bridge(settings, shop.device_token):
            await sandbox.client.configure(away_text="Thanks! We are back on *Monday*.")
            for number, name in enumerate(("Anna", "Ben", "Carla", "Dana"), start=1):
                await sandbox.client.add_chat(name)
                await sandbox.client.customer_says(name, "Are you open?")
                listed = await _until(shop, "/chats", lambda items, number=number: len(items) == number)
            paused = {chat["title"] for chat in listed if chat["pause_reason"] == "phone"}
            assert paused == {"Anna", "Ben"}, "no worker runs here that would take these two back"
            assert {chat["last_preview"] for chat in listed if chat["title"] in ("Carla", "Dana")} == {"Are you open?"}
            (known,) = await _until(shop, "/channels/automations", lambda items: [t["chats"] for t in items] == [4])
            assert known["text"] == "Thanks! We are back on *Monday*."


async def test_staff_see_the_chat_where_a_send_stopped(server: Server, behind: Database, tmp_path: Path) -> None:
    shop = await open_business(server, behind, "Pictures")
    async with run_sandbox() as sandbox:
        await sandbox.client.configure(emoji_transform=True)
        settings = bridge_settings(sandbox, tmp_path, server_url=server.url, pacing=True)
        async with running_bridge(settings, shop.device_token):
            chat = await sandbox.client.add_chat("Carla Customer")
            await sandbox.client.customer_says(chat.id, "Are you open?")
            listed = await _until(shop, "/chats", lambda items: len(items) == 1)
            draft = await shop.draft(behind, listed[0]["id"], "Yes :)")
            await shop.ask(shop.staff, "POST", f"/drafts/{draft['id']}/approve", json=decision(draft))
            path = f"/sends?chat_id={listed[0]['id']}"
            [send] = await _until(shop, path, lambda items: [one["has_picture"] for one in items] == [True])
            assert (send["status"], send["error_code"]) == ("failed", "text_differs")
            shown = await shop.ask(shop.staff, "GET", f"/sends/{send['id']}/screenshot")
            assert shown.headers["content-type"] == "image/png"
            assert shown.content.startswith(b"\x89PNG")
            mine = {"Content-Type": "image/png"}
            put = f"/bridge/sends/{send['id']}/screenshot"
            assert (await shop.ask(shop.bridge, "PUT", put, content=shown.content, headers=mine)).status_code == 204
            svg = await shop.ask(shop.bridge, "PUT", put, content=b"<svg/>", headers=mine)
            assert (svg.status_code, svg.json()["code"]) == (422, "not_png")
            large = await shop.ask(shop.bridge, "PUT", put, content=b"\x89PNG" + bytes(2 * 1024 * 1024), headers=mine)
            assert large.status_code == 413
            assert await sandbox.client.received(chat.id) == []
