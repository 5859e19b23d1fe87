"""The desk learns: a question without an answer, a person who answers it, an admin who accepts that, and the next customer."""

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.e2e.conftest import WholeDesk

pytestmark = pytest.mark.timeout(300)

QUESTION = "Do you lend aprons to children?"
ANSWER = "Yes, we lend aprons in children's sizes at no charge."


async def test_what_staff_answer_is_accepted_and_answers_the_next_customer(whole_desk: WholeDesk) -> None:
    desk = whole_desk
    first = await desk.sandbox.add_chat("Gita First")
    await desk.sandbox.customer_says(first.id, QUESTION)
    chat_id, draft = await _draft_for(desk, "Gita First")
    assert (draft["parts"], bool(draft["missing"])) == ([], True)
    chat: dict[str, Any] = await desk.api.call("GET", f"/chats/{chat_id}")
    reply = {"parts": [f"Hi Gita! {ANSWER}"], "chat_version": chat["version"]}
    await desk.api.call("POST", f"/chats/{chat_id}/messages", json=reply)
    await _confirm_if_marked(desk, chat_id)
    received = await desk.sandbox.wait_received(first.id, 1, timeout_s=60)
    assert [message.text for message in received] == reply["parts"]

    panel = await desk.pages.panel(desk.addresses.panel, *desk.login("admin"))
    await panel.click('[data-view="proposals"]')
    await _accept_in(panel)

    second = await desk.sandbox.add_chat("Hugo Second")
    await desk.sandbox.customer_says(second.id, "do you lend aprons to children")
    _, answered = await _draft_for(desk, "Hugo Second", with_text=True)
    assert ANSWER in " ".join(answered["parts"])
    assert not answered["missing"]


async def _accept_in(panel: Page) -> None:
    card = panel.locator("#view-proposals .proposal", has=panel.locator(f'input[value="{QUESTION}"]'))
    await expect(card).to_contain_text("Your staff answered", timeout=60_000)
    await expect(card.locator("textarea")).to_have_value(ANSWER)
    await card.locator("[type=submit]").click()
    await expect(card).to_have_count(0, timeout=30_000)
    await panel.click('[data-view="knowledge"]')
    row = panel.locator("#view-knowledge tr", has_text=QUESTION)
    await expect(row).to_contain_text("Ready", timeout=60_000)


async def _draft_for(desk: WholeDesk, name: str, *, with_text: bool = False) -> tuple[str, dict[str, Any]]:
    async def look() -> tuple[str, dict[str, Any]] | None:
        page: dict[str, Any] = await desk.api.call("GET", "/chats", params={"q": name})
        for chat in page["items"]:
            context: dict[str, Any] = await desk.api.call("GET", f"/chats/{chat['id']}/context")
            draft = context["draft"]
            if draft and (draft["parts"] or not with_text):
                return chat["id"], draft
        return None

    return await desk.api.until(look, f"a draft for {name}", 60)


async def _confirm_if_marked(desk: WholeDesk, chat_id: str) -> None:
    """Let staff say yes once more where the check marked their text: no knowledge carries it yet."""

    async def checked() -> dict[str, Any] | None:
        sends: dict[str, Any] = await desk.api.call("GET", "/sends", params={"chat_id": chat_id})
        context: dict[str, Any] = await desk.api.call("GET", f"/chats/{chat_id}/context")
        draft = context["draft"]
        if sends["items"]:
            return {}
        return draft if draft and draft["origin"] == "human" and draft["status"] == "pending" else None

    marked = await desk.api.until(checked, "the check of the typed text", 60)
    if marked:
        decision = {"version": marked["version"], "text_sha256": marked["text_sha256"], "confirm": True}
        await desk.api.call("POST", f"/drafts/{marked['id']}/approve", json=decision)
