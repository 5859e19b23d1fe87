"""The screen of past chats in a real browser: a file in, what it asks back, and proposals that are decided in the admin's own words."""

from playwright.async_api import BrowserContext, expect

from core.contracts.events import EventType
from core.contracts.ids import new_id
from core.contracts.proposals import Proposal, ProposalKind, ProposalState, ProposedAnswer
from tests.ui.conftest import SignIn
from tests.ui.standin_api import Refused, Standin, now

CHAT = {"name": "chat.txt", "mimeType": "text/plain", "buffer": b"13.05.24, 10:00 - Ana: Dogs?"}


def _proposal(question: str, answer: str) -> Proposal:
    return Proposal(
        id=new_id(), kind=ProposalKind.ANSWER, state=ProposalState.PROPOSED, language="en", seen=3,
        answer=ProposedAnswer(question=question, answer=answer, others=["Not on Sundays."]), created_at=now(),
        decided_at=None, decided_by=None, source_id=None,
    )  # fmt: skip


async def test_an_export_is_added_and_its_answers_are_decided(story: Standin, sign_in: SignIn) -> None:
    page = await sign_in()
    await page.click('[data-view="history"]')
    await expect(page.locator("#view-history .empty")).to_contain_text("Nothing is proposed")
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
    cards = page.locator("#view-history .proposal")
    await expect(cards).to_have_count(2)
    await expect(cards.nth(0)).to_contain_text("seen 3 times")
    await expect(cards.nth(0)).to_contain_text("Not on Sundays.")
    await cards.nth(0).locator("textarea").fill("Dogs are welcome.")
    story.publish(EventType.HISTORY_UPDATED, proposal_id=wrap.id)
    await cards.nth(0).locator("[type=submit]").click()
    await expect(cards).to_have_count(1)
    assert story.decided_proposals == [
        (dogs.id, "accept", {"question": "Are dogs allowed?", "answer": "Dogs are welcome."})
    ]
    await expect(cards.nth(0).locator("textarea")).to_have_value("<i>Yes</i>.")
    await cards.nth(0).locator('[data-do="dismiss"]').click()
    await expect(page.locator("#view-history .empty")).to_be_visible()
    assert story.decided_proposals[-1] == (wrap.id, "dismiss", None)


async def test_staff_have_no_such_screen(story: Standin, sign_in: SignIn, context: BrowserContext) -> None:
    story.role = "staff"
    await context.clear_cookies()
    page = await sign_in()
    await expect(page.locator('[data-view="knowledge"]').first).to_be_visible()
    await expect(page.locator('[data-view="history"]')).to_be_hidden()
    await context.clear_cookies()
