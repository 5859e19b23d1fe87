"""The screen of who sees customers' data, in a real browser: what is known of each provider, the rules, and the month's limit."""

from typing import Any

from playwright.async_api import BrowserContext, expect

from core.contracts.events import EventType
from core.contracts.usage import AiProviderView, BudgetState
from tests.ui.conftest import SignIn
from tests.ui.standin_api import Standin


def _provider(title: str, **more: Any) -> AiProviderView:
    known = {
        "title": title, "provider": title.lower(), "model": "m", "used": True, "why_not": None, "resting_seconds": 0, "trains": "no",
        "keeps_days": "30", "region": "unknown", "source": "https://vendor.example/data", "source_date": "2026-11-24",
    }  # fmt: skip
    return AiProviderView.model_validate(known | more)


async def test_an_owner_sees_who_reads_what_and_rules_it(story: Standin, sign_in: SignIn) -> None:
    page = await sign_in()
    await page.click('[data-view="privacy"]')
    view = page.locator("#view-privacy")
    await expect(view.locator(".empty")).to_contain_text("Nobody outside sees them")
    why = "it is not known that it does not train"
    kept_out = _provider("<b>Bytez</b>", used=False, why_not=why, trains="unknown", keeps_days="unknown")
    story.ai_use = story.ai_use.model_copy(update={"providers": [kept_out, _provider("Groq")]})
    story.publish(EventType.USAGE_UPDATED)
    bytez, groq = view.locator("article").nth(0), view.locator("article").nth(1)
    await expect(bytez).to_contain_text("<b>Bytez</b>")
    await expect(bytez.locator(".state")).to_have_text("Not asked")
    await expect(bytez).to_contain_text("it is not known that it does not train")
    await expect(bytez).to_contain_text("Not known, which counts as yes")
    await expect(groq.locator(".state")).to_have_text("Asked")
    await expect(groq).to_contain_text("Up to 30 days")
    await expect(groq).to_contain_text("vendor.example/data, 2026-11-24")
    await expect(view).to_contain_text("0.0125 USD")
    await expect(view).to_contain_text("14 %")

    await view.locator("[name=zero_retention]").check()
    await view.get_by_role("button", name="Change the rules").click()
    await expect(view.locator(".notices")).to_contain_text("from the next draft on")
    assert story.ruled == [{"training": False, "zero_retention": True, "providers_chosen": None, "version": 0}]
    await expect(view.locator("[name=zero_retention]")).to_be_checked()

    await view.locator("[name=monthly]").fill("seven")
    await view.get_by_role("button", name="Change the limit").click()
    await expect(view.locator(".notices")).to_contain_text("That is no amount")
    await view.locator("[name=monthly]").fill("7,50")
    await view.get_by_role("button", name="Change the limit").click()
    await expect(view).to_contain_text("of 7.50 USD")
    assert story.ruled[-1] == {"monthly_micro": 7_500_000, "version": 3}

    story.ai_money = story.ai_money.model_copy(update={"state": BudgetState.SPENT})
    story.publish(EventType.USAGE_UPDATED)
    await expect(view.locator(".verdict.bad")).to_contain_text("nothing goes out by itself")


async def test_an_admin_reads_and_staff_have_no_such_screen(
    story: Standin, sign_in: SignIn, context: BrowserContext
) -> None:
    story.ai_use = story.ai_use.model_copy(update={"providers": [_provider("Groq")]})
    for role, seen in (("admin", True), ("staff", False)):
        story.role = role
        await context.clear_cookies()
        page = await sign_in()
        await expect(page.locator('[data-view="knowledge"]').first).to_be_visible()
        await expect(page.locator('nav [data-view="privacy"]')).to_be_visible(visible=seen)
        if seen:
            await page.click('nav [data-view="privacy"]')
            await expect(page.locator("#view-privacy")).to_contain_text("An owner can change this")
            await expect(page.locator("#view-privacy form")).to_have_count(0)
        await page.close()
    await context.clear_cookies()
