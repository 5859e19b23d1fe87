"""What the panel shows of the owner's phone: replies typed there, the machine's rest, and texts of WhatsApp Business."""

import re

from playwright.async_api import Page, expect

from core.contracts.events import EventType
from core.contracts.states import MessageOrigin, PauseReason
from tests.ui.conftest import SignIn
from tests.ui.standin_api import Standin, now
from tests.ui.test_desk import open_chat, tell

CLOCK = """(minutes) => import("/static/dom.js").then((dom) => {
    const real = Date.now;
    const until = new Date(document.querySelector(".left").dateTime);
    Date.now = () => until.getTime() - minutes * 60000;
    dom.tellAges(document);
    Date.now = real;
})"""
"""Tells the page's countdowns what they would say so many minutes before their end."""

AWAY = "Thanks for your message! We are back on Monday at 9."


async def test_a_pause_counts_down_by_itself_and_a_person_ends_it(story: Standin, sign_in: SignIn) -> None:
    chat = tell(story)
    story.change(chat.id, paused_until=now(-719.5), pause_reason=PauseReason.PHONE)
    page = await sign_in()
    await open_chat(page, chat)
    strip = page.locator('[data-slot="paused"]')
    await expect(strip).to_contain_text("AI is paused")
    await expect(strip).to_contain_text("Somebody answered from the phone.")
    await expect(strip.locator(".left")).to_have_text(re.compile(r"1[12] h \d+ m left"))
    await expect(page.locator(".chat-row .chip", has_text="Paused")).to_be_visible()
    asked = len(story.calls)
    for minutes, words in ((719.5, "12 h 0 m left"), (59.5, "1 h 0 m left"), (3, "3 m left"), (-1, "ending now")):
        await page.evaluate(CLOCK, minutes)
        await expect(strip.locator(".left")).to_have_text(words)
    assert len(story.calls) == asked, "the countdown asks nobody"
    await page.click('[data-act="resume"]')
    await expect(strip).to_have_count(0)
    await expect(page.locator(".notice.good")).to_contain_text("Resumed.")
    assert [body for method, _, body in story.calls if method == "PATCH"] == [{"resume": True}]


async def test_a_pause_that_begins_and_ends_elsewhere_is_followed(story: Standin, sign_in: SignIn) -> None:
    chat = tell(story)
    page = await sign_in()
    await open_chat(page, chat)
    await expect(page.locator('[data-slot="paused"]')).to_have_count(0)
    story.tell(chat.id, "Two days!", origin=MessageOrigin.PHONE)
    story.change(chat.id, paused_until=now(-720), pause_reason=PauseReason.PHONE)
    story.publish(EventType.CHAT_UPDATED, chat_id=chat.id)
    await expect(page.locator('[data-slot="paused"]')).to_be_visible()
    await expect(page.locator(".msg.out .author")).to_have_text("From the phone")
    story.change(chat.id, paused_until=None, pause_reason=None)
    story.publish(EventType.CHAT_UPDATED, chat_id=chat.id)
    await expect(page.locator('[data-slot="paused"]')).to_have_count(0)


async def test_a_person_pauses_by_hand(story: Standin, sign_in: SignIn) -> None:
    chat = tell(story)
    page = await sign_in()
    await open_chat(page, chat)
    await page.select_option('[data-slot="mode"]', "pause")
    await expect(page.locator('[data-slot="paused"]')).to_contain_text("Somebody paused it.")
    await expect(page.locator('[data-slot="mode"] option[value="pause"]')).to_have_count(0)
    assert [body for method, _, body in story.calls if method == "PATCH"] == [{"pause": True}]


async def go_to_channels(page: Page) -> None:
    await page.click(".alert.warn")
    await expect(page.locator("[data-automatic] blockquote")).to_have_text(AWAY)


async def test_the_owner_is_warned_and_keeps_the_text(story: Standin, sign_in: SignIn) -> None:
    chat = tell(story)
    page = await sign_in()
    await expect(page.locator(".alert.warn")).to_have_count(0)
    text = story.automation(AWAY)
    await expect(page.locator(".alert.warn")).to_contain_text("WhatsApp Business answers by itself.")
    await go_to_channels(page)
    await expect(page.locator("[data-automatic]")).to_contain_text(re.compile("3 chats, last 5 m"))
    await page.click(f'[data-do="kept"][data-id="{text.id}"]')
    await expect(page.locator("[data-automatic].asked")).to_have_count(0)
    await page.goto(page.url.split("#")[0] + f"#/desk/{chat.id}")
    await expect(page.locator(".alert.warn")).to_have_count(0)


async def test_that_it_was_a_person_is_asked_twice(story: Standin, sign_in: SignIn) -> None:
    tell(story)
    text = story.automation(AWAY)
    page = await sign_in()
    await go_to_channels(page)
    button = page.locator(f'[data-do="person"][data-id="{text.id}"]')
    await button.click()
    await expect(button).to_have_text("Sure? AI pauses on these chats")
    await button.click()
    await expect(page.locator("p.automatic q")).to_have_text(AWAY)
    judged = [body for _, path, body in story.calls if path.endswith("/judge")]
    assert judged == [{"state": "person"}]


async def test_an_automatic_text_is_shown_as_one_until_somebody_has_replied(story: Standin, sign_in: SignIn) -> None:
    chat = tell(story)
    story.tell(chat.id, AWAY, origin=MessageOrigin.AUTOMATION)
    story.automation_at = now()
    page = await sign_in()
    await open_chat(page, chat)
    await expect(page.locator(".by-automation .author")).to_have_text("WhatsApp Business, automatic")
    await expect(page.locator('[data-slot="automatic"]')).to_contain_text("the customer still waits for you")
    story.tell(chat.id, "Two days!")
    story.change(chat.id, needs_person=False)
    story.publish(EventType.CHAT_UPDATED, chat_id=chat.id)
    await expect(page.locator('[data-slot="automatic"]')).to_have_count(0)
