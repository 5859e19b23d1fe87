"""The Channels screen in a real browser: the code that links a number, the risk that an owner accepts, and what a person can do."""

from playwright.async_api import Page, expect

from core.contracts.sessions import Breaker, BreakerState, BridgeHealth, ChannelHealth, ChannelVerdict, Stop
from core.contracts.states import ChannelKind, ChannelState
from tests.ui.conftest import SignIn
from tests.ui.standin_api import Standin, now

CODE = "2@a-code-that-links,abc,def=="


async def channels(page: Page) -> None:
    await page.click('[data-view="channels"]')
    await page.wait_for_selector("article.channel")


def looks(story: Standin) -> int:
    return sum(path.endswith("/link-code") for _, path, _ in story.calls)


async def test_an_owner_scans_the_code_and_it_is_asked_for_only_while_looked_at(
    sign_in: SignIn, story: Standin
) -> None:
    story.channel = {"state": ChannelState.QR}
    page = await sign_in()
    await channels(page)
    assert looks(story) == 0
    await page.click("text=Show the code")
    await expect(page.locator(".qr.wait")).to_be_visible()
    story.code = CODE
    story.set_channel(epoch=4)
    await expect(page.locator(".qr svg path").first).to_be_visible()
    assert CODE not in await page.content()
    before = looks(story)
    story.set_channel(state=ChannelState.LINKED)
    await expect(page.locator(".qr")).to_have_count(0)
    story.set_channel(epoch=5, state=ChannelState.QR)
    await expect(page.locator("text=Show the code")).to_be_visible()
    assert looks(story) == before, "nobody looks any more"


async def test_the_risk_is_read_typed_and_accepted_and_what_was_typed_survives_an_event(
    sign_in: SignIn, story: Standin
) -> None:
    story.channel = {"kind": ChannelKind.WHATSAPP_WEB, "state": ChannelState.STARTING}
    page = await sign_in()
    await channels(page)
    form = page.locator("article.risk form")
    texts = await page.locator("article.risk").inner_text()
    assert texts.index("The official route") < texts.index("It can cost the number")
    assert await page.locator("text=Show the code").count() == 0
    assert await page.locator("text=Pair").count() == 0
    await form.locator("[name=number]").fill("+351 912 345 678")
    story.set_channel(state_detail="consent missing")
    await expect(page.locator("article.channel").first).to_contain_text("consent missing")
    await form.locator("[type=submit]").click()
    assert not any(path.endswith("/risk") and body for _, path, body in story.calls), "the box was not ticked"
    await form.locator("[name=accepted]").check()
    await form.locator("[type=submit]").click()
    await expect(page.locator("article.risk")).to_have_count(0)
    body = next(body for method, path, body in story.calls if method == "POST" and path.endswith("/risk"))
    assert body == {"version": "7", "number": "+351 912 345 678", "accepted": True}


async def test_what_keeps_it_from_sending_is_said_and_an_act_needs_a_second_click(
    sign_in: SignIn, story: Standin
) -> None:
    breaker = Breaker(
        state=BreakerState.OPEN, failures=3, reason="no box", screenshot="changed-box.png", retry_at=now()
    )
    health = ChannelHealth(
        verdict=ChannelVerdict.READS_ONLY,
        says="Reads, but cannot send: no box.",
        seen=BridgeHealth(at=now(), breaker=breaker),
    )
    story.channel = {
        "state": ChannelState.BROKEN,
        "health": health,
        "stopped_reason": Stop.RESTRICTED,
        "stopped_at": now(),
    }
    page = await sign_in()
    await channels(page)
    card = page.locator("article.channel").first
    await expect(card).to_contain_text("Reads, but cannot send: no box.")
    await expect(card).to_contain_text("changed-box.png")
    await expect(page.locator("article.guide")).to_contain_text("Move to the Cloud API")
    await page.click("[data-do=try_again]")
    await expect(page.locator(".notice.good")).to_contain_text("opens its page anew")
    await page.click("[data-do=resume]")
    assert [path.rsplit("/", 1)[1] for method, path, _ in story.calls if method == "POST" and "/channels/" in path] == [
        "try-again"
    ]
    await page.click("[data-do=resume]")
    await expect(page.locator(".notice.good").last).to_contain_text("Resumed")
    assert any(path.endswith("/resume") for _, path, _ in story.calls)
