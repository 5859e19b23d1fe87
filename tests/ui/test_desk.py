"""The desk in a real Chromium: decide by button and by key, live in several panels, and never over a person's own text."""

import asyncio

from playwright.async_api import Page, expect

from core.contracts.chats import Chat
from core.contracts.reasoning import Finding
from core.contracts.states import DraftStatus, SendStatus, Tick, Verdict
from tests.ui.conftest import SignIn
from tests.ui.standin_api import Standin

REPLY = "Delivery takes two working days."


def tell(story: Standin) -> Chat:
    """One customer waits, a draft is ready."""
    chat = story.chat("Jonas Weber")
    story.hear(chat.id, "How long does delivery take?", minutes_ago=3)
    story.draft(chat.id, REPLY)
    return chat


async def open_chat(page: Page, chat: Chat) -> None:
    await page.click(f'.chat-row[data-chat="{chat.id}"]')
    await expect(page.locator(".head h2")).to_have_text(chat.title)
    await page.wait_for_timeout(450)  # a draft counts as seen after 400 ms


def decisions(story: Standin) -> list[tuple[str, dict[str, object]]]:
    return [
        (path.rsplit("/", 1)[1], body) for method, path, body in story.calls if method == "POST" and "/drafts/" in path
    ]


async def test_approve_shows_the_message_at_once_then_its_ticks(story: Standin, sign_in: SignIn) -> None:
    chat = tell(story)
    draft = next(iter(story.drafts.values()))
    page = await sign_in()
    await open_chat(page, chat)
    await expect(page.locator(".card textarea")).to_have_value(REPLY)
    await page.click('.card [data-act="approve"]')
    await expect(page.locator(".msg.out .body")).to_have_text(REPLY)
    await expect(page.locator(".msg.send-queued .author")).to_have_text("Queued")
    await expect(page.locator(".card h3")).to_have_text("Nothing waits for a decision")
    assert decisions(story) == [("approve", {"version": 1, "text_sha256": draft.text_sha256, "confirm": False})]
    send = next(iter(story.sends.values()))
    for tick in (Tick.SENT, Tick.DELIVERED, Tick.READ):
        story.deliver(send, tick)
        await expect(page.locator(f".msg.out .tick-{tick}")).to_be_visible()
    await expect(page.locator(".msg.out")).to_have_count(1)


async def test_edit_sends_the_text_of_the_box_for_a_check(story: Standin, sign_in: SignIn) -> None:
    chat = tell(story)
    page = await sign_in()
    await open_chat(page, chat)
    await page.keyboard.press("e")
    await page.keyboard.type(" Have a nice day, and \u0645\u0631\u062d\u0628\u0627!")
    await expect(page.locator('[data-act="send-edit"]')).to_contain_text("Send edited")
    await page.keyboard.press("Control+Enter")
    await expect(page.locator(".msg.out .body")).to_have_text(
        REPLY + " Have a nice day, and \u0645\u0631\u062d\u0628\u0627!"
    )
    await expect(page.locator(".card h3")).to_have_text("Nothing waits for a decision")
    assert [(verb, body["parts"]) for verb, body in decisions(story)] == [
        ("edit", [REPLY + " Have a nice day, and \u0645\u0631\u062d\u0628\u0627!"])
    ]


async def test_three_open_panels_follow_without_reload(story: Standin, sign_in: SignIn) -> None:
    chat = tell(story)
    pages = [await sign_in() for _ in range(3)]
    for page in pages:
        await open_chat(page, chat)
        await page.evaluate("window.notReloaded = true")
    story.hear(chat.id, "And to Lisbon?")
    story.draft(chat.id, "To Lisbon as well.")
    for page in pages:
        await expect(page.locator(".msg.in .body").last).to_have_text("And to Lisbon?")
        await expect(page.locator(".card textarea")).to_have_value("To Lisbon as well.")
    await pages[0].wait_for_timeout(450)
    await pages[0].keyboard.press("a")
    for page in pages:
        await expect(page.locator(".msg.out .body")).to_have_text("To Lisbon as well.")
        await expect(page.locator(".chat-row :is(.chip-draft, .badge)")).to_have_count(0)
        assert await page.evaluate("window.notReloaded")
    assert len(decisions(story)) == 1


