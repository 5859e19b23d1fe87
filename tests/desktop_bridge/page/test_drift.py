"""A page that drifts away from its landmarks: a send arrives in its own chat, or it is stopped by name. Nothing else may happen."""

from collections.abc import AsyncIterator
from importlib.resources import files
from itertools import product

import pytest

from core.contracts.bridge import SendOutcome
from core.errors import WaxosError
from tests.desktop_bridge.stage import Stage, calm, set_stage

DRIFT = (files("tests.desktop_bridge.page") / "drift.js").read_text(encoding="utf-8").split("\n", 1)[1]
TEXT = "We open at nine."
PLACES = {
    "side": "#pane-side",
    "grid": "#pane-side [role=grid]",
    "row": "#pane-side [role=row]",
    "row_title": "#pane-side span[dir=auto][title]",
    "header": "#main header",
    "header_title": "#main header .header-text > div:first-child",
    "footer": "#main footer",
    "box": "#main footer [contenteditable]",
    "button": "#main footer .slot > button",
    "message": "#main [data-id]",
    "bubble": "#main .bubble",
    "text": "#main [data-id] span.selectable-text",
    "meta": "#main .meta",
}
KINDS = ("no_testid", "other_role", "no_label", "other_label", "hidden", "twin", "moved", "renamed", "covered")
CASES = list(product(PLACES, KINDS, ("testid", "plain")))
SHORT = 5
"""One of so many runs everywhere, the rest in the full form."""


@pytest.fixture(scope="module")
async def module_stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with set_stage(tmp_path_factory.mktemp("bridge")) as stage:
        stage.page.link_seconds = 4.0
        yield stage


@pytest.fixture
async def stage(module_stage: Stage) -> AsyncIterator[Stage]:
    yield module_stage
    await calm(module_stage.sandbox)
    await module_stage.page.reader.page.reload()
    await module_stage.page.linked()


@pytest.mark.parametrize(
    ("place", "kind", "build"),
    [
        pytest.param(*case, marks=() if number % SHORT == 0 else pytest.mark.slow, id="-".join(case))
        for number, case in enumerate(CASES)
    ],
)
async def test_a_drifted_page_sends_right_or_stops_by_name(stage: Stage, place: str, kind: str, build: str) -> None:
    await stage.sandbox.client.configure(build=build)
    chat = await stage.customer(f"{place} {kind} {build}", "When do you open?")
    order = await stage.order(f"{place} {kind} {build}", TEXT)
    authority = await stage.local()
    other = await stage.customer(f"{place} {kind} {build}", "I am a namesake")
    row = (await stage.page.find_rows("Somebody Else") or [None])[0]
    if row is None:
        await stage.customer("Somebody Else", "Hello?")
        row = (await stage.page.find_rows("Somebody Else"))[0]
    assert await stage.page.open_row(row)
    await stage.page.reader.page.evaluate(DRIFT, {"css": PLACES[place], "kind": kind})

    try:
        outcome = await stage.machine(authority).run(order)
    except WaxosError as fault:
        outcome, code = "error", fault.reason_code
    else:
        code = authority.reports[-1].code or ""

    received = await stage.sandbox.client.received()
    ours = [message.chat for message in received if message.text == TEXT and message.chat in {chat, other}]
    if outcome == SendOutcome.SENT:
        assert ours == [chat]
    else:
        assert code
        assert not ours or (ours == [chat] and outcome in {SendOutcome.UNKNOWN, "error"})
    if code == "page_changed" and authority.reports:
        assert (stage.browser.screenshots / str(authority.reports[-1].screenshot)).is_file()
