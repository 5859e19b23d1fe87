"""Every look of the page against texts that pages are known to spoil: what the sandbox received is compared byte for byte."""

from itertools import product

import pytest

from desktop_bridge.sandbox.models import NewMessage, Source
from tests.desktop_bridge.stage import Stage

LOOKS = list(product(("testid", "plain"), ("bare", "legacy"), ("en", "pt", "es"), (True, False)))
TEXTS = {
    "rtl": "مرحبا، نفتح الساعة 9:00 (السبت)\n\u200fסגור ביום א׳ — 100%",
    "emoji": "👩‍👩‍👧‍👦 🇵🇹🇧🇷 1️⃣ ✌🏽 ❤️ 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f ok",
    "empty_lines": "First\n\n\nThird\n\nEnd",
    "lists": "What we need:\n1. one\n2. two\n- three\n- four\n* five\n> six",
    "styles": "*bold* _slant_ ~gone~ `code` ```block``` 2*3*4 _a",
    "smileys": "see you :) or :D <3 ;)",
    "menus": ":smile\n/hours\n@Ana\nat 9:30 / 10:00 @ the :door",
    "spaces": "two  spaces, a\u00a0hard one,   three\n  and an indent",
    "marks": "é e\u0301 ñ n\u0303 Å A\u030a tie\u0302\u0301ng",
    "html": "<b>not</b> &amp; <script>alert(1)</script> 'x' \"y\" ${z}",
    "emoji_only": "👍🏽👍",
    "long": "\n".join(f"{number}: a line of a long answer, *with* some 🙂 in it" for number in range(60)),
    "unbroken": "We had a look at it and " + "it is ready, " * 200 + "bye",
}  # fmt: skip
EACH = 2


async def _answer(stage: Stage, title: str, text: str, *, pacing: bool = False) -> str:
    """Answer a chat that already shows the very same text, from the phone and quoted by the customer."""
    client = stage.sandbox.client
    chat = await stage.customer(title, "Before")
    twin = (await client.add_messages([NewMessage(chat=chat, text=text, source=Source.PHONE)]))[0]
    await client.customer_says(chat, text, quoted=twin)
    order = await stage.order(title, text)
    authority = await stage.local()
    assert await stage.machine(authority, pacing=pacing).run(order) == "sent"
    (sent,) = await client.received(chat)
    assert authority.reports[0].external_id == sent.id
    return sent.text


@pytest.mark.parametrize("number", range(len(LOOKS)))
async def test_every_look_sends_every_text_unchanged(stage: Stage, number: int) -> None:
    build, ids, lang, enter = LOOKS[number]
    await stage.sandbox.client.configure(
        build=build, ids=ids, lang=lang, enter_sends=enter, list_markers=not enter, quick_replies={"hours": "9 to 13"}
    )
    names = list(TEXTS)
    for step in range(EACH):
        name = names[(number * EACH + step) % len(names)]
        assert (
            await _answer(stage, f"{name} {number}", TEXTS[name], pacing=name not in {"long", "unbroken"})
            == TEXTS[name]
        )


@pytest.mark.parametrize("name", TEXTS)
async def test_every_text_passes_a_page_that_adds_list_markers_and_opens_menus(stage: Stage, name: str) -> None:
    await stage.sandbox.client.configure(list_markers=True, enter_sends=False, quick_replies={"hours": "9 to 13"})
    assert await _answer(stage, f"helpful {name}", TEXTS[name]) == TEXTS[name]


async def test_the_page_trims_the_ends_and_nothing_else(stage: Stage) -> None:
    assert await _answer(stage, "Ends", "  an answer \n with ends \n ") == "an answer \n with ends"


@pytest.mark.parametrize("pacing", [True, False])
async def test_what_the_page_made_of_our_text_is_taken_back_and_not_sent(stage: Stage, *, pacing: bool) -> None:
    title = f"Smiley {pacing}"
    await stage.sandbox.client.configure(emoji_transform=True)
    chat = await stage.customer(title, "Hello?")
    order = await stage.order(title, "See you :)\nsoon")
    authority = await stage.local()
    assert await stage.machine(authority, pacing=pacing).run(order) == "failed"
    assert authority.reports[0].code == "text_differs"
    assert await stage.drafts() == {}
    assert await stage.received(chat) == []