async def test_a_lost_connection_is_shown_and_what_was_missed_appears(story: Standin, sign_in: SignIn) -> None:
    chat = tell(story)
    page = await sign_in()
    await open_chat(page, chat)
    await expect(page.locator('.link-state[data-state="live"]')).to_be_visible()
    story.hold_events = True
    await story.drop_sockets()
    await expect(page.locator(".link-state")).to_have_text("Reconnecting …")
    story.hear(chat.id, "Still there?")
    story.hold_events = False
    await expect(page.locator(".msg.in .body").last).to_have_text("Still there?")
    await expect(page.locator(".link-state")).to_have_text("Live")


async def test_a_decision_on_a_draft_that_changed_shows_the_new_state_and_says_so(
    story: Standin, sign_in: SignIn
) -> None:
    chat = tell(story)
    draft = next(iter(story.drafts.values()))
    page = await sign_in()
    await open_chat(page, chat)
    # Somebody else was faster, and this panel has not heard of it yet.
    story.drafts[draft.id] = draft.model_copy(update={"status": DraftStatus.REJECTED, "version": 2})
    await page.keyboard.press("a")
    await expect(page.locator(".notice.bad")).to_contain_text("This draft is no longer current.")
    await expect(page.locator(".card h3")).to_have_text("No draft")
    await expect(page.locator(".msg.out")).to_have_count(0)
    assert not story.sends


async def test_text_that_a_person_began_to_edit_is_never_replaced(story: Standin, sign_in: SignIn) -> None:
    chat = tell(story)
    page = await sign_in()
    await open_chat(page, chat)
    await page.fill(".card textarea", "My own words")
    story.hear(chat.id, "Hello?")
    story.draft(chat.id, "A newer draft.")
    await expect(page.locator(".newer")).to_contain_text("A newer draft is available")
    await expect(page.locator(".card textarea")).to_have_value("My own words")
    await page.locator(".newer button").click()
    await expect(page.locator(".card textarea")).to_have_value("A newer draft.")
    await expect(page.locator('[data-slot="reply"]')).to_have_value("My own words")
    await page.reload()
    await expect(page.locator('[data-slot="reply"]')).to_have_value("My own words")


async def test_edits_outlive_a_reload(story: Standin, sign_in: SignIn) -> None:
    chat = tell(story)
    page = await sign_in()
    await open_chat(page, chat)
    await page.fill(".card textarea", "Half a sent")
    await page.reload()
    await expect(page.locator(".card textarea")).to_have_value("Half a sent")
    await expect(page.locator('[data-act="send-edit"]')).to_be_enabled()


async def test_keys_act_once_each_and_never_while_typing(story: Standin, sign_in: SignIn) -> None:
    chat, other = tell(story), story.chat("Marta Nunes")
    story.hear(other.id, "Hi", minutes_ago=1)
    page = await sign_in()
    await page.keyboard.press("n")
    await expect(page.locator(".head h2")).to_have_text(chat.title)
    await page.keyboard.press("j")
    await expect(page.locator(".head h2")).to_have_text(other.title)
    await page.keyboard.press("k")
    await expect(page.locator(".head h2")).to_have_text(chat.title)
    await page.keyboard.press("w")
    await page.keyboard.type("artd xen?")
    await expect(page.locator('[data-slot="reply"]')).to_have_value("artd xen?")
    await page.keyboard.press("Escape")
    await page.wait_for_timeout(450)
    await page.keyboard.press("r")
    await page.keyboard.type("shorter")
    await page.keyboard.press("Enter")
    await expect(page.locator(".card textarea")).to_have_value("Rewritten: shorter")
    await page.wait_for_timeout(450)
    await page.keyboard.press("x")
    await page.keyboard.press("Enter")
    await expect(page.locator(".card h3")).to_have_text("Nothing waits for a decision")
    await page.keyboard.press("t")
    await expect(page.locator(".head-who")).to_contain_text("Assigned to you")
    await page.keyboard.press("/")
    await page.keyboard.type("marta")
    await expect(page.locator(".chat-row")).to_have_count(1)
    await page.keyboard.press("Escape")
    await expect(page.locator(".chat-row")).to_have_count(2)
    await page.keyboard.press("d")
    await expect(page.locator(f'.chat-row[data-chat="{chat.id}"]')).to_have_count(0)
    await page.keyboard.press("?")
    await expect(page.locator("dialog.help")).to_be_visible()
    assert [verb for verb, _ in decisions(story)] == ["rewrite", "reject"]


async def test_a_key_pressed_as_the_card_changes_approves_nothing(story: Standin, sign_in: SignIn) -> None:
    chat = tell(story)
    page = await sign_in()
    await open_chat(page, chat)
    await page.evaluate(
        """() => new MutationObserver(() => document.dispatchEvent(new KeyboardEvent("keydown", { key: "a", bubbles: true })))
        .observe(document.querySelector('[data-place="card"]'), { childList: true })"""
    )
    story.drafts.clear()
    story.draft(chat.id, "Something nobody has read.")
    await expect(page.locator(".card textarea")).to_have_value("Something nobody has read.")
    await page.wait_for_timeout(200)
    assert decisions(story) == []


