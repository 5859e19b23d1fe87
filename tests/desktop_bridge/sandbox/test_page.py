"""The business's page in a real Chromium: what it must share with the page that it imitates."""

import pytest
from playwright.async_api import BrowserContext, Page, expect

from desktop_bridge.sandbox.models import ChatKind, JournalKind, MessageKind, NewChat, NewMessage, Source, Status
from desktop_bridge.sandbox.running import Sandbox

BOX = "footer div[contenteditable][role=textbox][data-lexical-editor=true][data-tab='10']"
SEND = "footer button[aria-label=Send]"


async def open_chat(page: Page, title: str) -> None:
    await page.click(f"#pane-side [role=row] span[title='{title}']")
    await page.wait_for_selector(f"#main header:has-text('{title}')")


async def paragraphs(page: Page) -> list[str]:
    return await page.locator(f"{BOX} > p").all_text_contents()


class TestList:
    async def test_only_visible_rows_exist_and_their_order_says_nothing(self, page: Page, sandbox: Sandbox) -> None:
        await sandbox.client.add_chats(NewChat(title=f"Contact {n}") for n in range(300))
        await expect(page.locator("[role=grid]")).to_have_attribute("aria-rowcount", "300")
        rows = page.locator("#pane-side [role=row]")
        assert 5 < await rows.count() < 40
        found = await rows.evaluate_all(
            "rows => rows.map(r => [new DOMMatrix(getComputedStyle(r).transform).f, r.querySelector('[title]').title])"
        )
        by_place = [title for _, title in sorted(found)]
        assert by_place[:3] == ["Contact 299", "Contact 298", "Contact 297"]
        assert by_place != [title for _, title in found]

        await page.fill("[data-tab='3']", "contact 17")
        await expect(page.locator("#pane-side [role=row]").filter(has_text="Contact 17")).to_have_count(11)
        await expect(page.locator("#pane-side [role=row]").filter(has_text="Chats")).to_have_count(1)
        await page.click("#pane-side span[title='Contact 17']")
        await expect(page.locator("#main header")).to_contain_text("Contact 17")

    async def test_a_message_moves_its_row_up_and_counts(self, page: Page, sandbox: Sandbox) -> None:
        await sandbox.client.add_chats([NewChat(title="First"), NewChat(title="Second")])
        await sandbox.client.customer_says("First", "one")
        await sandbox.client.customer_says("First", "two")
        row = page.locator("[data-testid=list-item-0]")
        await expect(row.locator("[data-testid=icon-unread-count]")).to_have_attribute(
            "aria-label", "2 unread messages"
        )
        await expect(row.locator("[data-testid=last-msg-status]")).to_have_attribute("title", "\u202atwo\u202c")

    async def test_a_script_cannot_click(self, page: Page, sandbox: Sandbox) -> None:
        await sandbox.client.add_chat("Anna")
        row = page.locator("#pane-side [role=row]")
        await row.evaluate("row => { row.click(); row.querySelector('[title]').click(); }")
        await row.dispatch_event("mousedown")
        await row.dispatch_event("click")
        assert await page.locator("#main").count() == 0
        await open_chat(page, "Anna")


