"""The whole send machine in a real browser on the sandbox; what the sandbox received is the judge."""

import asyncio
import signal
from uuid import UUID

import pytest

from core.contracts.bridge import Armed, SendOrder, SendOutcome
from core.errors import Unavailable
from desktop_bridge import host
from desktop_bridge.link.authority import LocalAuthority
from desktop_bridge.sandbox.models import Status
from desktop_bridge.sends.boxes import LeftBoxes
from desktop_bridge.sends.phases import Phase
from tests.desktop_bridge.stage import Crash, Stage, crash_at


class NewMessageAfterArm(LocalAuthority):
    """Allows the click; then, before it can come, the customer writes again."""

    def __init__(self, stage: Stage, chat: str, tail: str | None) -> None:
        super().__init__(tail)
        self._stage = stage
        self._chat = chat

    async def arm(self, order: SendOrder, tail: str | None, arming: UUID) -> Armed:
        armed = await super().arm(order, tail, arming)
        await self._stage.sandbox.client.customer_says(self._chat, "wait, one more thing")
        await self._stage.page.reader.until("read.state", lambda s: s["tail"] != tail, 3)
        return armed


class ChannelLost(LocalAuthority):
    """Answers as when another bridge holds the channel by now."""

    async def arm(self, order: SendOrder, tail: str | None, arming: UUID) -> Armed:
        del order, tail, arming
        raise Unavailable("the channel is another's", code="lease_lost")


async def test_a_text_that_another_bridge_may_send_now_is_not_left_in_the_box(stage: Stage) -> None:
    chat = await stage.customer("Lost", "Are you there?")
    order = await stage.order("Lost", "Yes, until six.")
    with pytest.raises(Unavailable):
        await stage.machine(ChannelLost(None)).run(order)
    assert chat not in await stage.drafts()
    assert await stage.received(chat) == []


@pytest.mark.parametrize(
    ("build", "ids", "lang"), [("testid", "bare", "en"), ("plain", "legacy", "pt"), ("plain", "bare", "es")]
)
async def test_a_send_arrives_once_and_unchanged(stage: Stage, build: str, ids: str, lang: str) -> None:
    await stage.sandbox.client.configure(build=build, ids=ids, lang=lang)
    text = "Sim, *abrimos* às 9h 🙂\n\n1. Rua A\n2. Praça B _hoje_\nمرحبا: 100%"
    chat = await stage.customer(f"Ana {build} {ids} {lang}", "Abrem hoje?")
    order = await stage.order(f"Ana {build} {ids} {lang}", text)
    authority = await stage.local()

    status = await stage.machine(authority).run(order)

    assert status == "sent"
    assert await stage.received(chat) == [text]
    sent = (await stage.sandbox.client.received(chat))[0]
    assert authority.reports[0].external_id == sent.id
    steps = [phase for _, phase, _ in stage.journal.sends.steps(order.send_id)]
    assert steps == list(Phase)


LINES = "\n".join(f"Line {number} of a long answer about the opening hours" for number in range(40))
ONE_LINE = "We had a look: " + "it is ready and we are glad to help you with this, " * 16 + "bye"


@pytest.mark.parametrize("text", [LINES, ONE_LINE], ids=["lines", "one_line"])
async def test_a_long_text_is_read_back_whole(stage: Stage, text: str) -> None:
    title = f"Long Text {len(text)}"
    chat = await stage.customer(title, "Tell me everything")
    order = await stage.order(title, text)
    assert await stage.machine(await stage.local()).run(order) == "sent"
    assert await stage.received(chat) == [text]


async def test_a_new_message_between_typing_and_click_disarms(stage: Stage) -> None:
    chat = await stage.customer("Disarmed", "Hello?")
    order = await stage.order("Disarmed", "We open at nine.")
    authority = NewMessageAfterArm(stage, chat, await stage.tail())

    assert await stage.machine(authority).run(order) == SendOutcome.DISARMED

    assert authority.reports[0].code == "guard_tail"
    assert await stage.received(chat) == []
    assert (await stage.page.look()).box == ()
    assert any(getattr(news, "text", None) == "wait, one more thing" for news in stage.told)


async def test_a_click_that_was_stopped_is_noted_and_tidied_though_the_channel_is_anothers_by_then(
    stage: Stage,
) -> None:
    chat = await stage.customer("Slept", "Hello?")
    order = await stage.order("Slept", "We open at nine.")
    authority = NewMessageAfterArm(stage, chat, await stage.tail())

    def lost() -> int:
        raise Unavailable("the channel is another's")

    with pytest.raises(Unavailable):
        await stage.machine(authority, epoch=lost).run(order)
    assert chat not in await stage.drafts()
    noted = stage.journal.sends.last(order.send_id)
    assert noted is not None
    assert noted.report is not None
    assert (noted.phase, noted.report.outcome) == (Phase.READ_BACK, SendOutcome.DISARMED)
    await stage.machine(authority).report_owed()
    assert [(said.outcome, said.epoch) for said in authority.reports] == [(SendOutcome.DISARMED, 1)]