async def test_warnings_are_marked_and_confirmed_and_a_blocked_text_must_be_edited(
    story: Standin, sign_in: SignIn
) -> None:
    chat, other = story.chat("Jonas Weber"), story.chat("Marta Nunes")
    for one in (chat, other):
        story.hear(one.id, "Hi", minutes_ago=3)
    text = "\U0001f600 It costs 30 euros."
    warned = Finding(
        check="numbers", verdict=Verdict.NEEDS_STAFF, reason="“30 euros” is in no source", part=0, start=11, end=19
    )
    story.draft(chat.id, text, findings=[warned])
    story.draft(other.id, text, findings=[warned.model_copy(update={"verdict": Verdict.BLOCK})])
    page = await sign_in()
    await open_chat(page, chat)
    await expect(page.locator(".marks mark")).to_have_text("30 euros")
    await page.click('[data-act="show-mark"]')
    selected = "(b => b.value.slice(b.selectionStart, b.selectionEnd))(document.activeElement)"
    assert await page.evaluate(selected) == "30 euros"
    await page.keyboard.press("Escape")
    await page.keyboard.press("a")
    await expect(page.locator('[data-slot="confirm"]')).to_be_visible()
    assert decisions(story) == []
    await page.wait_for_timeout(450)
    await page.keyboard.press("a")
    await expect(page.locator(".card h3")).to_have_text("Nothing waits for a decision")
    await expect(page.locator(".msg.out .body")).to_have_text(text)
    assert decisions(story)[-1][1]["confirm"] is True
    await open_chat(page, other)
    await expect(page.locator('[data-act="approve"]')).to_be_disabled()
    await page.keyboard.press("a")
    await asyncio.sleep(0.1)
    assert len(decisions(story)) == 1


async def test_where_no_answer_was_found_only_a_person_can_write_one(story: Standin, sign_in: SignIn) -> None:
    chat = story.chat("Jonas Weber")
    story.hear(chat.id, "Do you ship to the moon?", minutes_ago=3)
    story.draft(chat.id, missing=["Do you ship to the moon?"], claims=[], sources=[], check=None)
    page = await sign_in()
    await open_chat(page, chat)
    await expect(page.locator(".card")).to_contain_text("nothing was made up")
    await expect(page.locator(".missing")).to_have_text("Do you ship to the moon?")
    await expect(page.locator('[data-act="approve"]')).to_be_disabled()
    await page.keyboard.press("a")
    await page.keyboard.press("e")
    await page.keyboard.type("Not yet.")
    await page.click('[data-act="send-edit"]')
    await expect(page.locator(".card h3")).to_have_text("Nothing waits for a decision")
    assert [(verb, body["parts"]) for verb, body in decisions(story)] == [("edit", ["Not yet."])]


async def test_sources_open_at_the_passage_of_a_claim(story: Standin, sign_in: SignIn) -> None:
    chat = tell(story)
    page = await sign_in()
    await open_chat(page, chat)
    await page.click('.claims [data-act="show-source"]')
    await expect(page.locator('.source[data-number="1"] blockquote')).to_be_visible()
    await expect(page.locator('.source[data-number="1"]')).to_contain_text("Orders leave on the same working day")
    await expect(page.locator(".card")).to_contain_text("No AI provider is configured")


async def test_own_words_are_sent_and_kept_when_the_chat_moved_on(story: Standin, sign_in: SignIn) -> None:
    chat = story.chat("Jonas Weber")
    story.hear(chat.id, "Hello?", minutes_ago=1)
    page = await sign_in()
    await open_chat(page, chat)
    story.change(chat.id, version=99)  # a message that this panel has not heard of
    await page.fill('[data-slot="reply"]', "We open at nine.")
    await page.click(".composer button")
    await expect(page.locator(".notice.bad")).to_contain_text("The customer wrote meanwhile.")
    await expect(page.locator('[data-slot="reply"]')).to_have_value("We open at nine.")
    await page.click(".composer button")
    await expect(page.locator(".msg.out .body")).to_have_text("We open at nine.")
    await expect(page.locator('[data-slot="reply"]')).to_have_value("")