class TestWriting:
    async def test_by_button_with_ticks(self, page: Page, sandbox: Sandbox) -> None:
        await sandbox.client.add_chat("Anna")
        await sandbox.client.set_ticks(sent_ms=None)
        await open_chat(page, "Anna")
        assert await page.locator(SEND).count() == 0
        await expect(page.locator("footer button[aria-label='Voice message']")).to_be_visible()
        await page.locator(BOX).press_sequentially("Hello Anna ")
        await page.locator(SEND).evaluate("button => button.click()")
        await page.click(SEND)
        (message,) = await sandbox.client.wait_received("Anna")
        assert message.text == "Hello Anna"
        bubble = page.locator(f"[data-id='{message.id}']")
        tick = bubble.locator("[data-testid^=wds-ic]")
        await expect(tick).to_have_attribute("aria-label", " Pending ")
        for status, icon in ((Status.SENT, "wds-ic-delivered"), (Status.DELIVERED, "wds-ic-read")):
            await sandbox.client.tick(message.id, status)
            await expect(tick).to_have_attribute("aria-label", f" {status.value.title()} ")
            await expect(tick).to_have_attribute("data-testid", icon)
        grey = await tick.evaluate("t => getComputedStyle(t).color")
        await sandbox.client.tick(message.id, Status.READ)
        await expect(tick).to_have_css("color", "rgb(0, 123, 252)")
        assert grey != "rgb(0, 123, 252)"
        assert await page.locator(SEND).count() == 0

    async def test_by_enter_in_several_lines(self, page: Page, sandbox: Sandbox) -> None:
        await sandbox.client.add_chat("Anna")
        await open_chat(page, "Anna")
        for line in ("One", "", "Three"):
            await page.keyboard.type(line)
            if line != "Three":
                await page.keyboard.press("Shift+Enter")
        await page.keyboard.press("ArrowUp")
        await page.keyboard.type("Two")
        assert await paragraphs(page) == ["One", "Two", "Three"]
        await page.keyboard.press("Enter")
        (message,) = await sandbox.client.wait_received("Anna")
        assert message.text == "One\nTwo\nThree"

    async def test_enter_that_only_breaks_the_line(self, page: Page, sandbox: Sandbox) -> None:
        await sandbox.client.add_chat("Anna")
        await sandbox.client.configure(enter_sends=False)
        await open_chat(page, "Anna")
        await page.keyboard.type("a")
        await page.keyboard.press("Enter")
        await page.keyboard.type("b")
        await expect(page.locator(f"{BOX} > p")).to_have_count(2)
        assert await sandbox.client.received() == []

    async def test_the_model_and_not_the_elements_is_sent(self, page: Page, sandbox: Sandbox) -> None:
        await sandbox.client.add_chat("Anna")
        await open_chat(page, "Anna")
        await page.keyboard.type("typed")
        await page.locator(BOX).evaluate("box => { box.innerText = 'written by a script'; }")
        await page.click(SEND)
        (message,) = await sandbox.client.wait_received("Anna")
        assert message.text == "typed"

    async def test_fill_replaces_and_backspace_takes_a_whole_emoji(self, page: Page, sandbox: Sandbox) -> None:
        await sandbox.client.add_chat("Anna")
        await open_chat(page, "Anna")
        await page.keyboard.type("old")
        await page.fill(BOX, "new\ntext 👍🏽")
        await expect(page.locator(f"{BOX} > p")).to_have_text(["new", "text 👍🏽"])
        await page.keyboard.press("Backspace")
        await page.keyboard.press("Control+Backspace")
        await expect(page.locator(f"{BOX} > p")).to_have_text(["new", ""])

    async def test_a_draft_stays_with_its_chat_through_a_reload(self, page: Page, sandbox: Sandbox) -> None:
        await sandbox.client.add_chats([NewChat(title="Anna"), NewChat(title="Bruno")])
        await open_chat(page, "Anna")
        await page.keyboard.type("half a")
        await open_chat(page, "Bruno")
        assert await paragraphs(page) == [""]
        await page.reload()
        await open_chat(page, "Anna")
        await expect(page.locator(f"{BOX} > p")).to_have_text(["half a"])

    async def test_smileys_and_pickers_change_the_text(self, page: Page, sandbox: Sandbox) -> None:
        await sandbox.client.add_chat("Anna")
        await sandbox.client.configure(emoji_transform=True, quick_replies={"hours": "We open at nine."})
        await open_chat(page, "Anna")
        await page.keyboard.type("Hi :) :thum")
        await expect(page.locator(BOX)).to_have_attribute("aria-owns", "emoji-suggestion")
        await page.keyboard.press("Enter")
        await page.keyboard.type(" /ho")
        await page.keyboard.press("Tab")
        await expect(page.locator(f"{BOX} > p")).to_have_text(["Hi 🙂 👍 We open at nine."])
        assert await sandbox.client.received() == []


