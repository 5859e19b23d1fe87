"""The landmarks hold together, and the reader sees the same things on every build, id shape and language of the sandbox."""

import asyncio
from importlib.resources import files

import pytest

from core.contracts.bridge import MessageSeen
from core.contracts.states import Direction, MessageKind, Tick
from core.errors import SetupError
from desktop_bridge.errors import PageChanged
from desktop_bridge.page.landmarks import load_landmarks
from desktop_bridge.sandbox.models import ChatKind, Media, NewMessage, Source, Status
from desktop_bridge.sandbox.models import MessageKind as SandboxKind
from tests.desktop_bridge.stage import Stage

LOOKS = [("testid", "bare", "en"), ("testid", "legacy", "es"), ("plain", "bare", "pt"), ("plain", "legacy", "en")]
SOURCE = (files("desktop_bridge.page") / "landmarks.toml").read_text(encoding="utf-8")
LONG = "word " * 400
KINDS = [kind for kind in SandboxKind if kind not in {SandboxKind.TEXT, SandboxKind.SYSTEM}]


def test_landmarks_that_do_not_hold_together_are_refused() -> None:
    with pytest.raises(SetupError, match="is not described"):
        load_landmarks(SOURCE.replace('within = "main"', 'within = "nowhere"', 1))
    with pytest.raises(SetupError, match="are not listed"):
        load_landmarks(SOURCE.replace('label = "send"', 'label = "missing"', 1))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("format = 1", "format = 2", "format: Input should be 1"),
        ('version = "', 'version = "v', "version: String should match"),
        ("format = 1", "format = 1\nstealth = true", "stealth: Extra inputs are not permitted"),
        ("[landmark.box]", "[landmark.box]\ncolour = 1", "landmark.box.colour: Extra inputs"),
        ('count = "many"', 'count = "some"', "count: Input should be 'one'"),
        ("[landmark.send_button]", "[landmark.sent_button]", "not described: send_button"),
        ("languages =", "languages", "cannot be used"),
    ],
)
def test_a_file_of_another_shape_is_refused_with_the_place_of_the_fault(old: str, new: str, says: str) -> None:
    with pytest.raises(SetupError) as refused:
        load_landmarks(SOURCE.replace(old, new, 1))
    assert says in refused.value.detail


def test_every_label_that_the_scripts_and_the_reader_name_is_listed() -> None:
    landmarks = load_landmarks()
    wanted = {f"tick_{tick.value}" for tick in Tick} | {
        "compose",
        "compose_group",
        "invalid_number",
        "member_you",
        "yourself",
    }
    assert wanted <= set(landmarks.labels)


@pytest.mark.parametrize(("build", "ids", "lang"), LOOKS)
async def test_a_chat_is_read_the_same_on_every_look(stage: Stage, build: str, ids: str, lang: str) -> None:
    client = stage.sandbox.client
    await client.configure(build=build, ids=ids, lang=lang)
    title = f"+351 91 234 {LOOKS.index((build, ids, lang))}567"
    chat = await client.add_chat(title)
    first = await client.customer_says(chat.id, "Olá 👋🏽 *bom* dia\nsegunda linha")
    sent = await client.phone_says(chat.id, "Boa tarde")
    await client.phone_says(chat.id, "mais")
    await client.phone_says(chat.id, "e mais")
    await client.customer_says(chat.id, "Mm", quoted=sent)
    await client.customer_says(chat.id, LONG)
    await client.tick(sent, Status.READ)

    row = (await stage.page.find_rows(title))[0]
    assert (row.title, row.unread, row.group) == (title, 2, False)
    assert await stage.page.open_row(row)
    bubbles = await stage.page.bubbles()
    out, into = Direction.OUT, Direction.IN
    assert [b.direction for b in bubbles] == [into, out, out, out, into, into]
    assert (bubbles[0].external_id, bubbles[0].text) == (first, "Olá 👋🏽 *bom* dia\nsegunda linha")
    assert (bubbles[1].tick, bubbles[0].tick) == (Tick.READ, None)
    assert (bubbles[4].text, bubbles[4].quoted) == ("Mm", "Boa tarde")
    assert all(b.wa_at is not None and b.kind is MessageKind.TEXT for b in bubbles)
    assert bubbles[5].cut
    assert (await stage.page.whole(bubbles[5])).text == LONG.strip()


