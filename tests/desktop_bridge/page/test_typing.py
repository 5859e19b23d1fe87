"""The keyboard stays in the box of the proven chat, whatever a person does meanwhile; and text is parted where nothing tears."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.contracts.bridge import SendOrder, SendOutcome
from desktop_bridge.page.landmarks import load_landmarks
from desktop_bridge.page.proof import label_agrees
from desktop_bridge.page.typing import pieces
from tests.desktop_bridge.stage import Stage

TEXT = "We are open from nine to one, and on Saturday until noon as well."


class Meanwhile:
    """A person's click on the bridge's page, in the middle of the typing."""

    def __init__(self, stage: Stage, selector: str, after: int = 4) -> None:
        self._stage = stage
        self._selector = selector
        self._left = after
        self.click: asyncio.Task[Any] | None = None

    def __call__(self, order: SendOrder) -> None:
        del order
        self._left -= 1
        if self._left == 0:
            self.click = asyncio.create_task(self._stage.page.reader.page.click(self._selector))


@pytest.mark.parametrize("namesake", [True, False])
async def test_a_chat_switched_under_the_typing_gets_not_one_character(stage: Stage, *, namesake: bool) -> None:
    title = f"Typed {namesake}"
    other = await stage.customer(title if namesake else "Bystander", "I am somebody else")
    bystander = title if namesake else "Bystander"
    chat = await stage.customer(title, "Hello?")
    order = await stage.order(title, TEXT)
    person = Meanwhile(stage, f"#pane-side [role=row]:not(:has([aria-selected=true])) span[title='{bystander}']")
    authority = await stage.local()

    outcome = await stage.machine(authority, pacing=True, go_on=person).run(order)

    assert person.click is not None
    await person.click
    assert (outcome, authority.reports[0].code) == (SendOutcome.RETURNED, "chat_switched")
    assert await stage.received(chat) == await stage.received(other) == []
    assert await stage.drafts() == {}


async def test_a_person_in_the_search_field_gets_none_of_our_text(stage: Stage) -> None:
    await stage.customer("Searching", "Hello?")
    order = await stage.order("Searching", TEXT)
    person = Meanwhile(stage, "[data-tab='3']")
    authority = await stage.local()
    assert await stage.machine(authority, pacing=True, go_on=person).run(order) == SendOutcome.RETURNED
    assert authority.reports[0].code == "chat_switched"
    assert await stage.page.reader.page.input_value("[data-tab='3']") == ""
    assert await stage.drafts() == {}


async def test_a_persons_own_words_in_the_box_are_left_to_them(stage: Stage) -> None:
    chat = await stage.customer("Both Write", "Hello?")
    order = await stage.order("Both Write", TEXT)
    typed: list[asyncio.Task[None]] = []

    def person(_: SendOrder) -> None:
        if not typed:
            typed.append(asyncio.create_task(stage.page.reader.page.keyboard.type("Q")))

    authority = await stage.local()
    assert await stage.machine(authority, pacing=True, go_on=person).run(order) == SendOutcome.FAILED
    assert authority.reports[0].code == "text_differs"
    left = (await stage.drafts())[chat]
    assert "Q" in left
    assert await stage.received(chat) == []
    await stage.page.clear_box([left])


async def test_a_switch_between_proof_and_typing_is_noticed(stage: Stage) -> None:
    other = await stage.customer("Later", "I am somebody else")
    chat = await stage.customer("Sooner", "Hello?")
    order = await stage.order("Sooner", TEXT)

    def switch(name: str) -> None:
        if name == "send.typed":
            raise AssertionError("typed into another chat")

    machine = stage.machine(await stage.local(), failpoint=switch)
    page = stage.page
    clear = page.clear_box

    async def clear_then_switch(own: Any) -> None:
        await clear(own)
        page.clear_box = clear  # type: ignore[method-assign]
        await page.reader.page.click("#pane-side span[title='Later']")

    page.clear_box = clear_then_switch  # type: ignore[method-assign]
    assert await machine.run(order) == SendOutcome.RETURNED
    assert await stage.drafts() == {}
    assert await stage.received(chat) == await stage.received(other) == []


@given(st.text(alphabet="ab 9é👩‍👧🇵🇹️⃣✌🏽مر漢̃", max_size=60), st.integers(min_value=1, max_value=8))
def test_pieces_are_the_line_and_begin_with_no_mark(line: str, size: int) -> None:
    parts = list(pieces(line, size))
    assert "".join(parts) == line
    assert all(part[0] not in "‍🏽️⃣̃🇵🇹" for part in parts[1:])


@pytest.mark.parametrize(
    ("label", "title", "agrees"),
    [
        ("Type a message to Ana", "Ana", True),
        ("Type a message to Maria Ana", "Ana", False),
        ("Type a message", "Ana", True),
        ("Digite uma mensagem para Ana", "Ana", True),
        ("Digite uma mensagem para Joana", "Ana", False),
        ("Écrivez un message à Ana", "Ana", True),
        ("Écrivez un message à Joana", "ana", False),
        ("Type a message to \u202a+351 91\u202c", "+351 91", True),
        ("", "Ana", True),
    ],
)
def test_the_label_names_the_chat_or_nobody(label: str, title: str, *, agrees: bool) -> None:
    assert label_agrees(label, title, load_landmarks().labels["compose"]) is agrees