async def test_an_unknown_send_is_explained_and_settled_by_a_person(story: Standin, sign_in: SignIn) -> None:
    tell(story)
    draft = next(iter(story.drafts.values()))
    story.drafts[draft.id] = draft.model_copy(update={"status": DraftStatus.APPROVED})
    [send] = story.queue(draft, SendStatus.UNKNOWN)
    page = await sign_in()
    await page.click(".alert")
    await expect(page.locator(".settle")).to_contain_text("Look at the chat on the phone")
    await expect(page.locator('[data-send-act="sent"]')).to_have_text("It is in the chat on the phone")
    await page.click('[data-send-act="abandoned"]')
    await expect(page.locator(".settle")).to_have_count(0)
    await expect(page.locator(".alert")).to_have_count(0)
    assert story.sends[send.id].status is SendStatus.ABANDONED
    settled = [body for _, path, body in story.calls if path.endswith("/settle")]
    assert settled == [{"outcome": "abandoned", "put_back": True}]


async def test_a_send_that_failed_says_why_and_shows_the_chat_where_it_stopped(story: Standin, sign_in: SignIn) -> None:
    chat = tell(story)
    draft = next(iter(story.drafts.values()))
    story.drafts[draft.id] = draft.model_copy(update={"status": DraftStatus.APPROVED})
    [send] = story.queue(draft, SendStatus.FAILED)
    story.sends[send.id] = send.model_copy(update={"error_code": "restricted", "has_picture": True})
    page = await sign_in()
    await open_chat(page, chat)
    await expect(page.locator(".settle")).to_contain_text("WhatsApp allows no writing in this chat")
    await page.click(".picture summary")
    picture = page.locator(".picture img")
    await expect(picture).to_be_visible()
    await expect(picture).to_have_js_property("naturalWidth", 1)
    other = await page.request.get(f"{page.url.split('/panel')[0]}/pictures/{draft.id}")
    assert other.status >= 400


async def test_text_that_came_back_shows_why_and_what_is_new(story: Standin, sign_in: SignIn) -> None:
    chat = tell(story)
    draft = next(iter(story.drafts.values()))
    story.drafts[draft.id] = draft.model_copy(update={"status": DraftStatus.APPROVED})
    [send] = story.queue(draft, SendStatus.RETURNED)
    story.sends[send.id] = send.model_copy(update={"error_code": "chat_moved"})
    story.hear(chat.id, "And <b>coffee</b>?")
    story.draft(chat.id, *draft.parts, parent_id=draft.id, decision_reason="returned: The chat went on.")
    page = await sign_in()
    await open_chat(page, chat)
    strip = page.locator(".back-strip")
    await expect(strip).to_contain_text("This came back unsent. The chat went on after this was approved.")
    await expect(strip.locator("blockquote")).to_contain_text("And <b>coffee</b>?")


async def test_knowledge_is_uploaded_listed_live_and_searched(story: Standin, sign_in: SignIn) -> None:
    page = await sign_in()
    await page.click('[data-view="knowledge"]')
    await expect(page.locator("#view-knowledge .empty")).to_contain_text("No knowledge yet")
    await page.set_input_files(
        "#knowledge-files input[type=file]", {"name": "hours.txt", "mimeType": "text/plain", "buffer": b"Open at nine."}
    )
    await expect(page.locator("#knowledge-said")).to_contain_text("hours.txt is being read")
    await expect(page.locator(".table")).to_contain_text("Queued")
    source = next(iter(story.sources.values()))
    assert source.title == "hours.txt"
    del story.sources[source.id]
    story.source("hours.txt", chunks_done=12)
    await expect(page.locator(".table")).to_contain_text("Ready")
    await page.fill("#knowledge-query input", "when do you open")
    await page.click("#knowledge-search")
    await expect(page.locator("#knowledge-found")).to_contain_text("About when do you open")
    await page.get_by_text("Add a web page, a text or an exact answer").click()
    await page.fill("#page-url input", "https://shop.example/hours")
    await page.click("#page-add")
    await expect(page.locator("#knowledge-said")).to_contain_text("The page is being read")
    row = page.locator(".table tr", has_text="shop.example/hours")
    await expect(row.locator("a")).to_have_attribute("href", "https://shop.example/hours")
    await row.get_by_text("Read again").click()
    await expect(row).to_contain_text("Queued")
    await page.click('[data-view="channels"]')
    await expect(page.locator(".channel").first).to_contain_text("Reads: people who write from now on")
    await expect(page.locator(".channel").first).to_contain_text("Opening a chat shows the customer blue ticks")
    await page.click('[data-do="pair"]')
    await expect(page.locator(".code")).to_have_text("K7QM-2XPD")
