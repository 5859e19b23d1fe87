"""What may look like somebody else's: drafts that begin as our text does, and bubbles that may be our send."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.contracts.bridge import SendOutcome
from tests.desktop_bridge.stage import Crash, Stage, crash_at, set_stage


@pytest.fixture(scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    home: Path = tmp_path_factory.mktemp("bridge")
    async with set_stage(home) as running:
        yield running


async def test_a_draft_that_begins_as_our_text_does_is_left_alone(stage: Stage) -> None:
    chat = await stage.customer("Greeted", "Hello?")
    order = await stage.order("Greeted", "Hi Ana, we open at nine.")
    await stage.page.type("Hi", 0, lambda: None)
    authority = await stage.local()

    assert await stage.machine(authority).run(order) == SendOutcome.RETURNED

    assert authority.reports[0].code == "box_not_empty"
    assert (await stage.page.look()).text == "Hi"
    again = await stage.order("Greeted", order.text, chat_id=order.chat_id)
    assert await stage.machine(await stage.local()).run(again) == SendOutcome.RETURNED
    assert (await stage.page.look()).text == "Hi"
    assert await stage.received(chat) == []
    await stage.page.clear_box(["Hi"])


async def test_what_we_typed_before_a_crash_is_ours_to_remove(stage: Stage) -> None:
    chat = await stage.customer("Crashed", "Hello?")
    order = await stage.order("Crashed", "We open at nine.")
    with pytest.raises(Crash):
        await stage.machine(await stage.local(), failpoint=crash_at("send.typed")).run(order)
    assert await stage.machine(await stage.local()).run(order) == "sent"
    assert await stage.received(chat) == ["We open at nine."]


async def test_absent_is_not_concluded_over_an_own_bubble_that_nobody_can_explain(stage: Stage) -> None:
    chat = await stage.customer("Doubtful", "Hello?")
    order = await stage.order("Doubtful", "We open at nine.")
    with pytest.raises(Crash):
        await stage.machine(await stage.local(), failpoint=crash_at("send.armed")).run(order)
    await stage.sandbox.client.phone_says(chat, "We open at 9 :)")

    assert await stage.machine(await stage.local()).run(order) == SendOutcome.UNKNOWN


async def test_absent_is_not_concluded_over_a_twin_that_reads_as_inbound(stage: Stage) -> None:
    chat = await stage.customer("Twin", "Hello?")
    order = await stage.order("Twin", "We open at nine.")
    with pytest.raises(Crash):
        await stage.machine(await stage.local(), failpoint=crash_at("send.armed")).run(order)
    await stage.sandbox.client.customer_says(chat, "We open at nine.")

    assert await stage.machine(await stage.local()).run(order) == SendOutcome.UNKNOWN