@pytest.mark.parametrize("lang", ["en", "pt", "es"])
@pytest.mark.parametrize("build", ["testid", "plain"])
async def test_every_kind_of_bubble_is_a_typed_message(stage: Stage, build: str, lang: str) -> None:
    client = stage.sandbox.client
    await client.configure(build=build, lang=lang)
    chat = await client.add_chat(f"Kinds {build} {lang}")
    media = Media(name="menu.pdf", options=["a", "b"])
    await client.add_messages(NewMessage(chat=chat.id, kind=kind, media=media) for kind in KINDS)
    await client.add_messages(
        [NewMessage(chat=chat.id, kind=SandboxKind.SYSTEM, source=Source.SERVICE, text="Messages are encrypted")]
    )
    stage.told.clear()
    gone = await client.customer_says(chat.id, "never mind")
    await client.delete(gone)
    liked = await client.customer_says(chat.id, "see you")
    await client.react(liked, "👍🏽")
    ours = await client.phone_says(chat.id, "bye")
    await client.react(ours, "❤️")
    await stage.read(f"Kinds {build} {lang}")
    await stage.intake.flush()
    told = {m.external_id: m for m in stage.told if isinstance(m, MessageSeen)}
    reactions = [m for m in told.values() if m.kind is MessageKind.REACTION]
    assert [(m.text, m.direction, m.quoted_text) for m in reactions] == [
        ("👍🏽", Direction.OUT, "see you"),
        ("❤️", Direction.IN, "bye"),
    ]
    assert all(m.external_id.startswith("~") for m in reactions)
    bubbles = [await stage.page.whole(b) for b in await stage.page.bubbles()][:-2]
    expected = [MessageKind(kind.value.replace("-", "_")) for kind in KINDS]
    assert [b.kind for b in bubbles[:-2]] == expected
    assert (bubbles[-2].kind, bubbles[-2].text) == (MessageKind.SYSTEM, "Messages are encrypted")
    assert (bubbles[-1].deleted, bubbles[-1].text) == (True, None)


async def test_two_boxes_or_another_role_stop_the_bridge_with_a_screenshot(stage: Stage) -> None:
    await stage.customer("Changed", "Hello?")
    await stage.read("Changed")
    page = stage.page.reader.page
    await page.evaluate("document.querySelector('footer [role=textbox]').setAttribute('role', 'note')")
    with pytest.raises(PageChanged, match="should be a textbox") as stop:
        await stage.page.look()
    assert stop.value.screenshot is not None
    assert stop.value.screenshot.read_bytes().startswith(b"\x89PNG")
    await page.evaluate(
        """() => { const box = document.querySelector('footer [role=note]'); box.setAttribute('role', 'textbox');
                   const twin = box.cloneNode(true); twin.id = 'twin'; box.after(twin); }"""
    )
    with pytest.raises(PageChanged, match="2 things"):
        await stage.page.look()
    await page.evaluate("document.getElementById('twin').remove()")
    assert (await stage.page.look()).box == ()


async def test_a_row_far_down_the_list_is_found_and_a_group_is_known(stage: Stage) -> None:
    await stage.customer("Far Down", "I wrote long ago")
    for number in range(60):
        await stage.customer(f"Neighbour {number}")
    assert [row.title for row in await stage.page.find_rows("Far Down")] == ["Far Down"]
    group = await stage.sandbox.client.add_chat("Friends", kind=ChatKind.GROUP, members=["Ana", "Rui"])
    await stage.sandbox.client.customer_says(group.id, "hello all", author="Ana")
    async with asyncio.timeout(5):
        while not (rows := await stage.page.find_rows("Friends")):  # noqa: ASYNC110 - a drawn row rings no bell
            await asyncio.sleep(0.05)
    assert await stage.page.open_row(rows[0])
    chat = await stage.page.current()
    assert chat is not None
    assert chat.group
