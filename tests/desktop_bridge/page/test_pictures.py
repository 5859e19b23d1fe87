"""A picture shows the one conversation that is proven, or the page without a word: never the chats beside it (law 12)."""

import os
import time
from pathlib import Path

import pytest

from desktop_bridge.page import pictures
from tests.desktop_bridge.stage import Stage

COLOURS = """() => [...new Set([...document.querySelectorAll("body *")]
  .filter((el) => [...el.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim()))
  .map((el) => getComputedStyle(el).color))]"""
"""The colours of all elements that hold words."""


def sides(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG")
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


@pytest.mark.parametrize(("build", "ids"), [("testid", "bare"), ("plain", "legacy")])
async def test_of_a_proven_conversation_holds_it_and_nothing_beside_it(stage: Stage, build: str, ids: str) -> None:
    await stage.sandbox.client.configure(build=build, ids=ids)
    await stage.customer(f"Private {build}", "Nobody's business")
    await stage.customer(f"Shown {build}", "How much is tea?")
    order = await stage.order(f"Shown {build}", "Tea costs 4 EUR.")
    page = stage.page.reader.page
    shown = await pictures.of_conversation(stage.page.reader, order.known_external_ids)
    assert shown is not None
    frame = await stage.page.reader.ask("picture.frame", order.known_external_ids)
    viewport = page.viewport_size
    assert viewport is not None
    assert sides(shown) == (round(frame["width"]), round(frame["height"]))
    assert frame["x"] > 200, "the list is left of it"
    assert frame["x"] + frame["width"] <= viewport["width"]
    assert await pictures.of_conversation(stage.page.reader, ["3EB0ANOTHER"]) is None
    assert await pictures.of_conversation(stage.page.reader, []) is None


async def test_is_taken_where_another_landmark_is_gone(stage: Stage) -> None:
    await stage.customer("Boxless", "Hello?")
    order = await stage.order("Boxless", "We open at nine.")
    page = stage.page.reader.page
    await page.evaluate("document.querySelector('footer [role=textbox]').setAttribute('role', 'note')")
    assert await pictures.of_conversation(stage.page.reader, order.known_external_ids) is not None
    await page.evaluate("document.querySelector('footer [role=note]').setAttribute('role', 'textbox')")


async def test_of_the_bare_page_shows_no_word(stage: Stage, tmp_path: Path) -> None:
    await stage.customer("Canary", "Sing me a song")
    await stage.read("Canary")
    page = stage.page.reader.page
    assert len(await page.evaluate(COLOURS)) > 1
    async with pictures._dressed(page, pictures._WORDLESS):
        assert await page.evaluate(COLOURS) == ["rgba(0, 0, 0, 0)"]
    assert len(await page.evaluate(COLOURS)) > 1, "the page is as it was"
    with_words = await page.screenshot()
    path = await pictures.of_bare_page(page, tmp_path, "bare")
    assert path is not None
    assert len(path.read_bytes()) < len(with_words) / 4, "most of a picture of a chat is its words and faces"


async def test_each_picture_of_the_bare_page_has_a_file_of_its_own(stage: Stage) -> None:
    paths = [await stage.browser.screenshot("stopped-Box_Not/Empty") for _ in range(3)]
    assert len({path for path in paths if path is not None and path.is_file()}) == 3
    assert all(path is not None and path.name.startswith("stopped-box-not-empty-2") for path in paths)


async def test_pictures_are_bounded_while_the_bridge_runs(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "_MOST_OF_A_KIND", 2)
    once = await stage.browser.screenshot("stopped-dialog_open")
    again = [await stage.browser.screenshot("changed-box") for _ in range(4)]
    assert once is not None
    assert once.is_file(), "what comes again and again pushes out nothing else"
    assert [path is not None and path.is_file() for path in again] == [False, False, True, True]


def test_old_pictures_at_home_are_deleted(tmp_path: Path) -> None:
    now = time.time()

    def keep(kind: str, number: int, age: float) -> Path:
        path = tmp_path / f"{kind}-{number:03}.png"
        path.write_bytes(b"x")
        os.utime(path, (now - age,) * 2)
        return path

    old = keep("stopped-old", 0, 8 * 86_400)
    flood = [keep("changed-box", number, number) for number in range(60)]
    first = [keep(f"stopped-{name}", number, 1000 + number) for name in "abcd" for number in range(40)]
    (tmp_path / "journal.db").write_bytes(b"x")
    assert pictures.prune(tmp_path, days=7) == 1 + 10 + 10
    assert not old.exists()
    assert [path.exists() for path in flood] == [True] * 50 + [False] * 10
    assert sum(path.exists() for path in first) == 150
    assert (tmp_path / "journal.db").exists()
    assert pictures.prune(tmp_path, days=0) == 200
