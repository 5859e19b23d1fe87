"""The screen of suggested answers in a real browser: what was learnt and how, decided by keys or not, and exports that are added."""

import asyncio
from typing import Any

from playwright.async_api import BrowserContext, expect

from core.contracts.events import EventType
from core.contracts.ids import new_id
from core.contracts.proposals import Proposal, ProposalKind, ProposalOrigin, ProposalState, ProposedAnswer, SourceName
from tests.ui.conftest import SignIn
from tests.ui.standin_api import Refused, Standin, now

CHAT = {"name": "chat.txt", "mimeType": "text/plain", "buffer": b"13.05.24, 10:00 - Ana: Dogs?"}


def _proposal(question: str, answer: str, origin: ProposalOrigin = ProposalOrigin.PAST_CHAT, **more: Any) -> Proposal:
    answered_by = more.pop("answered_by", None)
    return Proposal(
        id=new_id(), kind=ProposalKind.ANSWER, origin=origin, state=ProposalState.PROPOSED, language="en", seen=3,
        answer=ProposedAnswer.model_validate({"question": question, "answer": answer, "others": ["Not on Sundays."]} | more),
        created_at=now(), last_seen_on=now().date(), decided_at=None, decided_by=None, source_id=None, answered_by=answered_by,
    )  # fmt: skip


async def test_an_export_is_added_and_its_answers_are_decided(story: Standin, sign_in: SignIn) -> None:
    page = await sign_in()
    await page.click('[data-view="proposals"]')
    await expect(page.locator("#view-proposals .empty")).to_contain_text("Nothing is suggested")
    story.history_refuses = Refused(
        422, "business_unclear", "Nothing tells.", "Give the name of the business.", {"authors": ["Ana", "<b>Shop</b>"]}
    )
    await page.set_input_files("#history-files input[type=file]", CHAT)
    await expect(page.locator("#history-said .bad")).to_contain_text("It is one of: Ana, <b>Shop</b>.")

    story.history_refuses = None
    await page.fill("#history-business input", "Shop")
    dogs, wrap = _proposal("Are dogs allowed?", "Call [phone]."), _proposal("Do you gift wrap?", "<i>Yes</i>.")
    story.history_gives = [dogs, wrap]
    await page.set_input_files("#history-files input[type=file]", CHAT)
    await expect(page.locator("#history-said .good")).to_contain_text("2 new proposals")
    assert story.history_form["business"] == "Shop"
    cards = page.locator("#view-proposals .proposal")
    await expect(cards).to_have_count(2)
    await expect(cards.nth(0)).to_contain_text("Asked 3 times")
    await expect(cards.nth(0)).to_contain_text("Not on Sundays.")
    await cards.nth(0).locator("textarea").fill("Dogs are welcome.")
    story.publish(EventType.PROPOSAL_UPDATED, proposal_id=wrap.id)
    await cards.nth(0).locator("[type=submit]").click()
    await expect(cards).to_have_count(1)
    assert story.decided_proposals == [
        (dogs.id, "accept", {"question": "Are dogs allowed?", "answer": "Dogs are welcome."})
    ]
    await expect(cards.nth(0).locator("textarea")).to_have_value("<i>Yes</i>.")
    await cards.nth(0).locator('[data-do="dismiss"]').click()
    await expect(page.locator("#view-proposals .empty")).to_be_visible()
    assert story.decided_proposals[-1] == (wrap.id, "dismiss", None)


async def test_what_staff_taught_is_shown_with_its_reason_and_decided_by_keys(story: Standin, sign_in: SignIn) -> None:
    cited = SourceName(source_id=new_id(), title="<b>House rules</b>")
    edit = _proposal(
        "Are you open on Sundays?", "Yes, from 10 to 14.", ProposalOrigin.STAFF_EDIT,
        drafted="No, we are closed on Sundays.", cited=[cited], dated=True, others=[],
    )  # fmt: skip
    unanswered = _proposal("Do you gift wrap?", "", ProposalOrigin.UNANSWERED, others=[])
    typed = _proposal("Is there parking?", "Behind the house.", ProposalOrigin.STAFF_ANSWER, answered_by=cited)
    story.proposals = {one.id: one for one in (edit, unanswered, typed)}
    page = await sign_in()
    await page.click('[data-view="proposals"]')
    cards = page.locator("#view-proposals .proposal")
    await expect(cards).to_have_count(3)
    await expect(cards.nth(0)).to_contain_text("changed what a draft said")
    await expect(cards.nth(0).locator("blockquote")).to_have_text("No, we are closed on Sundays.")
    await expect(cards.nth(0)).to_contain_text("<b>House rules</b>")
    await expect(cards.nth(0)).to_contain_text("names a date")
    await expect(cards.nth(1)).to_contain_text("Nobody has answered this yet")
    await expect(cards.nth(2)).to_contain_text("has an exact answer by now")

    await page.click('.picks [data-id="unanswered"]')
    await expect(cards).to_have_count(1)
    await expect(page.locator('.picks [data-id="unanswered"]')).to_be_focused()
    await page.keyboard.press("Tab")
    while await page.evaluate("document.activeElement.tagName") != "TEXTAREA":
        await page.keyboard.press("Tab")
    await page.keyboard.press("Control+Enter")
    assert story.decided_proposals == [], "a question is not accepted without an answer"
    await page.keyboard.type("Yes, for 3 EUR.")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator("#view-proposals .empty")).to_contain_text("Nothing of this kind")
    assert story.decided_proposals == [
        (unanswered.id, "accept", {"question": "Do you gift wrap?", "answer": "Yes, for 3 EUR."})
    ]
    await page.click('.picks [data-id="all"]')
    await expect(cards).to_have_count(2)
    await cards.nth(0).locator('[data-do="dismiss"]').focus()
    await page.keyboard.press("Enter")
    await expect(cards).to_have_count(1)
    await expect(cards.nth(0).locator("input")).to_be_focused()
    assert story.decided_proposals[-1] == (edit.id, "dismiss", None)


async def test_a_late_answer_does_not_draw_what_was_picked_before(story: Standin, sign_in: SignIn) -> None:
    edit = _proposal("Are you open on Sundays?", "Yes, from 10 to 14.", ProposalOrigin.STAFF_EDIT)
    story.proposals = {edit.id: edit}
    page = await sign_in()
    await page.click('[data-view="proposals"]')
    await page.click('.picks [data-id="unanswered"]')
    cards = page.locator("#view-proposals .proposal")
    await expect(cards).to_have_count(0)
    story.answer_later = barrier = asyncio.Barrier(2)
    story.publish(EventType.PROPOSAL_UPDATED, proposal_id=edit.id)
    await barrier.wait()
    await page.click('.picks [data-id="all"]')
    await expect(cards).to_have_count(1)
    async with page.expect_response(lambda answer: "component_server" in answer.url):
        await barrier.wait()
    await cards.nth(0).locator("textarea").fill("Yes.")
    await cards.nth(0).locator("[type=submit]").click()
    await expect(page.locator("#view-proposals .empty")).to_contain_text("Nothing is suggested")


async def test_staff_have_no_such_screen(story: Standin, sign_in: SignIn, context: BrowserContext) -> None:
    story.role = "staff"
    await context.clear_cookies()
    page = await sign_in()
    await expect(page.locator('[data-view="knowledge"]').first).to_be_visible()
    await expect(page.locator('[data-view="proposals"]')).to_be_hidden()
    await context.clear_cookies()