class TestReading:
    async def test_bubbles_show_what_an_adapter_has_to_undo(self, page: Page, sandbox: Sandbox) -> None:
        await sandbox.client.add_chat("Anna")
        first = await sandbox.client.customer_says("Anna", "Is it *really* open? 😀")
        second = await sandbox.client.customer_says("Anna", "word " * 400, quoted=first)
        own = await sandbox.client.phone_says("Anna", "Yes")
        await open_chat(page, "Anna")
        bubble = page.locator(f"[data-id='{first}']")
        plain = await bubble.locator(".copyable-text[data-pre-plain-text]").get_attribute("data-pre-plain-text")
        assert plain is not None
        assert plain.endswith("] Anna: ")
        await expect(bubble.locator("strong[data-app-text-template]")).to_have_text("really")
        await expect(bubble.locator("img[data-plain-text]")).to_have_attribute("alt", "😀")
        assert await page.locator("[data-icon=tail-in]").count() == 1
        assert await page.locator(f"[data-id='{own}'] [data-icon=tail-out]").count() == 1
        assert await page.locator(f"[data-id='{own}'] span[aria-label='You:']").count() == 1
        long = page.locator(f"[data-id='{second}']")
        assert "really" in await long.locator("[data-testid=quoted-message]").inner_text()
        before = len(await long.inner_text())
        await long.locator(".read-more-button").click()
        assert len(await long.inner_text()) > before + 1000
        assert await page.locator(".message-in, .message-out").count() == 0

    async def test_every_kind_of_bubble(self, page: Page, sandbox: Sandbox) -> None:
        chat = (await sandbox.client.add_chat("Anna")).id
        ids = await sandbox.client.add_messages(NewMessage(chat=chat, kind=k, text="t", media={}) for k in MessageKind)
        await sandbox.client.react(ids[0], "👍")
        await sandbox.client.edit(ids[0], "changed")
        await sandbox.client.delete(ids[1])
        await open_chat(page, "Anna")
        for message in ids:
            await expect(page.locator(f"[data-id='{message}']")).to_have_count(1)
        first = page.locator(f"[data-id='{ids[0]}']")
        await expect(first).to_contain_text("changed")
        await expect(first).to_contain_text("Edited")
        await expect(first.locator("[data-testid=reaction-bubble]")).to_have_count(1)
        await expect(page.locator(f"[data-id='{ids[1]}']")).to_contain_text("This message was deleted")
        await expect(page.locator("[data-testid=msg-notification-container]")).to_have_count(1)
        await expect(page.locator("[data-pre-plain-text]")).to_have_count(1)

    async def test_far_messages_are_unmounted_and_older_ones_come_on_scrolling(
        self, page: Page, sandbox: Sandbox
    ) -> None:
        chat = (await sandbox.client.add_chat("Anna")).id
        ids = await sandbox.client.add_messages(NewMessage(chat=chat, text=f"n {n}\n" * 6) for n in range(150))
        await open_chat(page, "Anna")
        await expect(page.locator(f"[data-id='{ids[-1]}'] .selectable-text")).to_have_count(1)
        gone = page.locator("[data-virtualized=true]")
        await expect(gone.first).to_be_attached()
        assert await gone.first.inner_text() == ""
        assert await page.locator("[data-id]").count() < 100
        await page.hover(".scroller")
        await page.mouse.wheel(0, -50_000)
        await expect(page.locator("[data-id]")).to_have_count(120)

    async def test_opening_reads_and_groups_name_their_speakers(self, page: Page, sandbox: Sandbox) -> None:
        await sandbox.client.add_chat("Team", kind=ChatKind.GROUP, members=["Bo", "Cy"])
        message = await sandbox.client.customer_says("Team", "hello", author="Bo")
        await open_chat(page, "Team")
        await sandbox.client.wait_noted(JournalKind.CHAT_READ)
        assert (await sandbox.client.messages("Team"))[0].status is Status.READ
        await expect(page.locator(f"[data-id='{message}']")).to_contain_text("Bo")
        label = await page.locator(BOX).get_attribute("aria-label")
        assert label == "Type a message to group Team"