async def test_what_an_earlier_life_left_in_a_box_is_taken_out_and_what_a_person_left_is_not(stage: Stage) -> None:
    """A text in a box stands beside its chat in the list, where the customer's newest words would be."""
    mine = await stage.customer("Mine", "Hello?")
    order = await stage.order("Mine", "We open at nine.")
    with pytest.raises(Crash):
        await stage.machine(await stage.local(), failpoint=crash_at("send.armed")).run(order)
    theirs = await stage.customer("Theirs", "Hello?")
    other = await stage.order("Theirs", "We close at five.")
    with pytest.raises(Crash):
        await stage.machine(await stage.local(), failpoint=crash_at("send.typed")).run(other)
    await stage.page.clear_box([other.text])
    await stage.page.type("my own tho", 0, lambda: None)
    boxes = LeftBoxes(stage.journal, stage.page)
    await boxes.empty()
    assert (await stage.drafts()).get(theirs) == "my own tho"
    assert mine not in await stage.drafts()
    left = {one.send_id: one.phase for one in stage.journal.sends.left_typing()}
    assert (left[order.send_id], left[other.send_id]) == (Phase.ARMED, Phase.TYPED), "nothing is settled by it"
    await stage.page.clear_box(["my own tho"])


async def test_somebody_elses_draft_is_left_alone(stage: Stage) -> None:
    chat = await stage.customer("Draft", "Hello?")
    order = await stage.order("Draft", "We open at nine.")
    await stage.page.type("half a tho", 0, lambda: None)
    authority = await stage.local()
    assert await stage.machine(authority).run(order) == SendOutcome.RETURNED
    assert authority.reports[0].code == "box_not_empty"
    assert (await stage.page.look()).text == "half a tho"
    assert await stage.received(chat) == []
    await stage.page.clear_box(["half a tho"])


async def test_a_text_that_the_page_changes_is_not_sent(stage: Stage) -> None:
    await stage.sandbox.client.configure(emoji_transform=True)
    chat = await stage.customer("Smiley", "Hello?")
    order = await stage.order("Smiley", "See you :)")
    authority = await stage.local()
    outcome = await stage.machine(authority, pacing=True).run(order)
    await stage.sandbox.client.configure(emoji_transform=False)
    assert (outcome, authority.reports[0].code) == (SendOutcome.FAILED, "text_differs")
    assert await stage.received(chat) == []


async def test_equal_titles_are_told_apart_by_a_known_message(stage: Stage) -> None:
    wrong = await stage.customer("Maria", "I am the first")
    first = await stage.read("Maria")
    right = await stage.customer("Maria", "I am the second")
    rows = await stage.page.find_rows("Maria")
    assert await stage.page.open_row(rows[0])
    second = await stage.intake.read_open(unread=1)
    assert second is not None
    assert second != first
    await stage.sandbox.client.customer_says(wrong, "I come to the top again")

    order = await stage.order("Maria", "For the second Maria", chat_id=second)
    authority = LocalAuthority(order.known_external_ids[0])
    assert await stage.machine(authority).run(order) == "sent"
    assert await stage.received(right) == ["For the second Maria"]
    assert await stage.received(wrong) == []


@pytest.mark.parametrize("fault", [{"lost_clicks": 1}, {"late_click_ms": 2500}])
async def test_a_lost_or_late_click_is_settled_and_then_sent_once(stage: Stage, fault: dict[str, int]) -> None:
    title = f"Fault {next(iter(fault))}"
    chat = await stage.customer(title, "Hello?")
    order = await stage.order(title, "We open at nine.")
    authority = await stage.local()
    await stage.sandbox.client.set_fault(**fault)

    assert await stage.machine(authority).run(order) == SendOutcome.ABSENT
    evidence = authority.reports[0].evidence
    assert all(evidence.values())
    assert evidence["browser_restarted"] is True
    assert await stage.received(chat) == []

    await stage.sandbox.client.clear_faults()
    assert await stage.machine(authority).run(order) == "sent"
    assert await stage.received(chat) == ["We open at nine."]


@pytest.mark.parametrize("point", ["send.typed", "send.armed", "send.clicked"])
async def test_after_a_crash_nothing_leaves_twice(stage: Stage, point: str) -> None:
    chat = await stage.customer(f"Crash {point}", "Hello?")
    order = await stage.order(f"Crash {point}", "We open at nine.")
    authority = await stage.local()
    with pytest.raises(Crash):
        await stage.machine(authority, failpoint=crash_at(point)).run(order)

    status = await stage.machine(authority).run(order)
    if status == SendOutcome.ABSENT:
        status = await stage.machine(authority).run(order)

    assert status == "sent"
    assert await stage.received(chat) == ["We open at nine."]


async def test_a_click_handed_to_a_stopped_browser_is_swallowed_when_it_wakes(stage: Stage) -> None:
    chat = await stage.customer("Stopped", "Hello?")
    await stage.read("Stopped")
    await stage.page.type("too late", 0, lambda: None)
    standing = await stage.page.look()
    reader = stage.page.reader
    want = {
        "deadline": standing.page_ms + 600, "title": standing.title, "label": standing.label, "tail": standing.raw_tail,
        "box": list(standing.box),
    }  # fmt: skip
    ready = await reader.ask("guard.install", want)
    assert ready["ready"]
    processes = host.browser_processes(stage.browser.profile)
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    click = asyncio.create_task(reader.page.mouse.click(ready["point"]["x"], ready["point"]["y"]))
    await asyncio.sleep(1.0)
    for process in processes:
        process.send_signal(signal.SIGCONT)
    await click

    verdict = await reader.ask("guard.verdict", True)
    assert (verdict["passed"], verdict["swallowed"]) == (False, "deadline")
    assert await stage.received(chat) == []
    await stage.page.clear_box(["too late"])


async def test_the_report_waits_for_a_tick_and_ticks_come_later(stage: Stage) -> None:
    chat = await stage.customer("Ticks", "Hello?")
    order = await stage.order("Ticks", "We open at nine.")
    authority = await stage.local()
    await stage.machine(authority).run(order)
    report = authority.reports[0]
    assert report.tick is not None
    await stage.sandbox.client.wait_status(str(report.external_id), Status.DELIVERED)
    assert len(await stage.received(chat)) == 1