class TestBuilds:
    @pytest.mark.parametrize(("lang", "send", "box"), [("pt", "Enviar", "Digite uma mensagem"), ("es", "Enviar", None)])
    async def test_plain_build_has_no_test_ids(
        self, page: Page, sandbox: Sandbox, lang: str, send: str, box: str | None
    ) -> None:
        await sandbox.client.add_chat("Anna")
        await sandbox.client.customer_says("Anna", "oi")
        await page.goto(f"{sandbox.url}/?build=plain&ids=legacy&lang={lang}")
        await open_chat(page, "Anna")
        assert await page.locator("[data-testid]").count() == 0
        label = await page.locator(BOX).get_attribute("aria-label")
        assert label == (box or "Escribir un mensaje para Anna")
        await page.keyboard.type("olá")
        await page.click(f"footer button[aria-label={send}]:has([data-icon=send])")
        (message,) = await sandbox.client.wait_received("Anna")
        row = page.locator(f"[data-id^='true_'][data-id$='@c.us_{message.id}']")
        await expect(row.locator("[data-icon=msg-dblcheck]")).to_have_count(1)
        await expect(page.locator("[data-id^='false_']")).to_have_count(1)

    async def test_settings_of_the_hook_need_no_address(self, page: Page, sandbox: Sandbox) -> None:
        await sandbox.client.configure(build="plain", lang="pt")
        await expect(page.locator("[role=grid]")).to_have_attribute("aria-label", "Lista de conversas")
        assert await page.locator("[data-testid]").count() == 0


class TestScreens:
    async def test_a_second_tab_takes_over_and_use_here_takes_it_back(
        self, page: Page, context: BrowserContext
    ) -> None:
        other = await context.new_page()
        await other.goto(page.url)
        await expect(page.get_by_text("open in another window")).to_be_visible()
        assert await page.locator("#pane-side, #main").count() == 0
        await page.get_by_role("button", name="Use here").click()
        await expect(page.locator("#pane-side")).to_be_visible()
        await expect(other.get_by_role("button", name="Use here")).to_be_visible()

    async def test_the_other_screens_and_notices(self, page: Page, sandbox: Sandbox) -> None:
        await sandbox.client.add_chat("Anna")
        await sandbox.client.configure(screen="qr")
        await expect(page.locator("[data-testid=link-device-qr-code][data-ref] > canvas")).to_be_visible()
        await sandbox.client.configure(screen="startup")
        await expect(page.locator("progress")).to_be_visible()
        await sandbox.client.configure(screen="logged_out")
        await expect(page.get_by_text("You were logged out")).to_be_visible()
        await sandbox.client.configure(screen="main", interstitial=True)
        await page.get_by_role("dialog").get_by_role("button", name="Continue").click()
        await open_chat(page, "Anna")
        await sandbox.client.configure(restricted=True, offline=True)
        await expect(page.locator("[data-testid=reachout-timelock-compose-bar]")).to_be_visible()
        await expect(page.get_by_text("Computer not connected")).to_be_visible()
        assert await page.locator(BOX).count() == 0


class TestFaults:
    async def test_lost_click_does_nothing_once(self, page: Page, sandbox: Sandbox) -> None:
        await sandbox.client.add_chat("Anna")
        await sandbox.client.set_fault(lost_clicks=1)
        await open_chat(page, "Anna")
        await page.keyboard.type("hi")
        await page.click(SEND)
        await sandbox.client.wait_noted(JournalKind.GESTURE_LOST)
        assert await sandbox.client.received() == []
        assert await paragraphs(page) == ["hi"]
        await page.click(SEND)
        assert len(await sandbox.client.wait_received("Anna")) == 1

    async def test_late_click_sends_later(self, page: Page, sandbox: Sandbox) -> None:
        await sandbox.client.add_chat("Anna")
        await sandbox.client.set_fault(late_click_ms=400)
        await open_chat(page, "Anna")
        await page.keyboard.type("hi")
        await page.click(SEND)
        made = await sandbox.client.wait_noted(JournalKind.GESTURE_MADE, after=3)
        await sandbox.client.wait_received("Anna")
        came = await sandbox.client.wait_noted(JournalKind.MESSAGE_RECEIVED)
        assert (came.at - made.at).total_seconds() > 0.3

    async def test_outbox_delivers_after_a_reload(self, page: Page, sandbox: Sandbox) -> None:
        await sandbox.client.add_chat("Anna")
        await sandbox.client.set_fault(outbox_until_reload=True, history_delay_ms=1000)
        await open_chat(page, "Anna")
        await page.keyboard.type("hi")
        await page.keyboard.press("Enter")
        await sandbox.client.wait_noted(JournalKind.MESSAGE_HELD)
        assert await sandbox.client.received() == []
        await page.reload()
        await page.wait_for_selector("#pane-side")
        assert len(await sandbox.client.wait_received("Anna")) == 1
        await open_chat(page, "Anna")
        assert await page.locator("[data-id]").count() == 0
        await expect(page.locator("[data-id]")).to_have_count(1)

    async def test_lost_and_slow_opens_and_a_failed_send(self, page: Page, sandbox: Sandbox) -> None:
        await sandbox.client.add_chats([NewChat(title="Anna"), NewChat(title="Bruno")])
        await open_chat(page, "Anna")
        await sandbox.client.set_fault(lost_opens=1, slow_open_ms=200, failed_sends=1)
        await page.click("#pane-side span[title=Bruno]")
        await sandbox.client.wait_noted(JournalKind.GESTURE_LOST)
        await page.click("#pane-side span[title=Bruno]")
        assert "Anna" in await page.locator("#main header").inner_text()
        await expect(page.locator("#main header")).to_contain_text("Bruno")
        await page.keyboard.type("hi")
        await page.keyboard.press("Enter")
        await page.get_by_role("button", name="Retry").click()
        assert len(await sandbox.client.wait_received("Bruno")) == 1


class TestCustomer:
    async def test_round_trip(self, page: Page, context: BrowserContext, sandbox: Sandbox) -> None:
        phone = await context.new_page()
        await phone.goto(sandbox.customer_url("Anna"))
        await phone.get_by_label("Message").fill("When do you open?")
        await phone.keyboard.press("Enter")
        await expect(page.locator("[data-testid=icon-unread-count]")).to_have_attribute(
            "aria-label", "1 unread message"
        )
        await expect(phone.locator("li.mine")).to_have_attribute("data-status", "delivered")
        await page.bring_to_front()
        await open_chat(page, "Anna")
        await expect(phone.locator("li.mine")).to_have_attribute("data-status", "read")
        await page.keyboard.type("At nine.")
        await page.keyboard.press("Enter")
        await expect(phone.locator("li.theirs .text")).to_have_text("At nine.")
        (message,) = await sandbox.client.received("Anna")
        await sandbox.client.wait_status(message.id, Status.READ)
        assert message.source is Source.PAGE

    async def test_two_tabs_of_different_browsers_share_one_truth(self, page: Page, sandbox: Sandbox) -> None:
        browser = page.context.browser
        assert browser is not None
        elsewhere = await browser.new_context()
        other = await elsewhere.new_page()
        await other.goto(sandbox.url)
        await sandbox.client.add_chat("Anna")
        await open_chat(page, "Anna")
        await page.keyboard.type("from the first")
        await expect(page.locator(f"{BOX} > p")).to_have_text(["from the first"])
        await open_chat(other, "Anna")
        assert await paragraphs(other) == [""]
        await page.keyboard.press("Enter")
        await expect(other.locator("[data-id] .selectable-text")).to_have_text("from the first")
        await elsewhere.close()
